"""Options that a backend declares, for the library and for the command line."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from invert_core.errors import SettingError

Kind = type[bool] | type[str] | type[int] | type[float] | type[Path]
_FLAG = re.compile(r"--[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Option:
    """One keyword argument of `Backend.open`, which the command line takes as an option.

    Attributes
    ----------
    name : str
        Name of the keyword argument; ``batch_norm`` is spelled ``--batch-norm``.
    help : str
        What the option does, in a sentence or two.
    kind : bool, str, int, float, Path, tuple of str, or callable
        Type of the value: ``bool`` is a flag that takes no value, and a tuple holds the choices. A
        callable makes the value from a text, or raises a ValueError that says what is wrong.
    repeated : bool
        Whether the option may be given several times; the argument is then a tuple of all values.
    flag : str
        Spelling of the option on the command line, if it differs from the name.
    metavar : str or None
        What ``--help`` calls the value; None names it by its kind.
    typed_only : bool
        Whether the option drops a protection, so that a person must type it: a ``--config`` file
        cannot give it.

    Examples
    --------
    >>> Option("batch_norm", "Fold batch normalization into the weights.", bool).flag
    '--batch-norm'
    """

    name: str
    help: str
    kind: Kind | tuple[str, ...] | Callable[[str], Any] = str
    repeated: bool = False
    flag: str = ""
    metavar: str | None = None
    typed_only: bool = False

    def __post_init__(self) -> None:
        if not self.flag:
            object.__setattr__(self, "flag", f"--{self.name.lower().replace('_', '-')}")
        if not (self.name.isidentifier() and _FLAG.fullmatch(self.flag)):
            raise SettingError(
                f"An option cannot have the name {self.name!r} and the flag {self.flag!r}.",
                "Name it like a Python argument, and write its flag, if any, like '--batch-norm'.",
            )
        if not (callable(self.kind) or (self.kind and isinstance(self.kind, tuple))):
            raise SettingError(
                f"The option {self.name!r} cannot be of the kind {self.kind!r}.",
                "Give bool, str, int, float, Path, a tuple of choices, or a function of a text.",
            )
        if self.repeated and self.kind is bool:
            raise SettingError(
                f"The option {self.name!r} is a flag, and a flag cannot be repeated.",
                "Leave out `repeated`, or give the option another kind.",
            )
