"""``-q`` hides progress and summaries, never a warning."""

import numpy as np
import pytest

from invert_core import ConceptSet, write_concepts
from tests.command_line import invert
from tests.commands.test_outputs import ALL, DIGITS, ready, target_of  # noqa: F401

READERS = {
    "layers": ("layers", DIGITS),
    "layers without any": ("layers", DIGITS, "nothing*"),
    "show": ("show", "run", "fc:0"),
    "concepts show": ("concepts", "show", "old.h5"),
    "score": ("score", "activations.npz", "concepts.csv", "--formula", "a"),
    "score by position": ("score", "positions.npz", "concepts.csv", "--formula", "a"),
    "probe": ("probe", "activations.npz", "concepts.csv", "--formula", "a"),
    "export": ("export", "run"),
    "backends": ("backends",),
    "dry run": ("label", "activations.npz", "concepts.csv", "-o", "x", "--dry-run"),
}


def check(words):
    loud, quiet = invert(*words), invert(*words, "-q")
    warnings = [line for line in loud.stderr.splitlines() if line.startswith("Warning: ")]
    assert quiet.stderr.splitlines() == warnings
    assert quiet.stdout == loud.stdout
    return warnings


@pytest.mark.parametrize("reader", READERS)
def test_a_quiet_command_prints_its_result_and_its_warnings(ready, reader):  # noqa: F811
    arrays = dict(np.load("activations.npz"))
    np.savez("positions.npz", fc=arrays["fc"])
    warnings = check(READERS[reader])
    assert bool(warnings) == (reader in ("layers without any", "score by position"))


@pytest.mark.parametrize("writer", ALL)
def test_a_quiet_writer_prints_its_warnings_alone(ready, writer):  # noqa: F811
    name, words = target_of(writer)
    invert(*words, name)
    check((*words, name, "--overwrite"))


def test_a_quiet_export_still_says_what_it_loses(ready):  # noqa: F811
    write_concepts("padded.h5", ConceptSet.from_arrays([[1, 0], [0, 1]], id=[" a", "b"]))
    quiet = invert("concepts", "export", "padded.h5", "-o", "x", "-q")
    assert quiet.stderr.startswith("Warning: Tables lose the blanks around ids (' a')")
