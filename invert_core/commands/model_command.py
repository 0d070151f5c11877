"""A command that finds the backend of a model and opens the model with it."""

import contextlib
import difflib
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from invert_core.commands.command import Command, read_config
from invert_core.commands.model_options import BackendOption, built_in_params, load_params
from invert_core.errors import InvertError, MissingFileError
from invert_core.models.built_in import BUILT_IN
from invert_core.wording import nearest

_CHOICE = "invert.backend"


def model_prints_on_stderr() -> contextlib.AbstractContextManager[object]:
    """Send what a model or its backend prints to stderr, because stdout is for data."""
    return contextlib.redirect_stdout(sys.stderr)


class ModelCommand(Command):
    """A command with the argument MODEL and the options of the backend that opens the model.

    Its function gets the given options of the backend as one `model_options`, or None if none was
    given. If no model is named, as with ``--help`` alone, the command knows the options
    of all built-in backends.
    """

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the parameters of the command, then the options of the backends."""
        own = super().get_params(ctx)
        return [*own, *(param for each in _choice(ctx).params.values() for param in each)]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Choose the backend, parse with its options, and gather the ones that were given."""
        with model_prints_on_stderr():
            ctx.meta[_CHOICE] = self._choose(ctx, args)
        try:
            rest = super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            flags = [flag for param in self.get_params(ctx) for flag in param.opts]
            long = [flag for flag in flags if flag.startswith("--")]
            raise self.unknown_option(ctx, error.option_name, long) from error
        ctx.params["model_options"] = dict(_given(ctx)) or None
        return rest

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Print the options of each backend below those of the command."""
        sections: dict[str, Sequence[click.Option]] = {"Options": self._own(ctx)}
        for name, params in _choice(ctx).params.items():
            sections[f"Options of the backend {name!r}"] = params
        for title, shown in sections.items():
            if shown:
                with formatter.section(title):
                    formatter.write_dl([param.get_help_record(ctx) or ("", "") for param in shown])

    def unknown_option(
        self, ctx: click.Context, name: str, known: Iterable[str], where: str = ""
    ) -> Exception:
        """Return an error that names the backend's options, or says why no backend is known."""
        choice = _choice(ctx)
        if choice.problem:
            return choice.problem
        if choice.backend is None:
            return _no_model(f"Without it, {super().unknown_option(ctx, name, known, where)}")
        dashes = "--" if name.startswith("-") else ""
        own = [dashes + str(p.opts[0]).lstrip("-") for p in choice.params[choice.backend]]
        guess = "" if _is_of_another(name, known) else nearest(name, known)
        return click.UsageError(
            f"{where}{name!r} is an option of neither {ctx.command_path!r} nor the backend "
            f"{choice.backend!r}. {guess or 'Leave it out.'} "
            f"The options of this backend are: {', '.join(own) or 'none'}."
        )

    def _choose(self, ctx: click.Context, args: Sequence[str]) -> "_Choice":
        """Find the backend that is named, or else the one that opens the model."""
        known, words = self._split(ctx, args)
        try:
            backend = known.get("backend") or _configured(known) or _of_model(words)
            return _Choice(backend, {backend: load_params(backend)}) if backend else _Choice()
        except (InvertError, click.MissingParameter) as error:
            return _Choice(problem=error)

    def _split(self, ctx: click.Context, args: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
        """Separate the values of the command's own options from all other words."""
        alone = click.Command(None, params=[*self._own(ctx)], add_help_option=False)
        lenient = click.Context(alone, ignore_unknown_options=True, resilient_parsing=True)
        known, words, _ = alone.make_parser(lenient).parse_args(list(args))
        return known, words

    def _own(self, ctx: click.Context) -> list[click.Option]:
        return [param for param in super().get_params(ctx) if isinstance(param, click.Option)]


@dataclass(frozen=True)
class _Choice:
    """The backend that a command line leads to, and the options that it brings.

    Without a backend, `params` holds the options of all built-in ones, and `problem` says why no
    word of the command line is a model.
    """

    backend: str | None = None
    params: dict[str, list[BackendOption]] = field(default_factory=built_in_params)
    problem: InvertError | click.MissingParameter | None = None


def _is_of_another(name: str, known: Iterable[str]) -> bool:
    """Return whether an unknown option resembles one of another backend more than a known one."""
    own = {f"--{each.lstrip('-')}" for each in known}
    of_others = {option.flag for entry in BUILT_IN.values() for option in entry.options} - own
    closest = difflib.get_close_matches(f"--{name.lstrip('-')}", [*own, *of_others], n=1)
    return bool(of_others.intersection(closest))


def _choice(ctx: click.Context) -> _Choice:
    return ctx.meta.get(_CHOICE) or _Choice()


def _configured(known: dict[str, Any]) -> str | None:
    """Read from the --config file which backend it names."""
    if known.get("config") is None or known.get("help"):
        return None
    named = read_config(Path(known["config"])).get("backend")
    return named if isinstance(named, str) else None


def _of_model(words: Sequence[str]) -> str | None:
    """Find the backend of the first word that is a model.

    The options of backends are not known yet. A word after an option may be its value, and is
    therefore tried only if there is no other word.
    """
    from invert_core.models.registry import find_backend

    models: list[str] = []
    values: list[str] = []
    for before, word in pairwise(["", *words]):
        if not word.startswith("-"):
            is_value = before.startswith("-") and "=" not in before
            (values if is_value else models).append(word)
    problem = None
    for word in models or values:
        try:
            return find_backend(word)
        except InvertError as error:
            problem = problem or error
    if values and not models and isinstance(problem, MissingFileError):
        raise _no_model(f"{values[0]!r} is taken for the value of an option.")
    if problem:
        raise problem
    return None


def _no_model(reason: str) -> click.MissingParameter:
    return click.MissingParameter(reason, param_hint="'MODEL'", param_type="argument")


def _given(ctx: click.Context) -> Iterator[tuple[str, Any]]:
    """Take the options of backends out of the parameters; yield the ones that were given."""
    for params in _choice(ctx).params.values():
        for param in params:
            value = ctx.params.pop(str(param.name), None)
            if ctx.get_parameter_source(str(param.name)) not in (None, ParameterSource.DEFAULT):
                yield param.keyword, value
