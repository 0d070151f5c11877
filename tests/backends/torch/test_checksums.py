"""Damaged files of torch.save are refused, although PyTorch reads them."""

import logging
import zipfile

import pytest

from invert_core.errors import FileFormatError
from tests.needs import need

torch = need("torch")

from invert_core.backends.torch.weights import read_weights


@pytest.fixture
def path(tmp_path):
    torch.save({"w": torch.arange(1000.0)}, tmp_path / "w.pt")
    return tmp_path / "w.pt"


def test_whole_weights_are_read(path):
    assert torch.equal(read_weights(path)["w"], torch.arange(1000.0))


def test_a_flipped_byte_of_a_weight_is_refused(path):
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        place = archive.getinfo("w/data/0").header_offset
    content[place + 2000] ^= 1
    path.write_bytes(content)
    assert not torch.equal(torch.load(path, weights_only=True)["w"], torch.arange(1000.0))
    with pytest.raises(FileFormatError, match="the checksum of its member 'w/data/0' is wrong"):
        read_weights(path)


@pytest.mark.skipif(
    not hasattr(torch.serialization, "set_crc32_options"), reason="PyTorch always writes them"
)
def test_weights_without_checksums_are_read_with_a_warning(tmp_path, caplog):
    usual = torch.serialization.get_crc32_options()
    torch.serialization.set_crc32_options(False)
    try:
        torch.save({"w": torch.ones(3)}, tmp_path / "w.pt")
    finally:
        torch.serialization.set_crc32_options(usual)
    with caplog.at_level(logging.WARNING, "invert"):
        read_weights(tmp_path / "w.pt")
    assert "was saved without checksums, so damage would go unseen" in caplog.text
