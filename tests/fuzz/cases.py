"""Runs the cases of a format, and says which of their ends are findings."""

import contextlib
import gc
import importlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.fuzz.formats import Format
from tests.fuzz.isolation import SECONDS, Outcome, run_apart
from tests.fuzz.mutations import damaged

ENDS = (
    "refused",
    "same",
    "changed",
    "traceback",
    "unforeseen",
    "writes",
    "signal",
    "hang",
    "memory",
)
_FINE = {"refused", "same"}


@dataclass(frozen=True)
class End:
    """How a case ended; `is_finding` says if that is a fault."""

    number: int
    kind: str
    detail: str
    target: str
    is_finding: bool


class Fuzzer:
    """A valid input, which is made once, and its damaged copies."""

    def __init__(self, name: str, form: Format, seed: int, *, seconds: float = SECONDS):
        self._name, self._form, self._seed, self._seconds = name, form, seed, seconds
        self._whole = tempfile.TemporaryDirectory(prefix="invert-fuzz-")
        self._expected = ""

    def __enter__(self) -> "Fuzzer":
        form, place = self._form, Path(self._whole.name) / "valid"
        place.mkdir()
        form.make(place)
        self._import_what_is_used()
        if form.in_parent:
            copy = Path(self._whole.name) / "parent"
            shutil.copytree(place, copy)
            form.use(copy)
        gc.freeze()  # children would copy all that they collect
        self._expected = self._run(form.use, seconds=120).value
        again = self._run(form.use).value
        if again != self._expected:
            raise RuntimeError(f"{self._name}: the valid input is not read alike twice")
        return self

    def __exit__(self, *_: object) -> None:
        self._whole.cleanup()

    def ends(self, numbers: Iterable[int]) -> Iterator[End]:
        """Run some cases; each depends on format, seed and number only."""
        for number in numbers:
            target, content, is_damage = self.mutated(number)
            outcome = self._run(self._form.use, target, content)
            kind = outcome.kind
            if kind == "read":
                kind = "same" if outcome.value == self._expected else "changed"
            known = is_damage and self._form.targets[target]
            is_finding = kind not in _FINE and (kind != "changed" or known)
            yield End(number, kind, outcome.detail, target, is_finding)

    def mutated(self, number: int) -> tuple[str, bytes, bool]:
        """Return the damaged file, its content, and whether bytes were damaged blindly."""
        random = Random(f"{self._name}-{self._seed}-{number}")
        target = random.choice(sorted(self._form.targets))
        content = (Path(self._whole.name) / "valid" / target).read_bytes()
        structured = self._form.structured
        if structured is not None and random.random() < 0.5:
            return target, structured(random, content), False
        return target, damaged(random, content), True

    def _run(
        self,
        use: Callable,
        target: str | None = None,
        content: bytes = b"",
        *,
        seconds: float | None = None,
    ) -> Outcome:
        place = Path(self._whole.name) / "case"
        shutil.copytree(Path(self._whole.name) / "valid", place)
        try:
            if target is not None:
                (place / target).write_bytes(content)
            return run_apart(use, place, seconds=seconds or self._seconds)
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def _import_what_is_used(self) -> None:
        """Import here what a first child imports, so that no case pays for it."""
        copy = Path(self._whole.name) / "case"
        shutil.copytree(Path(self._whole.name) / "valid", copy)

        def note(folder: Path) -> None:
            self._form.use(folder)
            (folder / "modules").write_text("\n".join(sys.modules))

        first = run_apart(note, copy, seconds=120, is_watched=False)
        if first.kind != "read":
            raise RuntimeError(f"{self._name}: the valid input is not read: {first}")
        for name in (copy / "modules").read_text().split("\n"):
            # Some parts of packages can only be imported by their package.
            with contextlib.suppress(Exception):
                importlib.import_module(name)
        shutil.rmtree(copy)
