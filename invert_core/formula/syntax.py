"""The syntax of formulas: their tree, and how it is read from text and written as text."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from invert_core.errors import FormulaError

MAX_LITERALS = 1_000
MAX_DEPTH = 100

Read = Callable[[str, str | None, int], str]
"""Gives the id of a concept, from what stands for it, an id in parentheses, and the position."""

_EXAMPLE = 'A formula looks like: box & ~(mailbox | "two words")'
_QUOTED = r'(?P<quoted>"[^"\\]*+(?:\\.[^"\\]*+)*+")'
_BARE = r"(?P<bare>[A-Za-z0-9_.-]++)"
_IDS = re.compile(rf"{_BARE}|{_QUOTED}", re.DOTALL)
_ID = re.compile(rf"\s++|(?P<symbol>[&|~()])|{_BARE}|{_QUOTED}", re.DOTALL)
_NAME = re.compile(
    rf'\s++|(?P<symbol>[&|~()])|(?P<bare>[^&|~()"\s][^&|~()"]*+)|{_QUOTED}', re.DOTALL
)
"""Names may hold blanks; they end before the next symbol."""
_ID_OF_NAME = re.compile(rf"\s*+\(\s*+(?:{_BARE}|{_QUOTED})\s*+\)", re.DOTALL)
_BARE_ID = re.compile(r"[A-Za-z0-9_.-]+")


@dataclass(frozen=True)
class Literal:
    """A concept or its negation."""

    id: str
    negated: bool = False
    length: int = field(default=1, init=False, repr=False, compare=False)
    depth: int = field(default=0, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            usable = isinstance(self.id, str) and self.id.encode() != b""
        except UnicodeEncodeError:
            usable = False
        if not usable:
            raise FormulaError(
                f"{self.id!r} is not a concept id.", "An id is text of one or more characters."
            )


@dataclass(frozen=True)
class Group:
    """Two or more operands under one connective, or the negation of such a group.

    No operand is itself a group of the same connective unless it is negated; `join` makes sure of
    it.
    """

    connective: str
    operands: tuple["Literal | Group", ...]
    negated: bool = False
    length: int = field(default=0, init=False, repr=False, compare=False)
    depth: int = field(default=0, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "length", sum(operand.length for operand in self.operands))
        object.__setattr__(self, "depth", 1 + max(operand.depth for operand in self.operands))
        if self.length > MAX_LITERALS:
            raise _too_long()
        if self.depth > MAX_DEPTH:
            raise _too_deep()


def quote_id(id: str) -> str:
    r"""Return a concept id as formulas write it: bare if possible, else as a JSON string.

    >>> print(quote_id("n02012849"), quote_id('say "a"'))
    n02012849 "say \"a\""
    """
    return id if _BARE_ID.fullmatch(id) else quote(id)


def quote(text: str) -> str:
    """Return any text as a JSON string that holds only what can be printed and typed."""
    spelled = json.dumps(text, ensure_ascii=False)
    if spelled.isprintable():
        return spelled
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in spelled)


def _too_long() -> FormulaError:
    return FormulaError(
        f"The formula has more than {MAX_LITERALS:,} literals.", "Give a shorter formula."
    )


def _too_deep() -> FormulaError:
    return FormulaError(
        f"The formula nests deeper than {MAX_DEPTH} levels.", "Give a formula that is less nested."
    )


def join(connective: str, operands: Sequence[Literal | Group]) -> Literal | Group:
    """Put operands under one connective and flatten nested runs; a single operand is unchanged."""
    if len(operands) == 1:
        return operands[0]
    return Group(connective, _flat(connective, operands))


def _flat(connective: str, operands: Iterable[Literal | Group]) -> tuple[Literal | Group, ...]:
    flat: list[Literal | Group] = []
    for operand in operands:
        if isinstance(operand, Group) and operand.connective == connective and not operand.negated:
            flat.extend(operand.operands)
        else:
            flat.append(operand)
    return tuple(flat)


def _negate(node: Literal | Group, negate: bool = True) -> Literal | Group:
    return replace(node, negated=not node.negated) if negate else node


def iter_literals(node: Literal | Group) -> Iterator[Literal]:
    """Yield the literals of a tree in order of appearance."""
    if isinstance(node, Literal):
        yield node
    else:
        for operand in node.operands:
            yield from iter_literals(operand)


def print_tree(node: Literal | Group, show: Callable[[str], str]) -> str:
    """Return the text of a tree with only the parentheses it needs; `show` formats each id."""
    if isinstance(node, Literal):
        return "~" * node.negated + show(node.id)
    parts = []
    for operand in node.operands:
        text = print_tree(operand, show)
        looser = isinstance(operand, Group) and not operand.negated and node.connective == "&"
        parts.append(f"({text})" if looser else text)
    inner = f" {node.connective} ".join(parts)
    return f"~({inner})" if node.negated else inner


def canonical(node: Literal | Group, negate: bool = False) -> Literal | Group:
    """Move negations to the literals and sort the operands of each run."""
    if isinstance(node, Literal):
        return _negate(node, negate)
    negate ^= node.negated
    connective = {"&": "|", "|": "&"}[node.connective] if negate else node.connective
    operands = _flat(connective, (canonical(operand, negate) for operand in node.operands))
    return Group(connective, tuple(sorted(operands, key=lambda one: print_tree(one, quote_id))))


def check_syntax(text: str) -> None:
    """Raise a FormulaError if a text is not a formula, whatever its names stand for."""
    parse_tree(text, lambda spoken, _id, _position: spoken)


@dataclass
class _Level:
    """The text read so far inside one pair of parentheses: runs of ``&``, joined by ``|``."""

    opened_at: int
    negated: bool
    runs: list[list[Literal | Group]]

    def close(self) -> Literal | Group:
        joined = join("|", [join("&", run) for run in self.runs])
        return _negate(joined, self.negated)


def parse_tree(text: str, read: Read | None = None) -> Literal | Group:
    """Read a tree from text without recursion, because untrusted text may nest very deep.

    Without `read`, the text is in ids. With it, the text may hold names, and a name may be followed
    by an id in parentheses.
    """
    levels = [_Level(0, False, [[]])]
    negations = 0
    complete = False
    n_literals = 0
    for kind, token, position in tokens(text, read):
        if kind == "id" and not complete:
            n_literals += 1
            if n_literals > MAX_LITERALS:
                raise _too_long()
            levels[-1].runs[-1].append(Literal(token, negations % 2 == 1))
            negations, complete = 0, True
        elif kind == "~" and not complete:
            negations += 1
            if negations > MAX_DEPTH:
                raise _too_deep()
        elif kind == "(" and not complete:
            if len(levels) > MAX_DEPTH:
                raise _too_deep()
            levels.append(_Level(position, negations % 2 == 1, [[]]))
            negations = 0
        elif kind == "&" and complete:
            complete = False
        elif kind == "|" and complete:
            levels[-1].runs.append([])
            complete = False
        elif kind == ")" and complete and len(levels) > 1:
            node = levels.pop().close()
            levels[-1].runs[-1].append(node)
        else:
            closing = "&, | or )" if len(levels) > 1 else "& or |"
            raise _misplaced(token, position, closing if complete else "a concept, ~ or (")
    if not complete:
        raise FormulaError(
            f"The formula ends at character {len(text) + 1} where a concept should follow.",
            _EXAMPLE,
        )
    if len(levels) > 1:
        raise FormulaError(
            f"The parenthesis at character {levels[-1].opened_at} is not closed.", _EXAMPLE
        )
    return levels[0].close()


def ids_in(formulas: Iterable[str]) -> set[str]:
    """Return all concept ids in formulas, which are written in ids.

    >>> sorted(ids_in(["b & ~a", '"two words" | b']))
    ['a', 'b', 'two words']
    """
    spelled = {text for found in _IDS.findall("&".join(set(formulas))) for text in found}
    return {text for id in spelled for kind, text, _ in tokens(id) if kind == "id"}


def tokens(text: str, read: Read | None = None) -> Iterator[tuple[str, str, int]]:
    """Yield the kind of each token ("id", or the symbol itself), its text, and its position.

    Without `read`, the text is in ids; with it, it may hold names, as in `parse_tree`.
    """
    token = _ID if read is None else _NAME
    at = 0
    while at < len(text):
        match = token.match(text, at)
        if match is None:
            raise _unreadable(text[at], at + 1)
        position = at + 1
        at = match.end()
        if match["symbol"]:
            yield match["symbol"], match["symbol"], position
        elif match["bare"] or match["quoted"]:
            spoken = _spoken(match, position)
            if read is not None:
                id_of_name = _ID_OF_NAME.match(text, at)
                if id_of_name is not None:
                    at = id_of_name.end()
                    spoken = read(spoken, _spoken(id_of_name, position), position)
                else:
                    spoken = read(spoken, None, position)
            yield "id", spoken, position


def _spoken(match: re.Match[str], position: int) -> str:
    """Return the id or name in a match, without the quotes or the blanks behind it."""
    return match["bare"].rstrip() if match["bare"] else _unquoted(match["quoted"], position)


def _unquoted(token: str, position: int) -> str:
    try:
        return json.loads(token)
    except json.JSONDecodeError as error:
        raise FormulaError(
            f"The quoted id at character {position} is not a JSON string ({error.msg}).",
            'Inside the quotes write \\" for " and \\\\ for \\.',
        ) from error


def _misplaced(token: str, position: int, wanted: str) -> FormulaError:
    shown = repr(token if len(token) <= 40 else token[:40] + "...")
    return FormulaError(
        f"The formula has {shown} at character {position} where {wanted} is expected.",
        _EXAMPLE,
    )


def _unreadable(character: str, position: int) -> FormulaError:
    if character == '"':
        return FormulaError(f"The quotation mark at character {position} is not closed.", _EXAMPLE)
    return FormulaError(
        f"The formula has {character!r} at character {position}, which formulas cannot contain.",
        f"Put an id with such characters in double quotes. {_EXAMPLE}",
    )
