"""WordNet's nouns: their definitions, and what each of them is a kind of.

The format is that of the manual page wndb(5): one synset a line in `data.noun`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from invert_core.errors import FileFormatError, MissingFileError

NOUNS = Path("/usr/share/wordnet/data.noun")
"""Where Debian's package `wordnet-base` puts them."""

KIND_OF = ("@", "@i")
"""Pointers to a hypernym: a kind of, or an instance of."""

_EXAMPLES = re.compile(r'[;:] *"')


@dataclass(frozen=True)
class Synset:
    """One meaning that its words share.

    `id` is the offset in the file, as in n00001740; `definition` is the gloss without the examples
    in quotes; `hypernyms` are the ids of what this is directly a kind of.
    """

    id: str
    words: tuple[str, ...]
    definition: str
    hypernyms: tuple[str, ...]


def read_nouns(path: Path = NOUNS) -> dict[str, Synset]:
    """Read `data.noun`.

    Returns
    -------
    dict of id to Synset
        In the order of the file.

    Raises
    ------
    MissingFileError
        There is no such file.
    FileFormatError
        A line is no synset, or one of its hypernyms is not there.
    """
    if not path.is_file():
        raise MissingFileError(
            f"There is no file {str(path)!r}.",
            "Run `apt-get install --no-install-recommends wordnet-base`, or say where the file is.",
        )
    nouns = {}
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.startswith(b"  "):  # the licence
                continue
            try:
                synset = parse(line.decode())
            except (ValueError, IndexError) as error:
                raise FileFormatError(
                    f"{str(path)!r}, line {number}, is no synset.", "Give WordNet's data.noun."
                ) from error
            nouns[synset.id] = synset
    for synset in nouns.values():
        for hypernym in synset.hypernyms:
            if hypernym not in nouns:
                raise FileFormatError(
                    f"{str(path)!r}: {synset.id} is a kind of {hypernym}, which is not there.",
                    "The file is cut off or changed; install it again.",
                )
    return nouns


def parse(line: str) -> Synset:
    """Read one synset.

    >>> line = '00004258 03 n 02 living_thing 0 animate_thing 0 001 @ 00003553 n 0000 | a living'
    >>> parse(line + ' (or once living) entity; "look alive"').definition
    'a living (or once living) entity'
    """
    data, bar, gloss = line.partition(" | ")
    offset, _, kind, n_words, *fields = data.split()
    if not (bar and kind == "n" and offset.isdecimal() and len(offset) == 8):
        raise ValueError(line)
    after_words = 2 * int(n_words, 16)
    n_pointers = int(fields[after_words])
    pointers = fields[after_words + 1 :]
    if len(pointers) != 4 * n_pointers:
        raise ValueError(line)
    return Synset(
        id=f"n{offset}",
        words=tuple(word.replace("_", " ") for word in fields[:after_words:2]),
        definition=_EXAMPLES.split(gloss)[0].strip(" ;\n"),
        hypernyms=tuple(
            f"n{target}"
            for symbol, target in zip(pointers[::4], pointers[1::4], strict=True)
            if symbol in KIND_OF
        ),
    )


def closure(synset: str, nouns: Mapping[str, Synset]) -> set[str]:
    """Ids of a synset and of all that it is a kind of, directly or not."""
    found: set[str] = set()
    waiting = [synset]
    while waiting:
        id = waiting.pop()
        if id not in found:
            found.add(id)
            waiting.extend(nouns[id].hypernyms)
    return found
