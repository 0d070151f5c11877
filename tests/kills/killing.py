"""Kills a job, lets it go on, and compares what it leaves with an undisturbed one."""

import json
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

from invert_core.errors import ExistingOutputError
from tests.command_line import tree
from tests.extraction.killer import at_call, die
from tests.kills.jobs import Job

_AGAIN = 0.3
"""The share of killed work that is killed once more when it goes on."""


class Victim:
    """A job in a folder that is made anew for each trial."""

    def __init__(self, name: str, job: Job, seed: int):
        self._name, self._job = name, job
        self._random = Random(f"{name}-{seed}")
        self._root = tempfile.TemporaryDirectory(prefix="invert-kills-")
        self._folder = Path(self._root.name) / "work"

    def __enter__(self) -> "Victim":
        if self._job.runs_in_parent:
            self._prepare()
            self._job.run(self._folder)  # so that all is imported and compiled
        self._prepare()
        self._wait(self._start())  # the first child imports what the parent may not
        self._prepare()
        begun = time.monotonic()
        if self._wait(self._start()):
            raise RuntimeError(f"{self._name} was killed by something else")
        self._seconds = time.monotonic() - begun
        self._whole = self._left()
        self._prepare()
        self._counts = self._count_steps()
        return self

    def __exit__(self, *_: object) -> None:
        self._root.cleanup()

    def kill(self, wanted: int) -> Counter[str]:
        """Kill so often, and count how the work went on."""
        counts: Counter[str] = Counter()
        while counts["kills"] < wanted:
            self._prepare()
            before, kills = tree(self._folder).keys(), counts["kills"]
            while self._is_killed(counts):
                counts["kills"] += 1
                counts["kept"] += any(
                    ".partial" in each for each in tree(self._folder).keys() - before
                )
                if counts["kills"] == wanted or self._random.random() > _AGAIN:
                    break
            self._wait(self._start())
            differences = _differences(self._left(), self._whole)
            for difference in differences:
                print(f"{self._name}: {difference}", file=sys.stderr)
            counts["wrong" if differences else "same"] += counts["kills"] - kills
        return counts

    def _is_killed(self, counts: Counter[str]) -> bool:
        """Begin the work and kill it, or let it finish if that comes first."""
        step = self._random.choice(list(self._counts)) if self._random.random() < 0.5 else None
        if step is None:
            child = self._start()
            time.sleep(self._random.uniform(0, self._seconds))
            os.kill(child, signal.SIGKILL)
        else:
            number = self._random.randint(1, self._counts[step])
            is_before = self._random.random() < 0.5
            child = self._start(lambda: at_call(*self._job.steps[step], number, die, is_before))
        killed = self._wait(child)
        counts["in a step"] += killed and step is not None
        return killed

    def _prepare(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()
        self._job.prepare(self._folder)

    def _start(self, interfere: Callable[[], object] = lambda: None) -> int:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                os.chdir(self._folder)
                interfere()
                self._go_on()
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        return child

    def _go_on(self) -> None:
        """Do the work; a whole run is refused, because it was killed when all was done."""
        try:
            self._job.run(self._folder)
        except ExistingOutputError:
            if not (self._folder / "run" / "run.json").is_file():
                raise

    def _wait(self, child: int) -> bool:
        """Whether the process was killed; it must not fail in another way."""
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            return True
        if status:
            raise RuntimeError(f"{self._name} failed, see above")
        return False

    def _count_steps(self) -> dict[int, int]:
        """How often undisturbed work takes each of its steps, if it takes it."""
        place = Path(self._root.name) / "counts"

        def count() -> None:
            counters = [at_call(*step, 0, die, True) for step in self._job.steps]
            leave = os._exit

            def write_and_leave(code: int) -> None:
                place.write_text(json.dumps([counter() for counter in counters]))
                leave(code)

            os._exit = write_and_leave

        self._wait(self._start(count))
        counts = json.loads(place.read_text())
        return {step: number for step, number in enumerate(counts) if number}

    def _left(self) -> dict[str, bytes | None]:
        """All that lies in the folder, without what tells of time."""
        found = tree(self._folder)
        if found.get("run/run.json"):
            info = json.loads(found["run/run.json"])
            del info["timings"], info["sha256"]  # the digest tells of the timings
            found["run/run.json"] = json.dumps(info).encode()
        return found


def _differences(found: dict[str, bytes | None], expected: dict[str, bytes | None]) -> list[str]:
    more = [f"{name} is left over" for name in found.keys() - expected.keys()]
    fewer = [f"{name} is missing" for name in expected.keys() - found.keys()]
    both = found.keys() & expected.keys()
    return [*more, *fewer, *(f"{name} differs" for name in both if found[name] != expected[name])]
