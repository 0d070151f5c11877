"""A strategy that draws limits between ways to sort and to rank."""

from hypothesis import strategies as st

from invert_core.kernels.radix import Tuning


def tunings() -> st.SearchStrategy[Tuning]:
    """Draw limits; they take each way at sizes at which it is not taken otherwise."""
    return st.builds(
        Tuning,
        few=st.sampled_from([48, 0, 3]),
        spare_bits=st.sampled_from([8, 0, 32]),
        disordered=st.sampled_from([8, 1, 10**6]),
        counted=st.sampled_from([2, 0, 100]),
    )
