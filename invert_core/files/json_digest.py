"""JSON files that hold their own digest, so that damage to them is noticed."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

DIGEST = "sha256"


def with_digest(values: Mapping[str, Any]) -> dict[str, Any]:
    """Add the SHA-256 of all other values, which JSON must be able to hold."""
    return {**values, DIGEST: _digest(values)}


def matches_digest(values: Mapping[str, Any]) -> bool:
    """Return whether values that were read are as `with_digest` returned them."""
    others = {name: value for name, value in values.items() if name != DIGEST}
    return values.get(DIGEST) == _digest(others)


def _digest(values: Mapping[str, Any]) -> str:
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
