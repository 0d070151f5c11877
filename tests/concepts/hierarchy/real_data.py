"""WordNet of the system, and the concepts of the INVERT authors."""

from pathlib import Path

import pytest

from invert_core.concepts.hierarchy.wordnet import FOLDER

AUTHORS = Path(__file__).parents[3] / "../shared/data/imagenet_concepts/concepts.csv"

needs_nouns = pytest.mark.skipif(
    not (FOLDER / "data.noun").is_file(), reason="the package wordnet-base is not installed"
)
needs_authors = pytest.mark.skipif(
    not AUTHORS.is_file(), reason="the concepts of the INVERT authors are not here"
)
