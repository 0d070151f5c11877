import pytest

from tests.data.texts.small_tokenizer import write_tokenizer


@pytest.fixture
def tokenizer(tmp_path):
    return write_tokenizer(tmp_path)
