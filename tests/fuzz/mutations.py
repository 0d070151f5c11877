"""Reproducible damage to bytes, texts, JSON and archives."""

import io
import json
import re
import warnings
import zipfile
from collections.abc import Callable
from random import Random
from typing import Any

Mutation = Callable[[Random, bytes], bytes]

NUMBERS = (0, 1, -1, 2**15, 2**31 - 1, 2**31, 2**32, 2**63 - 1, 2**63, 2**64 - 1)
_HEADER = 512
_WORDS = (
    *("", "0", "-1", "1", "0.5", "1e999", "nan", "null", str(2**31), str(2**63), "9" * 400),
    *(
        '"',
        "'",
        "\0",
        "\n",
        ",",
        "[",
        "{",
        "../..",
        "é",
        "\N{ZERO WIDTH NO-BREAK SPACE}",
        "a" * 5000,
    ),
)
_VALUES = (None, True, 0, -1, 2**31, 2**63, 10**400, 0.5, 1e308, "", "0", "é" * 9, [], {}, [[]])


def _place(random: Random, content: bytes) -> int:
    """Choose a byte, every other time in the header."""
    most = len(content) if random.random() < 0.5 else min(len(content), _HEADER)
    return random.randrange(max(1, most))


def _range(random: Random, content: bytes) -> tuple[int, int]:
    start = _place(random, content)
    return start, min(len(content), start + random.choice((1, 2, 4, 8, 64, 512, 4096)))


def flipped_bit(random: Random, content: bytes) -> bytes:
    at = _place(random, content)
    return content[:at] + bytes([content[at] ^ 1 << random.randrange(8)]) + content[at + 1 :]


def changed_byte(random: Random, content: bytes) -> bytes:
    at = _place(random, content)
    return content[:at] + random.choice((b"\0", b"\xff", random.randbytes(1))) + content[at + 1 :]


def zeroed(random: Random, content: bytes) -> bytes:
    start, stop = _range(random, content)
    return content[:start] + bytes(stop - start) + content[stop:]


def deleted(random: Random, content: bytes) -> bytes:
    start, stop = _range(random, content)
    return content[:start] + content[stop:]


def duplicated(random: Random, content: bytes) -> bytes:
    start, stop = _range(random, content)
    return content[:stop] + content[start:]


def inserted(random: Random, content: bytes) -> bytes:
    at = _place(random, content)
    return content[:at] + random.randbytes(random.choice((1, 4, 100))) + content[at:]


def truncated(random: Random, content: bytes) -> bytes:
    return content[: random.choice((random.randrange(len(content)), len(content) - 1, 0))]


def swapped(random: Random, content: bytes) -> bytes:
    size = random.choice((1, 8, 64, 512))
    first, second = sorted(_place(random, content) for _ in range(2))
    if second + size > len(content) or first + size > second:
        return flipped_bit(random, content)
    one, two = content[first : first + size], content[second : second + size]
    return content[:first] + two + content[first + size : second] + one + content[second + size :]


def changed_number(random: Random, content: bytes) -> bytes:
    size = random.choice((1, 2, 4, 8))
    at = _place(random, content) // size * size
    number = random.choice(NUMBERS) % 256**size
    return (
        content[:at]
        + number.to_bytes(size, random.choice(("little", "big")))
        + content[at + size :]
    )


DAMAGES: tuple[Mutation, ...] = (
    flipped_bit,
    flipped_bit,
    changed_byte,
    zeroed,
    deleted,
    duplicated,
    inserted,
    truncated,
    swapped,
    changed_number,
)


def damaged(random: Random, content: bytes) -> bytes:
    """Damage the bytes in one way; the result always differs."""
    while content:
        made = random.choice(DAMAGES)(random, content)
        if made != content:
            return made
    return b"\0"


def changed_lines(random: Random, content: bytes) -> bytes:
    """Repeat, remove or swap lines, or replace a word."""
    lines = content.decode(errors="surrogateescape").splitlines(keepends=True) or [""]
    at, other = (random.randrange(len(lines)) for _ in range(2))
    how = random.randrange(5)
    if how == 0:
        lines[at:at] = [lines[at]] * random.choice((1, 2, 50))
    elif how == 1:
        del lines[at]
    elif how == 2:
        lines[at], lines[other] = lines[other], lines[at]
    else:
        words = list(re.finditer(r"[\w.\-]+|[^\w\s]", lines[at]))
        if words:
            word = random.choice(words)
            lines[at] = lines[at][: word.start()] + random.choice(_WORDS) + lines[at][word.end() :]
    return "".join(lines).encode(errors="surrogateescape")


def changed_json(random: Random, content: bytes) -> bytes:
    """Replace a value of a JSON document by one of another type, or remove or repeat it."""
    document = json.loads(content)
    holders = [(each, key) for each in _containers(document) for key in _keys(each)]
    if not holders:
        return json.dumps(random.choice(_VALUES)).encode()
    holder, key = random.choice(holders)
    how = random.random()
    if how < 0.15:
        del holder[key]
    elif how < 0.3 and isinstance(holder, list):
        holder.insert(key, holder[key])
    elif how < 0.4 and isinstance(holder, dict):
        holder[random.choice(_WORDS)] = holder.pop(key)
    else:
        holder[key] = random.choice(_VALUES)
    return json.dumps(document).encode()


def changed_json_line(random: Random, content: bytes) -> bytes:
    """Change one of the JSON documents in the lines of a text."""
    lines = content.splitlines(keepends=True)
    at = random.randrange(len(lines))
    lines[at] = changed_json(random, lines[at]) + b"\n"
    return b"".join(lines)


def _containers(document: Any) -> list[Any]:
    found, left = [], [document]
    while left:
        each = left.pop()
        if isinstance(each, dict | list):
            found.append(each)
            left += each.values() if isinstance(each, dict) else each
    return found


def _keys(container: dict | list) -> list:
    return list(container) if isinstance(container, dict) else list(range(len(container)))


def changed_members(random: Random, content: bytes) -> bytes:
    """Damage, remove, repeat or rename a member of a ZIP archive whose checksums then fit again."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    at = random.randrange(len(members))
    name, inner = members[at]
    how = random.random()
    if how < 0.1:
        del members[at]
    elif how < 0.2:
        members.insert(at, members[at])
    elif how < 0.3:
        members[at] = (changed_lines(random, name.encode()).decode(errors="replace"), inner)
    else:
        members[at] = (name, damaged(random, inner))
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a name may repeat
        for name, inner in members:
            archive.writestr(zipfile.ZipInfo(name), inner)
    return made.getvalue()
