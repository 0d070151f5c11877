"""Pictures of images: in a folder, in an archive, or where a table says."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from invert_core.data.images.decoding import strict_pillow
from invert_core.data.images.tar_files import TarFiles
from invert_core.data.images.zip_files import ZipFiles
from invert_core.data.previews.absent import Absent
from invert_core.data.previews.pictures import Picture, check_webp, decoded, in_threads
from invert_core.data.previews.place import ARCHIVES, located
from invert_core.data.previews.sample_files import Read, contents_of, in_folder
from invert_core.errors import FileFormatError, MissingFileError
from invert_core.tables.columns import read_column


def pictures_of_images(
    shown: Mapping[int, str],
    source: Mapping[str, str],
    root: Path | None,
    tell: Callable[[int], None],
) -> tuple[str, list[Picture | Absent]]:
    """Make a picture of each image, and say where the images are.

    Parameters
    ----------
    shown : mapping of int to str
        Ids of the samples.
    source : mapping of str to str
        Where the images were, as an activation file says.
    root : Path or None
        Where they are now, if they have moved.
    tell : callable
        Called with the number of pictures that are made.
    """
    check_webp()
    where, files = _opened(source, root)
    with strict_pillow(), files as read:
        contents = ((content, _size(content)) for content in contents_of(shown, read))
        return where, in_threads(contents, _picture, tell)


def _picture(content: bytes | Absent) -> Picture | Absent:
    return content if isinstance(content, Absent) else decoded(content)


def _size(content: bytes | Absent) -> int:
    return 0 if isinstance(content, Absent) else len(content)


def _opened(
    source: Mapping[str, str], root: Path | None
) -> tuple[str, AbstractContextManager[Read]]:
    """Say where the images are, and open them for reading."""
    place = located(source, root)
    if place.name.lower().endswith(ARCHIVES) and place.is_file():
        files = ZipFiles(place) if place.suffix.lower() == ".zip" else TarFiles(place)
        return files.where, _members(files)
    paths, folder = (None, place)
    if "column" in source:
        paths, folder = _listed(place, source, root)
    if not folder.exists():
        raise MissingFileError(f"There is no folder {str(folder)!r}.", "Check the path.")
    if not folder.is_dir():
        raise FileFormatError(f"{str(folder)!r} is no folder or archive of images.", "Check it.")
    return f"the folder {str(folder)!r}", nullcontext(in_folder(folder, paths))


def _listed(
    table: Path, source: Mapping[str, str], root: Path | None
) -> tuple[Mapping[str, str] | None, Path]:
    """Return the path of each id, or None if ids are paths, and the folder that paths start from.

    If the images have moved, `root` is their folder, or the table in it.
    """
    folder = Path(source.get("root", table.parent))
    if root is not None:
        folder = root if root.is_dir() else root.parent
    if "id_column" not in source:
        return None, folder
    if not table.is_file():
        table = Path(source.get("path", ""))
    found = read_column(table, source["column"], (), source["id_column"])
    return dict(zip(found.sample_id or (), found.values, strict=True)), folder


@contextmanager
def _members(files: ZipFiles | TarFiles) -> Iterator[Read]:
    with files.opened() as read:

        def member(id: str) -> bytes:
            if id not in files.sizes:
                raise FileNotFoundError
            return read(id)

        yield member
