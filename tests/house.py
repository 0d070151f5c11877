"""The structure of the code in numbers, and the import rule: ``python -m tests.house [CHECKOUT]``.

`ROOMS` lists the folders and files of `invert_core/` from the ground up. A file may import from
its own room and from the rooms before it in the list. `tests/test_import_rule.py` enforces this
rule.
"""

import ast
import io
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import resolve_name
from pathlib import Path

ROOMS = (
    "errors",
    "wording",
    "settings",
    "parallel",
    "values",
    "files",
    "formula",
    "kernels",
    "models",
    "tables",
    "data",
    "concepts",
    "activations",
    "extraction",
    "statistics",
    "results",
    "search",
    "executors",
    "nulls",
    "metrics",
    "labelling",
    "report",
    "demo",
    "diagnosis",
    "testing",
    "commands",
    "entry",
)
KERNELS_MAY_IMPORT = {
    "invert_core.errors",
    "invert_core.files",
    "invert_core.files.write_lock",
}
NEVER_IN_RESULTS = {"search", "kernels", "labelling", "statistics"}

_ORDER = ("_checkout", "", *ROOMS)
"""`invert_core/__init__.py` is below all rooms; loading it imports only `_checkout.py`."""

_LABELLING = """
import sys, threading
files = set()
def note(frame, event, argument):
    name = frame.f_code.co_filename.replace("\\\\", "/")
    if event == "call" and "/invert_core/" in name:
        files.add(name)
import numpy as np
import invert_core
label = invert_core.label
label(np.eye(8), {"a": np.arange(8) < 3})
threading.setprofile(note)
sys.setprofile(note)
label(np.eye(8), {"a": np.arange(8) < 3})
sys.setprofile(None)
print(len(files))
"""


@dataclass(frozen=True)
class Import:
    """One import between modules of this project at run time, at any place in the file."""

    source: str
    target: str

    def __str__(self) -> str:
        return f"{self.source} imports {self.target}"

    @property
    def rooms(self) -> tuple[str, str]:
        """The room that imports and the room that is imported."""
        return room(self.source), room(self.target)


def room(module: str) -> str:
    """The folder or file directly in `invert_core` that a module belongs to."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def modules(checkout: Path) -> dict[str, Path]:
    """All modules of the package and its backends by name."""
    found = {}
    for top, package in (("invert_core", "invert_core"), ("backends", "invert_core.backends")):
        for path in sorted((checkout / top).rglob("*.py")):
            parts = path.relative_to(checkout / top).with_suffix("").parts
            found[".".join((package, *parts)).removesuffix(".__init__")] = path
    return found


def rooms(checkout: Path) -> list[str]:
    """The folders and files directly in `invert_core/` that hold code."""
    return sorted({room(name) for name in modules(checkout)} - {"", "_checkout", "backends"})


def imports(checkout: Path) -> list[Import]:
    """All imports between these modules, except imports for type checkers alone."""
    known = modules(checkout)
    found = []
    for module, path in known.items():
        package = module if path.name == "__init__.py" else module.rpartition(".")[0]
        for name in _imported(ast.parse(path.read_text("utf-8")), package):
            if name in known and name != module:
                found.append(Import(module, name))
    return list(dict.fromkeys(found))


def _imported(tree: ast.AST, package: str) -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = resolve_name("." * node.level + (node.module or ""), package)
            yield origin
            yield from (f"{origin}.{alias.name}" for alias in node.names)
        yield from _imported(node, package)


def packages(folder: Path) -> set[str]:
    """The packages that the files of a folder import, this one and the standard library too."""
    return {
        name.partition(".")[0]
        for path in folder.rglob("*.py")
        for name in _imported(ast.parse(path.read_text("utf-8")), "invert_core")
    }


def circles(checkout: Path) -> list[list[str]]:
    """Groups of files that import each other in a circle, not counting any `__init__.py`."""
    known = modules(checkout)
    leads: dict[str, set[str]] = {name: set() for name in known}
    for one in imports(checkout):
        if known[one.target].name != "__init__.py":
            leads[one.source].add(one.target)
    reached = {name: _reached(name, leads) for name in leads}
    found = {
        tuple(sorted(other for other in reached[name] if name in reached[other]))
        for name in leads
        if name in reached[name]
    }
    return [list(circle) for circle in sorted(found)]


def _reached(start: str, leads: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for name in leads[waiting.pop()] - found:
            found.add(name)
            waiting.append(name)
    return found


def against_the_rule(checkout: Path) -> list[Import]:
    """Imports that the rule forbids."""
    return [one for one in imports(checkout) if not _is_allowed(one)]


def _is_allowed(one: Import) -> bool:
    source, target = one.rooms
    if target in ("", source):
        return True
    if target == "backends" or (target == "commands" and source != "entry"):
        return False
    if source == "backends":
        return True
    if source == "kernels":
        return one.target in KERNELS_MAY_IMPORT
    if source == "results" and target in NEVER_IN_RESULTS:
        return False
    if source not in _ORDER or target not in _ORDER:
        return False
    return _ORDER.index(target) < _ORDER.index(source)


def code_and_comments(path: Path) -> tuple[int, int]:
    """Count the lines of code, without docstrings, comments and blank lines, and the comments."""
    text = path.read_text("utf-8")
    lines: set[int] = set()
    comments = 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            comments += 1
        elif token.type not in _NO_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            lines.difference_update(range(node.lineno, (node.end_lineno or 0) + 1))
    return len(lines), comments


_NO_CODE = (
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
)


def long_signatures(checkout: Path, limit: int = 8) -> list[str]:
    """Functions with `limit` or more parameters; `self` and `cls` do not count."""
    found = []
    for module, path in modules(checkout).items():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef):
                arguments = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
                names = [argument.arg for argument in arguments]
                if len([name for name in names if name not in ("self", "cls")]) >= limit:
                    found.append(f"{module}.{node.name}")
    return found


def measured(checkout: Path) -> dict[str, int | float | str]:
    """The numbers that describe the structure, by what they count."""
    known = modules(checkout)
    lines = {name: code_and_comments(path) for name, path in known.items()}
    of_kernels = [counts for name, counts in lines.items() if room(name) == "kernels"]
    passed = subprocess.run(
        [sys.executable, "-c", _LABELLING], cwd=checkout, capture_output=True, text=True, check=True
    )
    top = list((checkout / "invert_core").glob("*.py"))
    signatures = long_signatures(checkout)
    return {
        "files": len(known),
        "files directly in invert_core/": len(top),
        "circles of imports": len(circles(checkout)),
        "imports against the rule": len(against_the_rule(checkout)),
        "files a labelling passes through": int(passed.stdout.split()[-1]),
        "functions with 8 or more parameters": len(signatures),
        "of these in kernels/": sum(".kernels." in name for name in signatures),
        "lines of code": sum(code for code, _ in lines.values()),
        "lines in all": sum(len(p.read_text("utf-8").splitlines()) for p in known.values()),
        "comments per 100 lines of code in kernels/": round(
            100 * sum(c for _, c in of_kernels) / sum(code for code, _ in of_kernels), 1
        ),
    }


if __name__ == "__main__":
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    for what, value in measured(root).items():
        print(f"{value:>8}  {what}")
