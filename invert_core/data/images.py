"""A folder of images as samples."""

import functools
import hashlib
import json
import logging
import os
import struct
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
import PIL
from PIL import Image, ImageFile, ImageOps

from invert_core.data.preprocess import Preprocess
from invert_core.data.source import Batch, Batches, DataSource
from invert_core.errors import DataError, MissingFileError, first_few
from invert_core.sample_id import as_sample_id
from invert_core.text import counted

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"}
FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF")

T = TypeVar("T")

_log = logging.getLogger("invert")
_SHOWN = 20
_LEAVES = "link to elsewhere"
_CHECKED_AT_ONCE = 64
_UNREADABLE = (
    OSError,
    ValueError,
    SyntaxError,
    TypeError,
    LookupError,
    EOFError,
    OverflowError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
"""What Pillow raises for broken files, by format."""


class ImageFolder(DataSource):
    """All images below a folder, in the order of their paths, which are the sample ids.

    Hidden files and folders are skipped, links to folders are not followed, and links to files
    outside the folder and files that are not images by their suffix are ignored, which is logged.

    Parameters
    ----------
    folder : Path
    input_name : str
        The model input that takes the images.
    preprocess : Preprocess
    skip_bad : bool
        Read every image once now, and leave out those that cannot be read, which is logged.
    progress : callable, optional
        Called with images read and images to read while bad ones are looked for.

    Raises
    ------
    MissingFileError
        There is no such folder.
    DataError
        It has no images, none that can be read, or a folder inside that cannot be listed.
    """

    def __init__(
        self,
        folder: Path,
        input_name: str,
        preprocess: Preprocess,
        *,
        skip_bad: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ):
        self.folder = folder
        self.input_name = input_name
        self.preprocess = preprocess
        self.settings = preprocess.settings
        self.versions = {"pillow": PIL.__version__}
        self._sizes = _find_images(folder)
        if skip_bad:
            for name in self._find_bad(progress):
                del self._sizes[name]
            if not self._sizes:
                raise DataError(
                    f"None of the images in {str(folder)!r} can be read.", "Check the folder."
                )
        self.sample_id = as_sample_id(tuple(self._sizes), repr(str(folder)))

    @functools.cached_property
    def manifest(self) -> str:
        """SHA-256 (hex) of ids and file sizes."""
        return hashlib.sha256(json.dumps(list(self._sizes.items())).encode()).hexdigest()

    def __len__(self) -> int:
        return len(self._sizes)

    def batches(self, start: int, batch_size: int) -> Batches:
        """All batches from the one that holds `start` on, as `DataSource.batches` says."""
        names = tuple(self._sizes)
        with ThreadPoolExecutor() as pool:
            shape = _in_threads(pool, self._read, names[:1])[0].shape
            for row in range(start // batch_size * batch_size, len(names), batch_size):
                chosen = names[row : row + batch_size]
                images = _in_threads(pool, self._read, chosen)
                for name, image in zip(chosen, images, strict=True):
                    if image.shape != shape:
                        raise DataError(
                            f"The image {name!r} becomes an array {image.shape}, "
                            f"but {names[0]!r} one of {shape}.",
                            "Make all images equally large with --resize and --crop.",
                        )
                rows = np.arange(row, row + len(chosen))
                yield Batch(rows, {self.input_name: np.stack(images)})

    def _find_bad(self, progress: Callable[[int, int], None] | None) -> list[str]:
        names = tuple(self._sizes)
        bad: list[str] = []
        with ThreadPoolExecutor() as pool:
            for start in range(0, len(names), _CHECKED_AT_ONCE):
                chosen = names[start : start + _CHECKED_AT_ONCE]
                readable = _in_threads(pool, self._is_readable, chosen)
                bad += [name for name, good in zip(chosen, readable, strict=True) if not good]
                if progress is not None:
                    progress(start + len(chosen), len(names))
        if bad:
            _log.warning(
                "%d of %d images cannot be read and are left out: %s",
                len(bad),
                len(names),
                first_few(bad, _SHOWN),
            )
        return bad

    def _is_readable(self, name: str) -> bool:
        try:
            self._read(name)
        except DataError:
            return False
        return True

    def _read(self, name: str) -> np.ndarray:
        path = self.folder / name
        try:
            if path.exists() and not path.is_file():
                raise ValueError("it is no file")
            with Image.open(path, formats=FORMATS) as image:
                _refuse_deep(image)
                return self.preprocess.apply(ImageOps.exif_transpose(image))
        except DataError as error:
            error.add_note(f"(Image {name!r}.)")
            raise
        except _UNREADABLE as error:
            raise DataError(
                f"The image {name!r} cannot be read ({error}).",
                "Repair or remove it, or leave such images out with --skip-bad.",
            ) from error


def _refuse_deep(image: ImageFile.ImageFile) -> None:
    # Pillow cuts 16 bits of colour to 8 in silence; only how it is about to decode tells.
    decoded = (str(tile[3]) for tile in image.tile) if image.format in ("PNG", "TIFF") else ()
    if image.mode[0] in "IF" or any(";16" in arguments for arguments in decoded):
        raise ValueError("it has more than 8 bits per channel")


def _in_threads(pool: Executor, read: Callable[[str], T], names: Sequence[str]) -> list[T]:
    # Filters of warnings belong to the whole process, so they are set here and not by each thread.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return list(pool.map(read, names))


def _find_images(folder: Path) -> dict[str, int]:
    """Relative path and size in bytes of every image, in order."""
    if not folder.is_dir():
        raise MissingFileError(f"There is no folder {str(folder)!r}.", "Check the path.")
    sizes: dict[str, int] = {}
    ignored: Counter[str] = Counter()
    root = os.path.realpath(folder)
    for where, folders, files in os.walk(folder, onerror=_refuse_folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for path in (Path(where, name) for name in files if not name.startswith(".")):
            if path.suffix.lower() not in SUFFIXES:
                ignored[path.suffix or path.name] += 1
            elif path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(root):
                ignored[_LEAVES] += 1
            else:
                sizes[path.relative_to(folder).as_posix()] = _size(path)
    if ignored:
        kinds = ", ".join(f"{count} {kind}" for kind, count in ignored.most_common(5))
        _log.info(
            "%s in %s %s ignored, not being images of this folder: %s",
            counted(ignored.total(), "file"),
            folder,
            "is" if ignored.total() == 1 else "are",
            kinds,
        )
    if not sizes:
        raise DataError(
            f"The folder {str(folder)!r} has no images.",
            "Links that leave the folder are not followed; copy the images into it."
            if _LEAVES in ignored
            else f"Images end in {', '.join(sorted(SUFFIXES))}.",
        )
    return dict(sorted(sizes.items()))


def _refuse_folder(error: OSError) -> None:
    raise DataError(
        f"The folder {str(error.filename)!r} cannot be listed: {error.strerror}.",
        "Change its rights, or move it away if its images are not wanted.",
    ) from error


def _size(path: Path) -> int:
    """Size in bytes, 0 for what cannot be reached: reading it will say so."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
