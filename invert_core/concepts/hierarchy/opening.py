"""Chooses the reader for a hierarchy."""

from os import PathLike

from invert_core.concepts.hierarchy.hierarchy import Hierarchy
from invert_core.concepts.hierarchy.label_tree import read_label_tree
from invert_core.concepts.hierarchy.parent_table import read_parent_table
from invert_core.concepts.hierarchy.wordnet import FOLDER, NOUNS, read_wordnet
from invert_core.errors import FileFormatError, MissingFileError
from invert_core.files.input_file import input_path
from invert_core.tables.formats import SUFFIXES

WORDNET = "wordnet"

_KINDS = (
    f"Give {WORDNET}, a folder with WordNet's {NOUNS}, a table with the columns child and "
    f"parent ({', '.join(SUFFIXES)}), or the hierarchy of Open Images (.json)."
)


def open_hierarchy(where: str | PathLike[str]) -> Hierarchy:
    """Read a hierarchy of any known kind.

    Parameters
    ----------
    where : path, or "wordnet"
        A folder with WordNet's `data.noun`, a table ``child,parent``, or the hierarchy of Open
        Images (``.json``). The word "wordnet" means the folder of Debian's package `wordnet-base`;
        for a folder of that name give ``./wordnet``.
    """
    if where == WORDNET:
        return read_wordnet(FOLDER)
    path = input_path(where)
    if path.is_dir():
        return read_wordnet(path)
    if path.suffix.lower() in SUFFIXES:
        return read_parent_table(path)
    if path.suffix.lower() == ".json":
        return read_label_tree(path)
    if not path.exists():
        raise MissingFileError(f"There is no file or folder {str(path)!r}.", _KINDS)
    raise FileFormatError(f"{str(path)!r} is not named like a hierarchy.", _KINDS)
