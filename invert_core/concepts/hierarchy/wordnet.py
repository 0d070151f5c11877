"""Reads WordNet's nouns: their names, their definitions, and their parents.

The manual page wndb(5) describes the format: `data.noun` has one synset per line.
"""

import re
from collections.abc import Container, Mapping
from pathlib import Path

from invert_core.concepts.hierarchy.hierarchy import Hierarchy
from invert_core.errors import FileFormatError, MissingFileError
from invert_core.files.text_files import read_lines

FOLDER = Path("/usr/share/wordnet")
"""The folder of Debian's package `wordnet-base`."""

NOUNS = "data.noun"

_ABOVE = ("@", "@i")
"""Pointers to a hypernym: "kind of" and "instance of"."""
_BELOW = ("~", "~i")
"""Pointers to a hyponym; they tell whether the file is whole."""

_GIVE = f"Give WordNet's {NOUNS}."
_EXAMPLES = re.compile(r'[;:] *"')
_INSTALL = (
    "Run `apt-get install --no-install-recommends wordnet-base`, or name the folder that holds it."
)


def read_wordnet(folder: Path = FOLDER) -> Hierarchy:
    """Read `data.noun` of a folder.

    Returns
    -------
    Hierarchy
        The synsets in the order of the file. The name of a synset is its first word, with blanks
        instead of underscores; the definition is its gloss without the examples in quotes.
    """
    path = folder / NOUNS
    if not folder.is_dir():
        raise MissingFileError(f"There is no folder {str(folder)!r} with WordNet.", _INSTALL)
    if not path.is_file():
        raise MissingFileError(f"There is no file {NOUNS} in {str(folder)!r}.", _INSTALL)
    parents: dict[str, tuple[str, ...]] = {}
    name: dict[str, str] = {}
    definition: dict[str, str] = {}
    pointed: dict[str, str] = {}
    for number, line in read_lines(path, _GIVE):
        if line.startswith("  "):  # the licence
            continue
        try:
            id, word, gloss, above, below = _parse(line)
        except (ValueError, IndexError) as error:
            raise FileFormatError(
                f"{str(path)!r}, line {number}, is not a synset.", _GIVE
            ) from error
        if id in parents:
            raise FileFormatError(
                f"{str(path)!r}, line {number}: the synset {id} repeats.",
                "The file was changed; install it again.",
            )
        parents[id], name[id], definition[id] = tuple(dict.fromkeys(above)), word, gloss
        for target in (*above, *below):
            pointed[target] = id
    _check_targets(path, pointed, parents)
    if not parents:
        raise FileFormatError(f"{str(path)!r} holds no synsets.", _GIVE)
    return Hierarchy(repr(str(path)), parents, name, definition)


def _check_targets(path: Path, pointed: Mapping[str, str], known: Container[str]) -> None:
    """Refuse a file that lacks a synset which a known one points to.

    `pointed` maps the id of each target to a synset that points to it.
    """
    for target, id in pointed.items():
        if target not in known:
            raise FileFormatError(
                f"{str(path)!r}: {id} points to {target}, which is missing.",
                "The file is cut off or was changed; install it again.",
            )


def _parse(line: str) -> tuple[str, str, str, list[str], list[str]]:
    """Read one synset: its id, name and definition, and the ids above and below it.

    The id is "n" and the offset in the file, as in n00004258.

    >>> line = '00004258 03 n 02 living_thing 0 animate_thing 0 001 @ 00003553 n 0000 | a living'
    >>> _parse(line + ' (or once living) entity; "look alive"')
    ('n00004258', 'living thing', 'a living (or once living) entity', ['n00003553'], [])
    """
    data, bar, gloss = line.partition(" | ")
    offset, _, kind, n_words, *fields = data.split()
    count_at = 2 * int(n_words, 16)
    symbols = fields[count_at + 1 :: 4]
    if not (bar and kind == "n" and offset.isdecimal() and len(offset) == 8 and count_at > 0):
        raise ValueError(line)
    if len(fields) != count_at + 1 + 4 * int(fields[count_at]):
        raise ValueError(line)
    above, below = [], []
    for symbol, target in zip(symbols, fields[count_at + 2 :: 4], strict=True):
        if symbol in _ABOVE:
            above.append(f"n{target}")
        elif symbol in _BELOW:
            below.append(f"n{target}")
    definition = _EXAMPLES.split(gloss, 1)[0] if '"' in gloss else gloss
    return f"n{offset}", fields[0].replace("_", " "), definition.strip(" ;\r"), above, below
