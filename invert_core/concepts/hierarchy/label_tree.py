"""Reads the hierarchy of labels that Open Images publishes."""

import json
import logging
from pathlib import Path
from typing import Any

from invert_core.concepts.hierarchy.hierarchy import Hierarchy
from invert_core.errors import DataError, FileFormatError
from invert_core.files.text_files import read_whole
from invert_core.tables.cells import excerpt
from invert_core.wording import counted

_HINT = (
    "Give a file such as bbox_labels_600_hierarchy.json: an object with 'LabelName' and perhaps "
    "'Subcategory', a list of such objects."
)
_log = logging.getLogger("invert")


def read_label_tree(path: Path) -> Hierarchy:
    """Read which labels are subcategories of which others.

    A label may be in several places. Parts of objects are no kinds of them: 'Part' is left out, and
    a log message counts how often.
    """
    try:
        root = json.loads(read_whole(path, _HINT))
    except RecursionError as error:
        raise FileFormatError(f"{str(path)!r} is nested too deeply.", _HINT) from error
    except ValueError as error:
        raise FileFormatError(f"{str(path)!r} is not JSON ({error}).", _HINT) from error
    parents: dict[str, dict[str, None]] = {_label(path, root): {}}
    n_parts = 0
    left = [root]
    while left:
        entry = left.pop()
        n_parts += "Part" in entry
        below = entry.get("Subcategory", [])
        if not isinstance(below, list):
            raise FileFormatError(f"{str(path)!r}: a 'Subcategory' is not a list.", _HINT)
        for child in below:
            parents.setdefault(_label(path, child), {})[entry["LabelName"]] = None
        left.extend(below)
    if n_parts:
        _log.info("%s: parts of %s left out.", path.name, counted(n_parts, "label"))
    return Hierarchy(repr(str(path)), {id: tuple(above) for id, above in parents.items()})


def _label(path: Path, entry: Any) -> str:
    label = entry.get("LabelName") if isinstance(entry, dict) else None
    if not isinstance(label, str) or not label.strip():
        raise DataError(f"{str(path)!r}: {excerpt(entry)} has no 'LabelName'.", _HINT)
    return label
