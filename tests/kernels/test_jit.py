import shutil
import subprocess
import sys
from pathlib import Path

import invert_core


def test_machine_code_of_an_older_source_is_never_used(tmp_path):
    library = tmp_path / "invert_core"
    shutil.copytree(
        Path(invert_core.__file__).parent, library, ignore=shutil.ignore_patterns("__pycache__")
    )
    show = "from invert_core.kernels._jit import CACHE; print(CACHE)"

    def cache():
        done = subprocess.run(
            [sys.executable, "-c", show], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return done.stdout

    before = cache()
    assert cache() == before
    # `search_units` stands in another file, but calls what stands here.
    callee = library / "kernels" / "formulas.py"
    callee.write_text(callee.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert cache() != before
