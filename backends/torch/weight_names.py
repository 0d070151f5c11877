"""Matches the names of weights in a file with the names that a module has for them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import TypeVar

T = TypeVar("T")
Shapes = Mapping[str, tuple[int, ...] | None]
"""The shape of every weight by name; None for a value that is no tensor."""

_COMPILED = "_orig_mod"
_DEEPEST = 99


@dataclass(frozen=True)
class Prefixes:
    """How the names in a file differ from those of a module.

    Parameters
    ----------
    of_file : str
        What stands before the names in the file alone; "" or with a dot at the end.
    of_module : str
        What stands before the names in the module alone; "" or with a dot at the end.
    """

    of_file: str = ""
    of_module: str = ""

    def in_module(self, weights: Mapping[str, T]) -> dict[str, T]:
        """Rename weights of the file, and leave out those without the prefix of the file."""
        return {
            self.of_module + name.removeprefix(self.of_file): weight
            for name, weight in weights.items()
            if name.startswith(self.of_file)
        }

    def in_file(self, name: str) -> str:
        """Return the name in the file of a weight that `in_module` has renamed."""
        return self.of_file + name.removeprefix(self.of_module)


def without_compiled(weights: Mapping[str, T]) -> dict[str, T]:
    """Leave out ``_orig_mod``, which torch.compile puts into names, unless two names would be one.

    >>> without_compiled({"_orig_mod.stem._orig_mod.weight": 1})
    {'stem.weight': 1}
    """
    renamed = {
        ".".join(part for part in name.split(".") if part != _COMPILED): weight
        for name, weight in weights.items()
    }
    return renamed if len(renamed) == len(weights) else dict(weights)


def best_prefixes(own: Shapes, given: Shapes) -> list[Prefixes]:
    """Find the prefixes with which most weights of a file have a name and a shape of a module.

    Parameters
    ----------
    own, given : mapping of str to tuple of int, or None
        The shapes of all weights of the module and of the file.

    Returns
    -------
    list of Prefixes
        Names as they are come first; several prefixes if equally many weights fit, and none if no
        weight fits.
    """
    # No name of the module has more parts, so a hostile file cannot make this slow.
    depth = 1 + max((name.count(".") for name in own), default=0)
    named: Counter[Prefixes] = Counter()
    shaped: Counter[Prefixes] = Counter()

    def count(prefixes: Prefixes, of_module: str, of_file: str) -> None:
        named[prefixes] += 1
        shaped[prefixes] += own[of_module] == given[of_file]

    for name in given:
        if name in own:
            count(Prefixes(), name, name)
        for prefix, rest in _splits(name, depth):
            if rest in own:
                count(Prefixes(of_file=prefix), rest, name)
    for name in own:
        for prefix, rest in _splits(name, depth):
            if rest in given:
                count(Prefixes(of_module=prefix), name, rest)
    both = _both(own, given)
    if both.of_file and both.of_module:
        for renamed, name in both.in_module({name: name for name in given}).items():
            if renamed in own:
                count(both, renamed, name)
    most = max(((named[each], shaped[each]) for each in named), default=None)
    best = [each for each in named if (named[each], shaped[each]) == most]
    return [Prefixes()] if Prefixes() in best else sorted(best, key=_order)


def prefixes_of(names: Iterable[str]) -> set[str]:
    """Return everything that ends with a dot and that a name begins with.

    >>> sorted(prefixes_of(["model.stem.weight"]))
    ['model.', 'model.stem.']
    """
    return {prefix for name in names for prefix, _ in _splits(name, _DEEPEST)}


def _splits(name: str, most: int) -> Iterator[tuple[str, str]]:
    """Split a name at its dots, from the right and at most so often."""
    end = len(name)
    for _ in range(most):
        end = name.rfind(".", 0, end)
        if end < 0:
            return
        yield name[: end + 1], name[end + 1 :]


def _both(own: Shapes, given: Shapes) -> Prefixes:
    """Return what all names of each side begin with, without the end that both share."""
    of_file, of_module = _common(given), _common(own)
    while of_file and of_module and of_file[-1] == of_module[-1]:
        of_file, of_module = of_file[:-1], of_module[:-1]
    return Prefixes(*("".join(f"{part}." for part in parts) for parts in (of_file, of_module)))


def _common(names: Shapes) -> list[str]:
    parts = [name.split(".")[:-1] for name in names]
    ends = zip(min(parts, default=[]), max(parts, default=[]), strict=False)
    return [first for first, _ in takewhile(lambda pair: pair[0] == pair[1], ends)]


def _order(prefixes: Prefixes) -> tuple[int, str, str]:
    return len(prefixes.of_file) + len(prefixes.of_module), prefixes.of_file, prefixes.of_module
