"""What run.json says of a run: where it comes from, and the settings that the page needs."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from invert_core.errors import FileFormatError

_PARTS = ("settings", "arguments", "inputs", "versions", "timings", "machine")


@dataclass(frozen=True)
class Provenance:
    """Where a run comes from.

    Attributes
    ----------
    told : tuple of (str, str)
        All that is known, by name.
    min_fraction : float
        The smallest share of the samples on which a formula may be true.
    quantile : float or None
        The share of the samples that counts as the highest; None in runs of earlier versions.
    """

    told: tuple[tuple[str, str], ...]
    min_fraction: float
    quantile: float | None

    @classmethod
    def of_info(cls, info: Mapping[str, Any]) -> Self:
        """Read the object in run.json.

        Raises
        ------
        FileFormatError
            A part is missing, or is something else.
        """
        for name in _PARTS:
            if not isinstance(info.get(name), dict):
                raise _lacks(name)
        settings = info["settings"]
        fraction, quantile = settings.get("min_fraction"), settings.get("quantile")
        if not _is_number(fraction):
            raise _lacks("settings.min_fraction")
        if quantile is not None and not _is_number(quantile):
            raise _lacks("settings.quantile")
        return cls(tuple(_told(info)), float(fraction), quantile)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _lacks(name: str) -> FileFormatError:
    return FileFormatError(
        f"run.json does not say what a report needs: {name!r} is missing or is something else.",
        "Label again with: invert label ACTIVATIONS CONCEPTS -o RUN",
    )


def _told(info: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what the settings, files, versions and machine of a run were."""
    for part in ("settings", "arguments"):
        for name, value in info[part].items():
            if part == "settings" or value is not None:
                yield name.replace("_", " "), _as_text(value)
    for role, file in info["inputs"].items():
        if not isinstance(file, dict):
            raise _lacks("inputs")
        path, digest = (_as_text(file.get(name)) for name in ("path", "sha256"))
        yield role.replace("_", "-"), f"{path}, SHA-256 {digest}"
    for name, version in info["versions"].items():
        yield name, _as_text(version)
    yield "started", _as_text(info["timings"].get("started"))
    yield "machine", _as_text(info["machine"].get("system"))


def _as_text(value: Any) -> str:
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
