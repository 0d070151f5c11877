"""Checksums of large arrays, faster to compute than a CRC of all bytes.

A block of up to 256 KiB is read as little-endian 64-bit words. The words are added up, modulo
2**64, in two ways: those whose positions are equal modulo 512, and those whose positions are equal
modulo 509. The checksum is the CRC-32 of the 512 and then the 509 sums. Because a block has fewer
than 512 * 509 words, no two of them share both sums: a change within 4,000 consecutive bytes
always changes the sums, and so does the exchange of two different words.
"""

import zlib

import numpy as np
import numpy.typing as npt

BLOCK_BYTES = 2**18
TYPE = np.dtype("<u4")
"""The type of stored checksums."""

_WORD = np.dtype("<u8")
_MODULI = (512, 509)


def block_checksum(block: bytes | memoryview) -> int:
    """The checksum of a block of at most `BLOCK_BYTES`; zeros fill its last word."""
    data = memoryview(block).cast("B")
    missing = -len(data) % _WORD.itemsize
    words = np.frombuffer(bytes(data) + bytes(missing) if missing else data, _WORD)
    checksum = 0
    for modulus in _MODULI:
        checksum = zlib.crc32(_sums(words, modulus).data, checksum)
    return checksum


def _sums(words: np.ndarray, modulus: int) -> npt.NDArray[np.uint64]:
    whole = words.size // modulus * modulus
    sums = words[:whole].reshape(-1, modulus).sum(axis=0, dtype=_WORD)
    sums[: words.size - whole] += words[whole:]
    return sums


def block_checksums(values: np.ndarray) -> npt.NDArray[np.uint32]:
    """The checksums of the bytes of an array in C order, in blocks of `BLOCK_BYTES`."""
    running = RunningChecksums()
    running.add(values)
    return running.finish()


class RunningChecksums:
    """Checksums as of `block_checksums`, for an array that comes in parts."""

    def __init__(self) -> None:
        self._full: list[int] = []
        self._rest = bytearray()

    def add(self, values: np.ndarray) -> None:
        """Add the next values."""
        data = np.ascontiguousarray(values).reshape(-1).view(np.uint8).data
        if self._rest:
            missing = BLOCK_BYTES - len(self._rest)
            self._rest += data[:missing]
            data = data[missing:]
            if len(self._rest) == BLOCK_BYTES:
                self._full.append(block_checksum(bytes(self._rest)))
                self._rest.clear()
        for start in range(0, len(data), BLOCK_BYTES):
            block = data[start : start + BLOCK_BYTES]
            if len(block) == BLOCK_BYTES:
                self._full.append(block_checksum(block))
            else:
                self._rest += block

    def finish(self) -> npt.NDArray[np.uint32]:
        """The checksums of all blocks; the last block may be shorter."""
        last = [block_checksum(bytes(self._rest))] if self._rest else []
        return np.array(self._full + last, TYPE)
