"""Real data of a sentence encoder, too large for a repository."""

from pathlib import Path

import pytest

WORDNET = Path(__file__).parents[1] / "../shared/data/wordnet_minilm"

needs_wordnet = pytest.mark.skipif(
    not WORDNET.is_dir(), reason="the texts and activations of wordnet_minilm are not here"
)
