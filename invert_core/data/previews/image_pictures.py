"""Pictures of images: in a folder, in an archive, or where a table says."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from invert_core.data.images.decoding import strict_pillow
from invert_core.data.images.image_files import digest_of
from invert_core.data.images.tar_files import TarFiles
from invert_core.data.images.zip_files import ZipFiles
from invert_core.data.previews.absent import Absent
from invert_core.data.previews.pictures import Picture, check_webp, decoded, in_threads
from invert_core.data.previews.place import ARCHIVES, located
from invert_core.data.previews.sample_files import Read, contents_of, in_folder
from invert_core.data.previews.wanted import Found, Wanted, note_of_changed
from invert_core.errors import FileFormatError, MissingFileError
from invert_core.tables.columns import read_column


def pictures_of_images(wanted: Wanted, tell: Callable[[int], None]) -> Found:
    """Make a picture of each image, and say where the images are.

    Parameters
    ----------
    wanted : Wanted
    tell : callable
        Called with the number of pictures that are made.
    """

    def picture(content: bytes | Absent) -> Picture | Absent:
        return content if isinstance(content, Absent) else decoded(content, wanted.edge)

    check_webp()
    where, paths, files = _opened(wanted.source, wanted.root)
    changed: list[int] = []
    with strict_pillow(), files as read:
        items = _with_sizes(wanted, paths, read, changed)
        pictures = in_threads(items, picture, tell)
    return Found(where, pictures, note_of_changed(changed, wanted.shown))


def _with_sizes(
    wanted: Wanted, paths: Mapping[str, str] | None, read: Read, changed: list[int]
) -> Iterator[tuple[bytes | Absent, int]]:
    """Yield each file and its size, and add the rows of those that have changed."""
    contents = contents_of(wanted.shown, read)
    for (row, id), content in zip(wanted.shown.items(), contents, strict=True):
        if isinstance(content, Absent):
            yield content, 0
            continue
        mark = wanted.marks.get(row)
        path = id if paths is None else paths[id]
        digest = digest_of([id, len(content), *([] if path == id else [path])])
        if mark is not None and mark != int.from_bytes(digest[:8], "little"):
            changed.append(row)
        yield content, len(content)


def _opened(
    source: Mapping[str, str], root: Path | None
) -> tuple[str, Mapping[str, str] | None, AbstractContextManager[Read]]:
    """Say where the images are, return the path of each id as above, and open them for reading."""
    place = located(source, root)
    if place.name.lower().endswith(ARCHIVES) and place.is_file():
        files = ZipFiles(place) if place.suffix.lower() == ".zip" else TarFiles(place)
        return files.where, None, _members(files)
    paths, folder = (None, place)
    if "column" in source:
        paths, folder = _listed(place, source, root)
    if not folder.exists():
        raise MissingFileError(f"There is no folder {str(folder)!r}.", "Check the path.")
    if not folder.is_dir():
        raise FileFormatError(f"{str(folder)!r} is no folder or archive of images.", "Check it.")
    return f"the folder {str(folder)!r}", paths, nullcontext(in_folder(folder, paths))


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
