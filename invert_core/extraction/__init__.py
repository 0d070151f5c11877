"""Runs a model over samples and writes a file of activations."""

from invert_core.extraction.extracting import extract
from invert_core.extraction.feed import Feed
from invert_core.extraction.listing import list_layers
from invert_core.extraction.report import Estimate, ExtractedLayer, ExtractionReport, Spent

__all__ = [
    "Estimate",
    "ExtractedLayer",
    "ExtractionReport",
    "Feed",
    "Spent",
    "extract",
    "list_layers",
]
