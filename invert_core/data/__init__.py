"""Samples for a model: images, texts, arrays, and batches from an iterable."""

from invert_core.data.arrays.array_source import ArraySource
from invert_core.data.arrays.iterables import BatchSource
from invert_core.data.images.preprocess import Preprocess
from invert_core.data.opening import Data, DataSettings, open_data
from invert_core.data.source import Batch, DataSource
from invert_core.data.texts.tokenizer_file import Tokenize

__all__ = [
    "ArraySource",
    "Batch",
    "BatchSource",
    "Data",
    "DataSettings",
    "DataSource",
    "Preprocess",
    "Tokenize",
    "open_data",
]
