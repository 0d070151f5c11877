"""Names of units that users bring: which layer they are for, and which unit each is for."""

import hashlib
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from invert_core.errors import MissingFileError, SettingError, UnknownNameError
from invert_core.extraction.name_lists import NameList, as_names, read_name_file, read_name_text
from invert_core.models.backend import Model
from invert_core.wording import first_few, nearest

UnitNameSource = Sequence[str] | Mapping[str, Sequence[str]]
"""Texts as on the command line, or the names themselves by layer."""

_METADATA = "metadata:"
_FIRST = re.compile(r"(?P<source>.*):first=(?P<first>[0-9]{1,9})", re.DOTALL)
_PLACE = re.compile(r"(?P<channel>[0-9]+)(?P<place>@.*)", re.DOTALL)


@dataclass(frozen=True)
class UnitNames:
    """Names of the units of some layers, before the number of units is known.

    Parameters
    ----------
    of_layer : mapping of layer name to NameList
    """

    of_layer: Mapping[str, NameList] = field(default_factory=dict)

    @property
    def digests(self) -> dict[str, str]:
        """A SHA-256 for each layer that changes if a name does."""
        return {layer: _digest(names) for layer, names in self.of_layer.items()}

    def of_units(self, layer: str, n_units: int, flat: Sequence[str] | None) -> tuple[str, ...]:
        """Return one name per unit of a layer that has names; "" for a unit without a name.

        Parameters
        ----------
        layer : str
        n_units : int
        flat : sequence of str or None
            Names of the units of a flattened layer, ``channel@place``. The names are those of the
            channels then, and the units are called ``name@place``.
        """
        names = self.of_layer[layer]
        places = None if flat is None else [_PLACE.fullmatch(each) for each in flat]
        if places is None or not all(places):
            return names.spread(layer, "unit", n_units)
        channels = [int(each["channel"]) for each in places if each]
        of_channels = names.spread(layer, "channel", 1 + max(channels))
        return tuple(
            f"{of_channels[channel] or channel}{each['place']}"
            for channel, each in zip(channels, places, strict=True)
            if each
        )


def read_unit_names(
    wanted: UnitNameSource, model: Model, layers: Sequence[str], aliases: Mapping[str, str]
) -> UnitNames:
    """Read the names of units.

    Parameters
    ----------
    wanted : sequence of str, or mapping of layer name to sequence of str
        ``FILE``, ``metadata:KEY``, or either after ``LAYER=``, and perhaps with ``:first=N`` behind
        it, which says that the first name belongs to unit N, and that not all units have names.
        Or the names of all units of some layers.
    model : Model
    layers : sequence of str
        The layers that are extracted.
    aliases : mapping of layer name to str
        Other names of the layers.
    """
    in_list = isinstance(wanted, Sequence) and all(isinstance(each, str) for each in wanted)
    if isinstance(wanted, str) or not (in_list or isinstance(wanted, Mapping)):
        raise SettingError(
            "The sources of unit names are not in a list.", 'Give one, as in ("names.txt",).'
        )
    called = {alias: layer for layer, alias in aliases.items()} | {name: name for name in layers}
    pairs: list[tuple[str, NameList]] = []
    if isinstance(wanted, Mapping):
        for layer, names in wanted.items():
            listed = as_names(names, f"The list for layer {layer!r}")
            pairs.append((_true_name(layer, called, layers), listed))
    else:
        for text in wanted:
            pairs += _read(text, model.metadata(), called, layers)
    found = dict(pairs)
    if len(found) < len(pairs):
        layer = next(name for name in found if [name for name, _ in pairs].count(name) > 1)
        raise SettingError(
            f"There are two sources of unit names for layer {layer!r}.",
            "Leave one out, or write LAYER=FILE if they are for different layers.",
        )
    return UnitNames(found)


def _read(
    text: str, metadata: Mapping[str, str], called: Mapping[str, str], layers: Sequence[str]
) -> list[tuple[str, NameList]]:
    """Read the names for one or more layers from one text of `read_unit_names`."""
    # Names of layers and of files may hold "=", so the longest name of a layer counts.
    spelled = max((name for name in called if text.startswith(f"{name}=")), key=len, default="")
    source = text[len(spelled) + 1 :] if spelled else text
    match = _FIRST.fullmatch(source)
    if match is None and ":first=" in source:
        raise SettingError(
            f"{text!r} says first={source.rpartition(':first=')[2]}, which is not the number of a "
            "unit.",
            "Give the number of the unit that the first name belongs to, as in :first=4.",
        )
    if match is not None:
        source = match["source"]
    if source.startswith(_METADATA):
        found = {"": _of_metadata(source.removeprefix(_METADATA), metadata)}
    else:
        found = _of_file(source, layers)
    if match is not None:
        found = {layer: names.beginning(int(match["first"])) for layer, names in found.items()}
    if "" not in found:
        return _of_table(found, text, spelled, called, layers)
    if not spelled and len(layers) > 1:
        raise SettingError(
            f"There are {len(layers)} layers, and {text!r} does not say which one it is for.",
            f"Write --unit-names {shlex.quote(f'{layers[0]}={text}')}",
        )
    return [(called[spelled or layers[0]], found[""])]


def _of_file(source: str, layers: Sequence[str]) -> dict[str, NameList]:
    try:
        return read_name_file(Path(source))
    except MissingFileError as error:
        layer, equals, _ = source.partition("=")
        if not equals:
            raise
        raise UnknownNameError(
            f"There is no file {source!r}, and no layer {layer!r} is extracted.",
            nearest(layer, layers, f"The layers are {first_few(layers)}."),
        ) from error


def _of_table(
    found: Mapping[str, NameList],
    text: str,
    spelled: str,
    called: Mapping[str, str],
    layers: Sequence[str],
) -> list[tuple[str, NameList]]:
    """Choose among the layers that a table names; it may name others that are not extracted."""
    if spelled:
        raise SettingError(
            f"{text!r} names a layer, and so does the table in its column 'layer'.",
            f"Leave out {spelled}=.",
        )
    chosen = [(called[layer], names) for layer, names in found.items() if layer in called]
    if not chosen:
        _true_name(next(iter(found)), called, layers)
    return chosen


def _true_name(layer: str, called: Mapping[str, str], layers: Sequence[str]) -> str:
    if layer not in called:
        raise UnknownNameError(
            f"There are unit names for layer {layer!r}, which is not extracted.",
            nearest(layer, called, f"The layers are {first_few(layers)}."),
        )
    return called[layer]


def _of_metadata(key: str, metadata: Mapping[str, str]) -> NameList:
    if key not in metadata:
        keys = list(metadata)
        raise UnknownNameError(
            f"The model has no metadata {key!r}.",
            nearest(key, keys, f"It has {first_few(keys, 10)}." if keys else "It has none at all."),
        )
    return read_name_text(metadata[key], f"The metadata {key!r} of the model")


def _digest(names: NameList) -> str:
    stored = json.dumps([sorted(names.names.items()), names.is_partial])
    return hashlib.sha256(stored.encode()).hexdigest()
