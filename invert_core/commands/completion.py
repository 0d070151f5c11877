"""Completion in the shell: what a layer, a unit or a concept can be called where one is typed.

docs/terminal.md says how to turn it on. While a word is completed nothing can be said, so a file
that cannot be read offers nothing.
"""

import csv
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import click
from click.shell_completion import BashComplete, CompletionItem, split_arg_string

from invert_core.errors import InvertError

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]

_LABELS_CSV = "labels.csv"


def complete(**names_in: Callable[[Path], Iterable[str]]) -> Complete:
    """Return what completes a word with the names in a file or folder.

    For the name of each argument that may give it, there is a function that finds the names.
    """

    def completed(
        ctx: click.Context, _param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        given = {argument: _given(ctx, argument) for argument in names_in}
        try:
            names = dict.fromkeys(
                name
                for argument, path in given.items()
                if path is not None
                for name in names_in[argument](path)
            )
        except (InvertError, OSError, ValueError, KeyError, csv.Error):
            return []
        # A shell would take a blank for the end of the word.
        fitting = (name for name in names if name.startswith(incomplete) and _is_word(name))
        return [CompletionItem(name) for name in fitting]

    return completed


def _given(ctx: click.Context, argument: str) -> Path | None:
    """Return the path that is typed for an argument of the command."""
    value = ctx.params.get(argument)
    if value is None:
        # An option that lacks its value, which is being typed, keeps click from naming arguments.
        known = [one.name for one in ctx.command.params if isinstance(one, click.Argument)]
        value = dict(zip(known, ctx.args, strict=False)).get(argument)
    return None if value is None else Path(value)


def words(known: Callable[[], Iterable[str]]) -> Complete:
    """Return what completes a word with known ones."""

    def completed(
        _ctx: click.Context, _param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return [CompletionItem(word) for word in known() if word.startswith(incomplete)]

    return completed


def _is_word(name: str) -> bool:
    return name.isprintable() and not set(name) & set(" \t'\"\\$`&|;<>()*?[]{}!#~")


def addresses(run: Path) -> Iterator[str]:
    """Yield the addresses of the units of a run, which labels.csv tells fastest."""
    for row in _rows(run):
        yield f"{row['layer']}:{row['unit']}"


def layers_of_run(run: Path) -> Iterator[str]:
    """Yield the layers of a run."""
    yield from (row["layer"] for row in _rows(run))


def concepts(run: Path) -> Iterator[str]:
    """Yield ids and names of the concepts that the formulas of a run use."""
    from invert_core.formula.syntax import tokens

    formulas = {(row["formula"], row["label"]) for row in _rows(run)}
    found: set[str] = set()
    for formula, label in formulas:
        for text, read in ((formula, None), (label, lambda name, _id, _position: name)):
            found |= {token for kind, token, _ in tokens(text, read) if kind == "id"}
    yield from sorted(found)


def layers(activations: Path) -> Iterator[str]:
    """Yield the names of the layers of an activation file, then their aliases."""
    from invert_core.activations.reading import open_activations

    with open_activations(activations) as opened:
        available = list(opened.layers.values())
    yield from (layer.name for layer in available)
    yield from (layer.alias for layer in available if layer.alias)


def _rows(run: Path) -> Iterator[dict[str, str]]:
    table = run / _LABELS_CSV
    # A pipe would keep whoever is typing waiting for ever.
    if not table.is_file():
        return
    with table.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


class WholeWords(BashComplete):
    """Completion in bash, which takes a colon for the end of a word.

    The line up to the cursor says what the word is. Bash replaces what comes after the last colon,
    so the answers leave out what is before it.
    """

    source_template = BashComplete.source_template.replace(
        "env COMP_WORDS=", 'env COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_WORDS='
    )

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the one at the cursor, and as much of it as is typed."""
        line = os.environ.get("COMP_LINE")
        if line is None:
            return super().get_completion_args()
        typed = split_arg_string(line)
        is_new = line[-1:].isspace() or not typed
        return (typed[1:], "") if is_new else (typed[1:-1], typed[-1])

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        """Return the answers, without what bash does not replace."""
        before = incomplete[: incomplete.rfind(":") + 1]
        found = super().get_completions(args, incomplete)
        for item in found:
            item.value = str(item.value).removeprefix(before)
        return found
