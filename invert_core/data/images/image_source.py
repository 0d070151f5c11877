"""Images as samples: read in order, decoded by worker processes, and cut into batches."""

import functools
import hashlib
import logging
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from numbers import Integral

import numpy as np
import PIL

from invert_core.data.images.decoding import decode, strict_pillow, unreadable, upright_size
from invert_core.data.images.image_files import ImageFiles, Read, digest_of
from invert_core.data.images.preprocess import LAYOUTS, Preprocess
from invert_core.data.images.worker_pool import WorkerPool
from invert_core.data.source import Batch, Batches, DataSource
from invert_core.errors import DataError, SettingError
from invert_core.parallel import available_cores
from invert_core.values import as_sample_id
from invert_core.wording import counted, first_few

_log = logging.getLogger("invert")
_SHOWN = 20
_TOO_FEW_FOR_WORKERS = 256
_CHECKED_AT_ONCE = 64


class ImageSource(DataSource):
    """Encoded images in a fixed order, decoded and preprocessed.

    Parameters
    ----------
    files : ImageFiles
        The encoded images.
    input_name : str
        The model input that takes the images.
    preprocess : Preprocess
        How an image becomes an array.
    workers : int, optional
        Number of extra processes that decode images; with 0 this process decodes them. By default
        there is one per core, and none for fewer than 256 images, which are read before workers
        have started. The arrays do not depend on it.
    skip_bad : bool
        Read every image once now, and leave out the images that cannot be read, which is logged.
    one_size : bool
        Refuse images that become arrays of different sizes. Otherwise, unless `preprocess` makes
        all sizes equal, the sizes of all images are read in advance; if they vary, every image is
        a batch of its own.
    progress : callable, optional
        Called with the number of images read so far and the number of all images, while
        `skip_bad` looks for bad ones, and while sizes are read.
    """

    def __init__(
        self,
        files: ImageFiles,
        input_name: str,
        preprocess: Preprocess,
        *,
        workers: int | None = None,
        skip_bad: bool = False,
        one_size: bool = True,
        progress: Callable[[int, int], None] | None = None,
    ):
        self.files = files
        self.origin = files.columns
        self.input_name = input_name
        self.preprocess = preprocess
        self.settings = preprocess.settings
        self.channel_axes = {input_name: LAYOUTS[preprocess.layout]}
        self.versions = {"pillow": PIL.__version__}
        self._n_workers = _n_workers(workers, len(files.sizes))
        self._names = as_sample_id(tuple(files.sizes), files.where)
        self._stopped = threading.Event()
        self._one_size = one_size
        self._progress = progress
        if skip_bad:
            self._names = self._readable()
        self.sample_id = self._names

    @property
    def manifest(self) -> str:
        """SHA-256 (hex) of the digests of all images: of id, size, and path if it is not the id."""
        return hashlib.sha256(self._digests).hexdigest()

    @property
    def sample_digests(self) -> np.ndarray:
        """The first 8 bytes of the digest of each image."""
        return np.frombuffer(self._digests, "<u8")[::4].astype(np.uint64)

    @functools.cached_property
    def _digests(self) -> bytes:
        return b"".join(digest_of(self.files.identity(name)) for name in self._names)

    def __len__(self) -> int:
        return len(self._names)

    @functools.cached_property
    def largest_batch(self) -> int:
        """The most images that can share a batch: 1 if they become arrays of different sizes."""
        if self._one_size or not self.preprocess.may_vary:
            return len(self)
        sizes = self._sizes()
        if len(sizes) < 2:
            return len(self)
        _log.info(
            "The images have %s after preprocessing, so each is a batch of its own; with --resize "
            "and --crop, or --letterbox, they could share batches.",
            counted(len(sizes), "different size"),
        )
        return 1

    def _sizes(self) -> set[tuple[int, int]]:
        """Read the header of every image, and return the heights and widths of the arrays.

        An image that cannot be read is skipped here, because decoding it will say why.
        """
        sizes = set()
        with self.files.opened() as read, strict_pillow():
            for done, name in enumerate(self._names, 1):
                _, content = _content(name, read)
                size = None if isinstance(content, DataError) else upright_size(content)
                if size is not None:
                    sizes.add(self.preprocess.size_of(size))
                self._tell(done)
        return sizes

    def _tell(self, done: int) -> None:
        if self._progress is not None and (not done % _CHECKED_AT_ONCE or done == len(self)):
            self._progress(done, len(self))

    def batches(self, start: int, batch_size: int) -> Batches:
        """Yield all batches from the one that holds `start`; see `DataSource.batches`."""
        self._stopped.clear()
        return self._batches(start, batch_size)

    def _batches(self, start: int, batch_size: int) -> Batches:
        begin = start // batch_size * batch_size
        check = self._check if self._one_size or batch_size > 1 else _alone
        with closing(self._decoded(self._names[begin:], batch_size)) as images:
            for first in range(begin, len(self), batch_size):
                arrays = []
                for name in self._names[first : first + batch_size]:
                    if self._stopped.is_set():
                        return
                    arrays.append(check(name, next(images)))
                samples = np.arange(first, first + len(arrays))
                yield Batch(samples, {self.input_name: np.stack(arrays)})

    def stop(self) -> None:
        """Make `batches` end after the current image; see `DataSource.stop`."""
        self._stopped.set()

    def example(self) -> dict[str, np.ndarray]:
        """Return the inputs of the first sample alone, read in this process."""
        return {self.input_name: self._first[np.newaxis]}

    @functools.cached_property
    def _first(self) -> np.ndarray:
        with self.files.opened() as read:
            return _raised(_decode_here(*_content(self._names[0], read), self.preprocess))

    def _check(self, name: str, image: np.ndarray | DataError) -> np.ndarray:
        array = _raised(image)
        if array.shape != self._first.shape:
            raise DataError(
                f"The image {name!r} becomes an array {array.shape}, "
                f"but {self._names[0]!r} one of {self._first.shape}.",
                "Make all images equally large with --resize and --crop, or with --letterbox.",
            )
        return array

    def _decoded(
        self, names: Sequence[str], ahead: int
    ) -> Generator[np.ndarray | DataError, None, None]:
        """Yield each image as an array, or as the error; workers are up to `ahead` images ahead."""
        with self.files.opened() as read:
            contents = (_content(name, read) for name in names)
            if not self._n_workers:
                for name, content in contents:
                    yield _decode_here(name, content, self.preprocess)
                return
            with closing(WorkerPool(self._n_workers, self.preprocess)) as pool:
                yield from pool.map(contents, max(ahead, 2 * self._n_workers))

    def _readable(self) -> tuple[str, ...]:
        """Read every image, and return the names of those that can be read."""
        bad = []
        with closing(self._decoded(self._names, _CHECKED_AT_ONCE)) as images:
            for done, (name, image) in enumerate(zip(self._names, images, strict=True), 1):
                if isinstance(image, DataError):
                    bad.append(name)
                self._tell(done)
        if len(bad) == len(self):
            raise DataError(
                f"None of the images in {self.files.where} can be read.", "Check its files."
            )
        if bad:
            _log.warning(
                "%d of %d images cannot be read and are left out: %s",
                len(bad),
                len(self),
                first_few(bad, _SHOWN),
            )
        left_out = set(bad)
        return tuple(name for name in self._names if name not in left_out)


def _n_workers(workers: int | None, n_images: int) -> int:
    if workers is None:
        return available_cores() if n_images >= _TOO_FEW_FOR_WORKERS else 0
    if isinstance(workers, bool) or not isinstance(workers, Integral) or workers < 0:
        raise SettingError(f"--workers is {workers!r}.", "Give a whole number of 0 or more.")
    return int(workers)


def _content(name: str, read: Read) -> tuple[str, bytes | DataError]:
    try:
        return name, read(name)
    except (OSError, ValueError) as error:
        return name, unreadable(name, error)


def _decode_here(
    name: str, content: bytes | DataError, preprocess: Preprocess
) -> np.ndarray | DataError:
    if isinstance(content, DataError):
        return content
    with strict_pillow():
        return decode(name, content, preprocess)


def _alone(name: str, image: np.ndarray | DataError) -> np.ndarray:
    return _raised(image)


def _raised(image: np.ndarray | DataError) -> np.ndarray:
    if isinstance(image, DataError):
        raise image
    return image
