"""Samples for a model: folders of images (`invert_core.data.images`), and arrays."""

from invert_core.data.arrays import ArraySource
from invert_core.data.opening import Data, open_data
from invert_core.data.preprocess import Preprocess
from invert_core.data.source import Batch, DataSource
from invert_core.data.tokenize import Tokenize

__all__ = ["ArraySource", "Batch", "Data", "DataSource", "Preprocess", "Tokenize", "open_data"]
