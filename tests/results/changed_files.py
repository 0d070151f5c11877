"""Runs and unfinished runs that were changed, and whose digests were made to fit again."""

import hashlib
import json
from pathlib import Path

from invert_core.files.json_digest import DIGEST, with_digest


def seal(path: Path, values: dict) -> None:
    """Write a JSON file of ours with the digest of these values."""
    values.pop(DIGEST, None)
    path.write_text(json.dumps(with_digest(values)))


def seal_run(run: Path) -> None:
    """Make the digests of a run fit its files as they are now."""
    info = json.loads((run / "run.json").read_text())
    for name, file in info.get("files", {}).items():
        content = (run / name).read_bytes()
        file |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    seal(run / "run.json", info)
