"""Sets of samples as words of 64 bits: sample i is bit i % 64 of word i // 64.

In every array of words here, the bits after the last sample are zero.
"""

import numpy as np

from invert_core.kernels._jit import kernel

_ONE = np.uint64(1)
_TWO = np.uint64(2)
_FOUR = np.uint64(4)
_TOP_BYTE = np.uint64(56)
_PAIRS = np.uint64(0x5555555555555555)
_NIBBLES = np.uint64(0x3333333333333333)
_BYTES = np.uint64(0x0F0F0F0F0F0F0F0F)
_ONES = np.uint64(0x0101010101010101)


@kernel
def popcount(word):
    """Return the number of set bits of one word; LLVM turns this form into one instruction."""
    # Each pair of bits becomes its count, then each nibble, then each byte: no sum overflows.
    word = word - ((word >> _ONE) & _PAIRS)
    word = (word & _NIBBLES) + ((word >> _TWO) & _NIBBLES)
    word = (word + (word >> _FOUR)) & _BYTES
    # The product adds up all eight bytes in the top byte; 64 still fits in a byte.
    return np.int64((word * _ONES) >> _TOP_BYTE)


@kernel
def lowest_bit(word):
    """Return the position of the lowest set bit of a word that is not zero."""
    # Subtracting one turns the zeros below the lowest set bit, and no other zeros, into ones.
    return popcount(~word & (word - _ONE))


@kernel
def popcounts(bits):
    """Count the set bits of each set: uint64 [C, W] -> int64 [C]."""
    counts = np.zeros(bits.shape[0], np.int64)
    for row in range(bits.shape[0]):
        total = np.int64(0)
        for word in bits[row]:
            total += popcount(word)
        counts[row] = total
    return counts


def whole_set(n_samples: int) -> np.ndarray:
    """Return the set of all samples: uint64 [W]."""
    words = np.full((n_samples + 63) // 64, ~np.uint64(0))
    # No bit after the last sample may be set: counts and comparisons take whole words.
    if n_samples % 64:
        words[-1] = (_ONE << np.uint64(n_samples % 64)) - _ONE
    return words


def pack_columns(labels: np.ndarray) -> np.ndarray:
    """Pack marks: bool or 0/1 [N, C], contiguous -> uint64 [C, W]."""
    if labels.flags.c_contiguous:
        return pack_samples(labels)
    # The marks of each concept lie side by side, so that their bytes can be packed as they are.
    packed = np.packbits(labels.T, axis=1, bitorder="little")
    words = np.zeros((len(packed), (len(labels) + 63) // 64), "<u8")
    words.view(np.uint8)[:, : packed.shape[1]] = packed
    return words.astype(np.uint64, copy=False)


@kernel
def pack_samples(labels):
    """Pack marks that are stored sample by sample; see `pack_columns`."""
    n_samples, n_concepts = labels.shape
    n_words = (n_samples + 63) // 64
    bits = np.empty((n_concepts, n_words), np.uint64)
    # Marks are stored sample by sample: one open word per concept lets the inner loop follow
    # memory.
    packed = np.empty(n_concepts, np.uint64)
    for word in range(n_words):
        packed[:] = 0
        start = word * 64
        for sample in range(start, min(start + 64, n_samples)):
            shift = np.uint64(sample - start)
            for concept in range(n_concepts):
                packed[concept] |= np.uint64(labels[sample, concept]) << shift
        for concept in range(n_concepts):
            bits[concept, word] = packed[concept]
    return bits


@kernel
def pack_pairs(sample, concept, n_samples, n_concepts):
    """Pack pairs (sample, concept), each int64 [E], in any order -> uint64 [C, W]."""
    bits = np.zeros((n_concepts, (n_samples + 63) // 64), np.uint64)
    for pair in range(sample.size):
        where = sample[pair]
        bits[concept[pair], where >> 6] |= _ONE << np.uint64(where & 63)
    return bits


@kernel
def unpack(bits, n_samples):
    """Unpack marks: uint64 [C, W] -> bool [N, C]."""
    n_concepts = bits.shape[0]
    labels = np.zeros((n_samples, n_concepts), np.bool_)
    for concept in range(n_concepts):
        for word in range(bits.shape[1]):
            left = bits[concept, word]
            # `labels` is 0 already, so only set bits matter.
            while left != np.uint64(0):
                labels[word * 64 + lowest_bit(left), concept] = True
                left &= left - _ONE
    return labels
