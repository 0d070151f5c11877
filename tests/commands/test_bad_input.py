"""Each bad input ends in one sentence, a non-zero exit, and nothing written."""

import resource

import h5py
import numpy as np
import pytest

from tests.command_line import invert, process, refused, sentence, tree


def save(path, values, ids=None):
    np.savez(path, fc=values, **({} if ids is None else {"sample_id": np.array(ids)}))


def ids(count):
    return [f"s{number}" for number in range(count)]


@pytest.fixture(params=["label", "score"])
def refuse(request, inputs):
    """Refuse activations and concepts for `label` and for `score`."""
    more = {"label": ("-o", "run"), "score": ("--formula", "a")}[request.param]

    def check(activations="activations.npz", concepts="concepts.csv", *options):
        return refused(request.param, activations, concepts, *more, *options)

    return check


@pytest.mark.parametrize("name", ["none.h5", "none.npy", "none.npz"])
def test_missing_activations_are_named(refuse, name):
    assert f"There is no file '{name}'" in refuse(name)


@pytest.mark.parametrize("name", ["none.h5", "none.csv", "none.npz"])
def test_missing_concepts_are_named(refuse, name):
    assert f"There is no file '{name}'" in refuse("activations.npz", name)


def test_missing_names_are_named(refuse):
    error = refuse("activations.npz", "concepts.csv", "--names", "none.csv")
    assert "There is no file 'none.csv'" in error


@pytest.mark.parametrize("name", ["a.h5", "a.npy", "a.npz"])
@pytest.mark.parametrize("content", [b"", b"hello", b"\x89HDF\r\n\x1a\n", b"\x93NUMPY", b"PK\x03"])
def test_a_file_of_another_kind_is_refused(refuse, inputs, name, content):
    (inputs / name).write_bytes(content)
    assert f"'{name}'" in refuse(name)


def test_a_folder_is_no_file_of_activations_or_concepts(refuse, inputs):
    (inputs / "folder").mkdir()
    refuse("folder")
    refuse("activations.npz", "folder")


def test_a_truncated_hdf5_file_is_refused(refuse, inputs):
    with h5py.File(inputs / "a.h5", "w") as file:
        file["x"] = np.zeros((1000, 100))
    whole = (inputs / "a.h5").read_bytes()
    (inputs / "a.h5").write_bytes(whole[: len(whole) // 2])
    assert "'a.h5' is not a whole HDF5 file" in refuse("a.h5")
    assert "'a.h5' is not a whole HDF5 file" in refuse("activations.npz", "a.h5")


def test_an_hdf5_file_of_another_format_is_refused(refuse, inputs):
    with h5py.File(inputs / "a.h5", "w") as file:
        file["x"] = np.zeros((1000, 100))
    assert "is not an invert-activations file" in refuse("a.h5")


def test_nan_is_located(refuse, inputs):
    values = np.zeros((60, 4), np.float32)
    values[7, 2] = np.nan
    save("nan.npz", values, ids(60))
    error = refuse("nan.npz")
    assert "fc:2" in error
    assert "'s7'" in error


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.zeros((60, 2), np.complex64), "complex64"),
        (np.full((60, 2), 2**60), "beyond 2**53"),
        (np.zeros((60, 0)), "no units"),
        (np.zeros((60, 2, 2)), "shape"),
        (np.array([["x"]] * 60), "<U1"),
    ],
)
def test_what_is_no_matrix_of_numbers_is_refused(refuse, values, words):
    save("bad.npz", values, ids(60))
    assert words in refuse("bad.npz")


def test_repeated_sample_ids_are_refused(refuse):
    save("twice.npz", np.zeros((60, 2)), ["s1", *ids(60)[1:]])
    assert "'s1'" in refuse("twice.npz")


def test_samples_of_one_side_only_are_counted_and_named(refuse):
    save("fewer.npz", np.zeros((58, 2)), ids(58))
    error = refuse("fewer.npz")
    assert "2 of 60 samples with concepts have no activations ('s58', 's59')" in error
    assert "--join inner" in error


def test_no_common_samples_are_refused(refuse):
    save("other.npz", np.zeros((2, 2)), ["x", "y"])
    refuse("other.npz")
    assert "common" in refuse("other.npz", "concepts.csv", "--join", "inner")


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_samples_are_refused(refuse, inputs, count):
    save("few.npz", np.zeros((count, 2)), ids(count))
    (inputs / "one.csv").write_text("sample_id,a\ns0,1\n")
    assert "two samples" in refuse("few.npz", "one.csv")


def test_other_counts_of_samples_without_ids_are_refused(refuse):
    save("bare.npz", np.zeros((59, 2)))
    assert "59 samples with activations, 60 with concepts" in refuse("bare.npz")


@pytest.mark.parametrize("label", ["2", "maybe", "0.5", "-2"])
def test_labels_other_than_0_and_1_are_refused(refuse, inputs, label):
    text = (inputs / "concepts.csv").read_text()
    (inputs / "bad.csv").write_text(text.rpartition(",")[0] + f",{label}\n")
    error = refuse("activations.npz", "bad.csv")
    assert "line 61, column 'c'" in error
    assert "0 and 1, true and false, yes and no" in error


def test_every_command_that_reads_a_run_refuses_what_is_none(inputs):
    for command in (("show", "RUN", "fc:0"), ("export", "RUN"), ("export", "RUN", "-o", "x.csv")):
        for run, words in ((".", "has no run.json"), ("none", "no run directory 'none'")):
            error = refused(*(run if word == "RUN" else word for word in command))
            assert words in error
            assert "invert label ACTIVATIONS CONCEPTS -o RUN" in error


@pytest.mark.slow
@pytest.mark.parametrize(
    ("limit", "arguments"),
    [
        (500, ("label", "activations.npz", "concepts.csv", "-o", "full")),
        (500, ("export", "run", "-o", "full.csv")),
        (500, ("export", "run", "-o", "full.parquet")),
        (2000, ("concepts", "build", "concepts.csv", "-o", "full.h5")),
    ],
)
def test_a_full_disk_leaves_nothing_behind(run, limit, arguments):
    before = tree(run.parent)
    done = process(
        *arguments,
        cwd=run.parent,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    error = sentence(done.returncode, done.stderr)
    assert f"Cannot write '{arguments[-1]}'" in error
    assert "Free space there or choose another output with -o." in error
    assert tree(run.parent) == before


def test_a_run_that_cannot_be_replaced_on_a_full_disk_stays(run):
    before = tree(run.parent)
    done = process(
        *("label", "activations.npz", "concepts.csv", "-o", "run", "--overwrite", "--length", "1"),
        cwd=run.parent,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500)),
    )
    assert "Cannot write 'run'" in sentence(done.returncode, done.stderr)
    assert tree(run.parent) == before


def test_a_full_disk_behind_stdout_is_reported(run):
    with open("/dev/full", "w") as full:
        done = process(
            "export", "run", cwd=run.parent, capture_output=False, stdout=full, stderr=-1
        )
    error = sentence(done.returncode, done.stderr)
    assert "Cannot write to stdout: No space left on device." in error


def test_a_full_disk_behind_stdout_does_not_deny_the_run(inputs):
    with open("/dev/full", "w") as full:
        done = process(
            *("label", "activations.npz", "concepts.csv", "-o", "run"),
            **{"cwd": inputs, "capture_output": False, "stdout": full, "stderr": -1},
        )
    error = sentence(done.returncode, done.stderr)
    assert "Cannot write to stdout" in error
    assert "The run was written to 'run'." in error
    invert("show", "run", "fc:0")


def test_infinite_and_huge_activations_are_ranked(inputs):
    values = np.linspace(-1, 1, 120).reshape(60, 2) * 1e308
    values[0], values[1] = np.inf, -np.inf
    save("wide.npz", values, ids(60))
    assert invert("label", "wide.npz", "concepts.csv", "-o", "run").exit_code == 0
