"""State that is carried from sample to sample, and the groups within which it is carried."""

import logging
import re

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invert_core import Feed, extract, open_activations
from invert_core.activations.group_names import read_groups
from invert_core.activations.groups import Groups
from invert_core.data import ArraySource
from invert_core.errors import (
    DataError,
    FileFormatError,
    MissingFileError,
    ModelError,
    SettingError,
    UnknownNameError,
)
from tests.fake_model import FakeModel, ShuffledSource, samples
from tests.files.checksums import without_checksums
from tests.needs import need
from tests.state_model import StateModel, carried, step

N = 40
X = np.random.default_rng(0).normal(size=(N, 3)).astype(np.float32)
CLIPS = ["b"] * 7 + ["a"] * 1 + ["d"] * 20 + ["c"] * 12
IDS = tuple(f"{clip}/{row:03}" for row, clip in enumerate(CLIPS))
STARTS = np.isin(np.arange(N), [0, 7, 8, 28])
N_TRIALS = 2
"""How often the first sample runs before all samples do."""
FEED = Feed({"sr": "16000"}, carry={"stateN": "state"})


def read(path):
    with open_activations(path) as activations:
        return activations.layers["out"].read(0, 4).T


def extracted(folder, model=None, data=None, feed=FEED, groups=CLIPS, **settings):
    data = ArraySource({"x": X}, IDS) if data is None else data
    report = extract(
        model or StateModel(), data, folder / "x.h5", ["out"], feed=feed, groups=groups, **settings
    )
    return read(folder / "x.h5"), report


@pytest.mark.parametrize("batch_size", [1, 5, 32, 100])
def test_state_goes_from_each_sample_to_the_next_of_its_group(tmp_path, batch_size):
    model = StateModel()
    found, _ = extracted(tmp_path, model, batch_size=batch_size)
    assert np.array_equal(found, carried(X, STARTS))
    assert set(model.batch_sizes) == {1}


def test_every_group_starts_from_the_constant_if_one_is_given(tmp_path):
    first = np.random.default_rng(2).normal(size=(2, 1, 4)).astype(np.float32)
    feed = Feed({"sr": 8000, "state": first}, carry=FEED.carry)
    found, _ = extracted(tmp_path, feed=feed)
    assert np.array_equal(found, carried(X, STARTS, 8000, first))


def test_a_state_of_a_fixed_number_of_samples_is_carried_whole(tmp_path):
    class Fixed(StateModel):
        def open_layers(self, *arguments, **options):
            extractor = super().open_layers(*arguments, **options)
            run = extractor.run

            def unpadded(batch):
                found = run(batch)
                extractor._raw["stateN"] = extractor._raw["stateN"][:, :1]
                return found

            extractor.run = unpadded
            return extractor

    found, _ = extracted(tmp_path, Fixed(varies=False))
    assert np.array_equal(found, carried(X, STARTS))


def test_without_groups_all_samples_are_one_sequence_which_is_said(tmp_path, caplog):
    with caplog.at_level(logging.WARNING, "invert"):
        found, _ = extracted(tmp_path, groups=None)
    assert np.array_equal(found, carried(X, np.arange(N) == 0))
    (told,) = caplog.records
    assert "all 40 samples as one sequence" in told.getMessage()
    assert "--groups" in told.getMessage()


def test_zeros_that_are_not_carried_are_those_of_every_sample(tmp_path):
    found, _ = extracted(tmp_path, feed=Feed({"sr": 16000}, ["state"]))
    assert np.array_equal(found, step(X, np.zeros((2, N, 4), np.float32), 16000)[0])


def stop_at(row):
    """Interrupt the model when it is given this sample for the first time."""

    def fail(x):
        if np.array_equal(x[0], X[row]):
            raise KeyboardInterrupt

    return fail


@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=8),
    stops=st.lists(st.integers(1, N - 1), max_size=3),
    batch_size=st.integers(1, 12),
    save_every=st.sampled_from([0.0, 30.0]),
)
@settings(max_examples=25, deadline=None)
def test_a_run_that_was_stopped_goes_on_with_equal_bits(
    tmp_path_factory, lengths, stops, batch_size, save_every
):
    folder = tmp_path_factory.mktemp("stopped")
    sizes = np.array(lengths)
    groups = [f"clip {number}" for number in np.repeat(np.arange(sizes.size), sizes)][:N]
    groups += ["rest"] * (N - len(groups))
    starts = np.array([row == 0 or groups[row] != groups[row - 1] for row in range(N)])
    options = {"groups": groups, "batch_size": batch_size, "save_every": save_every}
    for stop in sorted(set(stops)):
        with pytest.raises(KeyboardInterrupt):
            extracted(folder, StateModel(stop_at(stop)), **options)
    model = StateModel()
    found, report = extracted(folder, model, **options)
    assert np.array_equal(found, carried(X, starts))
    kept = report.resumed_from
    begun = int(np.flatnonzero(starts[: kept + 1])[-1])
    assert len(model.batch_sizes) == N_TRIALS + N - begun


def test_work_goes_on_in_the_middle_of_a_group(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        extracted(tmp_path, StateModel(stop_at(25)), batch_size=10)
    model = StateModel()
    found, report = extracted(tmp_path, model, batch_size=10)
    assert report.resumed_from == 20
    assert len(model.batch_sizes) == N_TRIALS + N - 8
    assert np.array_equal(found, carried(X, STARTS))


@pytest.mark.parametrize("batch_size", [3, 100])
def test_a_dry_run_of_carried_state_writes_nothing(tmp_path, batch_size):
    model = StateModel()
    data = ArraySource({"x": X}, IDS)
    report = extract(
        model,
        data,
        tmp_path / "x.h5",
        ["out"],
        feed=FEED,
        groups=CLIPS,
        batch_size=batch_size,
        dry_run=True,
    )
    assert report.estimate is not None
    assert list(tmp_path.iterdir()) == []


def case(error, words, **settings):
    return error, words, settings


SORTED = ArraySource({"x": X}, IDS)
WRONG = {
    "apart": case(
        DataError,
        r"group 'a' goes on at sample 'd/020', after samples of other groups\. Sort the samples",
        groups=[*CLIPS[:20], "a", *CLIPS[21:]],
    ),
    "other shape": case(
        ModelError,
        r"'wide' cannot be carried to the input 'state': it is float32 of shape \(2, 1, 5\), and "
        r"not float32 of shape \(2, 1, 4\)",
        feed=Feed({"sr": 1}, carry={"wide": "state"}),
    ),
    "no tensor": case(UnknownNameError, "'statN'", feed=Feed({"sr": 1}, carry={"statN": "state"})),
    "no input": case(
        UnknownNameError,
        r"no input 'stat'\. Did you mean 'state'",
        feed=Feed({"sr": 1}, carry={"stateN": "stat"}),
    ),
    "too few": case(DataError, "There are 39 group names for 40 samples", groups=CLIPS[1:]),
    "no group": case(SettingError, r"'clips\.csv', which names no column", groups="clips.csv"),
    "no expression": case(SettingError, "is no regular expression", groups="id:(.*"),
    "nested expression": case(SettingError, "is no regular expression", groups="id:" + "(a" * 90),
    "absurd count": case(SettingError, "is no regular expression", groups="id:(a{99999999999})"),
    "no parentheses": case(SettingError, "has no parentheses", groups="id:.*/.*"),
    "no match": case(
        DataError,
        r"finds no group in 32 sample ids: 'd/008', .* must fit the whole id",
        groups="id:([ab])/.*",
    ),
    "no ids": case(DataError, "no ids that could name", data=X, groups="id:(.*)/.*"),
    "no table": case(MissingFileError, r"no\.csv", groups="no.csv:clip"),
    "an empty name": case(
        DataError,
        "1 sample has no group in the list of groups: sample 'b/000'",
        groups=["", *CLIPS[1:]],
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_carried_or_grouped_is_named(tmp_path, name):
    error, words, changed = WRONG[name]
    with pytest.raises(error) as caught:
        extracted(tmp_path, **changed)
    assert caught.value.hint
    assert re.search(words, str(caught.value)), str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_samples_out_of_order_are_refused(tmp_path):
    class Reversed(ArraySource):
        def batches(self, start, batch_size):
            yield from reversed(list(super().batches(start, batch_size)))

    with pytest.raises(DataError, match=r"sample 32 in place of sample 0.*--no-bucketing"):
        extracted(tmp_path, data=Reversed({"x": X}, IDS))


def written(folder, text):
    (folder / "clips.csv").write_text(text)
    return f"{folder / 'clips.csv'}:clip"


def test_groups_come_from_ids_from_tables_and_from_lists(tmp_path, caplog):
    shuffled = np.random.default_rng(0).permutation(N)
    lines = [f"{IDS[row]},{CLIPS[row]}" for row in shuffled]
    by_id = "\n".join(["sample_id,clip", *lines, "x/000,x"])
    by_place = "\n".join(["clip", *CLIPS])
    right = Groups.of(CLIPS)
    assert right.names == ("b", "a", "d", "c")
    for groups, ids in (
        ("id:(.*)/.*", IDS),
        (written(tmp_path, by_id), IDS),
        (CLIPS, None),
        (np.array(CLIPS), None),
    ):
        found = read_groups(groups, ids, N)
        assert found.names == right.names
        assert np.array_equal(found.number, right.number)
        assert found.digest == right.digest
    for ids in (None, IDS):
        assert read_groups(written(tmp_path, by_place), ids, N).digest == right.digest


def test_a_column_that_a_table_of_groups_lacks_is_named_with_the_option_of_groups(tmp_path):
    groups = written(tmp_path, "sample_id,clip\n").removesuffix("clip") + "clp"
    with pytest.raises(UnknownNameError, match="no column 'clp'") as caught:
        extracted(tmp_path, groups=groups)
    assert "Did you mean 'clip'? Name another with --groups " in caught.value.hint
    assert "--column" not in caught.value.hint


def test_samples_that_a_table_of_groups_lacks_are_named(tmp_path):
    table = written(tmp_path, "sample_id,clip\na,1\nb,1\n")
    with pytest.raises(DataError, match=r"no row for 2 samples: 'c', 'd'"):
        read_groups(table, ("a", "c", "b", "d"), 4)
    with pytest.raises(UnknownNameError, match=r"no column 'klip'.*--groups .*csv:COLUMN.*'clip'"):
        read_groups(table.replace(":clip", ":klip"), ("a", "b"), 2)


def test_groups_with_an_index_are_matched_by_it(tmp_path):
    pd = need("pandas")
    shuffled = np.random.default_rng(0).permutation(N)
    indexed = pd.Series(np.array(CLIPS)[shuffled], np.array(IDS)[shuffled])
    right = Groups.of(CLIPS)
    assert read_groups(indexed, IDS, N).digest == right.digest
    assert read_groups(pd.Series(CLIPS), IDS, N).digest == right.digest
    with pytest.raises(DataError, match="the list of groups has no row for 1 sample"):
        read_groups(indexed.drop(IDS[3]), IDS, N)


@pytest.mark.parametrize("groups", [3, b"aa", {"a": 1, "b": 2}], ids=repr)
def test_groups_that_are_no_list_are_refused(groups):
    with pytest.raises(SettingError, match="not a list of names"):
        read_groups(groups, None, 2)


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        (None, "no group in the list of groups: row 1"),
        (float("nan"), "no group in the list of groups: row 1"),
        (np.float32("nan"), "no group in the list of groups: row 1"),
        (["a"], r"The group of row 1 is \['a'\]"),
    ],
)
def test_a_sample_whose_group_has_no_name_is_told(missing, words):
    with pytest.raises(DataError, match=words):
        read_groups(["a", missing], None, 2)


@pytest.mark.parametrize("source", [ArraySource, ShuffledSource])
def test_groups_are_kept_in_the_file_even_if_nothing_is_carried(tmp_path, source):
    groups = [f"größe {row // 7}" for row in range(300)]
    extract(
        FakeModel(),
        source({"x": samples(300)}),
        tmp_path / "x.h5",
        ["hidden", "latents"],
        sparse=["latents"],
        groups=groups,
    )
    with open_activations(tmp_path / "x.h5") as activations:
        found = activations.groups
        assert [found.names[number] for number in found.number] == groups
    with h5py.File(tmp_path / "x.h5") as file:
        assert file["group"].dtype == np.dtype("<i4")
        assert file["group_name"].asstr()[:].tolist() == list(dict.fromkeys(groups))


def test_a_file_without_groups_has_none(tmp_path):
    extract(FakeModel(), samples(5), tmp_path / "x.h5", ["out"])
    with open_activations(tmp_path / "x.h5") as activations:
        assert activations.groups is None


@pytest.mark.parametrize(
    ("numbers", "names", "words"),
    [
        ([0, 1, 2], ["a", "b"], "numbers groups from 0 to 2 and names 2"),
        ([0, -1, 0], ["a"], "numbers groups from -1"),
        ([0.0, 0.0, 0.0], ["a"], "groups of type float64"),
        ([[0], [0], [0]], ["a"], r"shape \(3, 1\)"),
        ([0, 0], ["a"], "groups for 2 of 3 samples"),
        ([0, 1, 0], ["a", "a"], "1 group name repeats: 'a'"),
        ([0, 0, 0], None, "group_name is missing"),
        (None, ["a"], "group is missing"),
    ],
)
def test_groups_of_an_untrusted_file_are_checked(tmp_path, numbers, names, words):
    extract(FakeModel(), samples(3), tmp_path / "x.h5", ["out"])
    with h5py.File(tmp_path / "x.h5", "r+") as file:
        without_checksums(file, 1)
        if numbers is not None:
            file["group"] = np.array(numbers)
        if names is not None:
            file.create_dataset("group_name", data=names, dtype=h5py.string_dtype())
    with pytest.raises((FileFormatError, DataError), match=words):
        open_activations(tmp_path / "x.h5")
