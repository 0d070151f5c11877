"""Files without checksums, as earlier versions of the program wrote them."""

import h5py


def without_checksums(file: h5py.File, format_version: int) -> None:
    """Turn an open file of ours into one of an earlier version."""
    file.attrs["format_version"] = format_version
    del file.attrs["checksum"]
