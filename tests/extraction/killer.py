"""Runs extractions that are killed, for `tests/extraction/test_kills.py`.

Every extraction runs in its own process, forked from this one, which has imported everything and
has no threads. The script is called with a folder and prints what happened as JSON.
"""

import contextlib
import json
import os
import signal
import sys
import time
from pathlib import Path

import h5py
import numpy as np

from invert_core import extract
from invert_core.activations.writing import gathering, unfinished_file
from tests.fake_model import FakeExtractor, FakeModel, ShuffledSource, samples

N_SAMPLES = 1500
BATCH = 50
LAYERS = ("hidden", "out", "latents")

STEPS = {
    "batch": (FakeExtractor, "run"),
    "stripe of a dense layer": (unfinished_file.DenseRows, "write"),
    "rows of sparse layers": (unfinished_file.SparseRows, "write"),
    "part of these rows": (unfinished_file.SparseRows, "_append"),
    "flush": (h5py.File, "flush"),
    "sync": (os, "fsync"),
    "mark": (h5py.AttributeManager, "modify"),
    "columns": (gathering, "_write"),
    "rename": (os, "replace"),
    "removal": (Path, "unlink"),
}
"""What an extraction does, by where it can be killed before and after."""


def run(path, delay=0.0, save_every=0.0, interfere=lambda: None):
    """Extract in a new process, and return its number."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            interfere()
            extract(
                FakeModel(delay=delay),
                ShuffledSource({"x": samples(N_SAMPLES)}),
                path,
                LAYERS,
                sparse=["lat*"],
                batch_size=BATCH,
                save_every=save_every,
            )
            code = 0
        finally:
            os._exit(code)
    return child


def ended(child):
    """Whether the process was killed; it must not fail in another way."""
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return os.WTERMSIG(status) == signal.SIGKILL
    if os.WEXITSTATUS(status):
        raise RuntimeError("an extraction failed, see above")
    return False


def rows_done(path):
    """Return the number of finished samples in an unfinished file, or None without a file."""
    with contextlib.suppress(FileNotFoundError), h5py.File(f"{path}.partial") as file:
        return int(file.attrs["rows_done"])
    return None


def kill_at_random(folder, wanted):
    """Kill until enough kills came with some but not all samples done; return these numbers."""
    random = np.random.default_rng(0)
    kept, finished = [], []
    longest = 0.2
    while len(kept) < wanted:
        path = folder / f"random{len(finished)}.h5"
        killed, done = True, None
        while killed:
            child = run(path, delay=0.004, save_every=0.01)
            time.sleep(random.uniform(0, longest))
            os.kill(child, signal.SIGKILL)
            killed = ended(child)
            before, done = done, rows_done(path)
            if killed and done == before:
                longest *= 1.2  # a busy machine needs more time
            if killed and done is not None and 0 < done < N_SAMPLES:
                kept.append(done)
        finished.append(path.read_bytes())
    return kept, finished


def at_call(owner, name, number, act, before):
    """Do something before or after the n-th call of a function."""
    original = getattr(owner, name)
    calls = 0

    def called(*arguments, **options):
        nonlocal calls
        calls += 1
        if before and calls == number:
            act()
        result = original(*arguments, **options)
        if not before and calls == number:
            act()
        return result

    setattr(owner, name, called)
    return lambda: calls


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def count_calls(folder):
    """How often an undisturbed extraction takes each step."""
    place = folder / "counts.json"

    def interfere():
        counters = {step: at_call(*STEPS[step], 0, die, True) for step in STEPS}
        leave = os._exit

        def write_and_leave(code):
            place.write_text(json.dumps({step: count() for step, count in counters.items()}))
            leave(code)

        os._exit = write_and_leave

    ended(run(folder / "whole.h5", interfere=interfere))
    return json.loads(place.read_text())


def kill_at_steps(folder, counts):
    """Kill once at each boundary, then go on; return the samples kept and the file by boundary."""
    found = {}
    for step, count in counts.items():
        for number, before in ((1, False), (count // 2, True), (count, True), (count, False)):
            path = folder / f"step{len(found)}.h5"

            def interfere(step=step, number=number, before=before):
                at_call(*STEPS[step], number, die, before)

            killed = ended(run(path, interfere=interfere))
            kept = rows_done(path)
            ended(run(path))
            left = sorted(each.name for each in folder.glob(f"{path.name}*"))
            name = f"{'before' if before else 'after'} {step} {number} of {count}"
            found[name] = (killed, kept, left == [path.name], path.read_bytes())
    return found


def main(folder):
    """Compare the files of all killed extractions with one that was not killed."""
    counts = count_calls(folder)
    whole = (folder / "whole.h5").read_bytes()
    kept, finished = kill_at_random(folder, wanted=15)
    steps = kill_at_steps(folder, counts)
    report = {
        "samples": N_SAMPLES,
        "kept at random": kept,
        "random files are equal": [content == whole for content in finished],
        "steps": {name: [*what, content == whole] for name, (*what, content) in steps.items()},
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
