"""The parts of evidence.h5 that hold the samples to look at, and where they came from."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from invert_core.files.hdf5 import broken_file_errors, has_item, own_dataset, own_group
from invert_core.files.hdf5_checksums import read_array, read_strings, write_array, write_strings
from invert_core.files.hdf5_values import as_text
from invert_core.results.evidence_checks import contradiction

if TYPE_CHECKING:
    from invert_core.data.previews.shown import ShownSamples

_TEXT, _PICTURE, _SIZE, _MIME = "shown_text", "shown_picture", "shown_size", "shown_mime"
_MARK, _MISSING, _SOURCE = "shown_mark", "shown_missing", "source"
_BYTE, _WHOLE, _LONG = np.dtype("u1"), np.dtype("<u4"), np.dtype("<u8")
_MIMES = ("", "image/png", "image/webp")

_OLDER = "This run keeps no copies of its samples, because an earlier version of invert made it."


def write_source(
    file: h5py.File, source: Mapping[str, str], marks: Mapping[int, int] | None
) -> None:
    """Write where the samples can be found again and how to know them, as far as it is known."""
    if marks is not None:
        write_array(file, _MARK, np.array(list(marks.values()), _LONG))
    if source:
        file.create_group(_SOURCE).attrs.update(source)


def write_shown(file: h5py.File, samples: "ShownSamples") -> None:
    """Write what there is to look at of the samples in ``/shown_row``."""
    file.attrs[_MISSING] = samples.missing
    if samples.text is not None:
        write_strings(file, _TEXT, samples.text)
    if samples.picture is not None and samples.mime is not None:
        sizes = np.array([len(one) for one in samples.picture], _WHOLE)
        write_array(file, _SIZE, sizes)
        write_array(file, _PICTURE, np.frombuffer(b"".join(samples.picture), _BYTE))
        write_strings(file, _MIME, samples.mime)


def read_source(file: h5py.File) -> dict[str, str]:
    """Read where the samples can be found again; {} if that is not known."""
    if not has_item(file, _SOURCE):
        return {}
    group = own_group(file, _SOURCE)
    with broken_file_errors(group):
        found = {key: as_text(value) for key, value in group.attrs.items()}
    return {key: value for key, value in found.items() if value is not None}


def read_ids(file: h5py.File, rows: np.ndarray) -> dict[int, str]:
    """Read the ids of the samples that are in any list, by row of the activation file."""
    ids = ("",) * len(rows)
    if has_item(file, "shown_id"):
        ids = read_strings(own_dataset(file, "shown_id"))
    if len(ids) != len(rows):
        raise contradiction(file, "not every sample in /shown_row has one entry in /shown_id")
    return dict(zip(rows.tolist(), ids, strict=True))


def read_marks(file: h5py.File, rows: np.ndarray) -> dict[int, int] | None:
    """Read the marks of the samples that are in any list; None if they have none."""
    if not has_item(file, _MARK):
        return None
    marks = _read(file, _MARK, _LONG)
    _check_length(file, _MARK, len(marks), len(rows))
    return dict(zip(rows.tolist(), marks.tolist(), strict=True))


def read_shown(file: h5py.File, n_shown: int) -> dict[str, Any]:
    """Read the fields of `RunEvidence` that say what there is to look at."""
    with broken_file_errors(file):
        missing = as_text(file.attrs.get(_MISSING, _OLDER))
    if missing is None:
        raise contradiction(file, f"its attribute {_MISSING} is no text")
    text = _strings(file, _TEXT, n_shown) if has_item(file, _TEXT) else None
    picture = mime = None
    if any(has_item(file, name) for name in (_PICTURE, _SIZE, _MIME)):
        picture = _read_pictures(file, n_shown)
        mime = _strings(file, _MIME, n_shown)
        for of_picture, content in zip(mime, picture, strict=True):
            if of_picture not in _MIMES or bool(of_picture) != bool(content):
                raise contradiction(
                    file, f"/{_MIME} holds {of_picture!r} for a picture of {len(content):,} bytes"
                )
    return {
        "shown_text": text,
        "shown_picture": picture,
        "shown_mime": mime,
        "shown_missing": missing,
    }


def _read(file: h5py.File, name: str, of: np.dtype) -> np.ndarray:
    values = read_array(own_dataset(file, name))
    if values.dtype != of or values.ndim != 1:
        raise contradiction(file, f"/{name} has type {values.dtype} and shape {values.shape}")
    return values


def _read_pictures(file: h5py.File, n_shown: int) -> tuple[bytes, ...]:
    sizes, content = _read(file, _SIZE, _WHOLE), _read(file, _PICTURE, _BYTE).tobytes()
    _check_length(file, _SIZE, len(sizes), n_shown)
    ends = np.cumsum(sizes, dtype=np.int64).tolist()
    if (ends[-1] if ends else 0) != len(content):
        raise contradiction(file, f"/{_SIZE} does not add up to the bytes of /{_PICTURE}")
    return tuple(content[start:end] for start, end in zip([0, *ends], ends, strict=False))


def _strings(file: h5py.File, name: str, n_shown: int) -> tuple[str, ...]:
    found = read_strings(own_dataset(file, name))
    _check_length(file, name, len(found), n_shown)
    return found


def _check_length(file: h5py.File, name: str, n_found: int, n_shown: int) -> None:
    if n_found != n_shown:
        raise contradiction(
            file, f"/{name} has {n_found:,} entries, not one for each of /shown_row"
        )
