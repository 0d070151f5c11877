"""What a backend says of an option, for the library and for the command line."""

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
        What it does, in a sentence or two.
    kind : bool, str, int, float, Path, tuple of str, or callable
        What the argument is: ``bool`` is a flag that takes no value, a tuple holds the choices. A
        callable makes the value of a text, and raises ValueError with a word on what is wrong.
    repeated : bool
        Whether the option may be given several times; the argument is a tuple of all values then.
    flag : str
        How the command line spells the option, if not like the name.
    metavar : str
        What ``--help`` calls the value, if not by its kind.

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

    def __post_init__(self) -> None:
        if not self.flag:
            object.__setattr__(self, "flag", f"--{self.name.lower().replace('_', '-')}")
        if not (self.name.isidentifier() and _FLAG.fullmatch(self.flag)):
            raise SettingError(
                f"An option cannot have the name {self.name!r} and the flag {self.flag!r}.",
                "Name it like a Python argument, and its flag, if any, like '--batch-norm'.",
            )
        if not (callable(self.kind) or (self.kind and isinstance(self.kind, tuple))):
            raise SettingError(
                f"The option {self.name!r} is of the kind {self.kind!r}, which there is not.",
                "Give bool, str, int, float, Path, a tuple of choices, or a function of a text.",
            )
        if self.repeated and self.kind is bool:
            raise SettingError(
                f"The option {self.name!r} is a flag that may be repeated.",
                "Leave out `repeated`, or give it another kind.",
            )
