"""The backend that CONTRIBUTING.md shows passes the suite that it shows."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from invert_core.models.registry import open_model

ROOT = Path(__file__).parents[1]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def block(kind: str, start: str) -> str:
    """Return the one block of a kind that begins in this way."""
    (found,) = re.findall(
        rf"^```{kind}\n({re.escape(start)}.*?)^```", CONTRIBUTING, flags=re.DOTALL | re.MULTILINE
    )
    return found


@pytest.mark.slow
def test_the_backend_of_the_guide_passes_the_suite(tmp_path):
    for name in ("my_package.py", "test_my_package.py"):
        (tmp_path / name).write_text(block("python", f'"""{name}"""\n'), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\b\d\d passed\b", done.stdout)


def test_the_entry_point_of_the_guide_leads_to_its_backend(tmp_path, monkeypatch):
    (tmp_path / "my_package.py").write_text(block("python", '"""my_package.py"""\n'))
    project = tomllib.loads(block("toml", "[project.entry-points"))["project"]
    info = tmp_path / "my_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    for name, target in project["entry-points"]["invert.backends"].items():
        (info / "entry_points.txt").write_text(f"[invert.backends]\n{name} = {target}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    np.save(tmp_path / "model.npy", np.eye(3))
    for spec in (f"mine:{tmp_path / 'model.npy'}", str(tmp_path / "model.npy")):
        assert [layer.n_units for layer in open_model(spec).layers()] == [3]
