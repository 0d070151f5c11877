"""Groups told for a check on held-out samples: what must be told, and what is said of the rest."""

import numpy as np
import pytest

from invert_core import check_held_out
from invert_core.activations.group_names import groups_of_searched
from invert_core.errors import DataError
from tests.labelling.checked_run import N_SEARCHED, label_seen, of_unseen

IDS = [f"clip{number // 10}/{number % 10}" for number in range(200)]
SEEN, UNSEEN = IDS[:N_SEARCHED], IDS[N_SEARCHED:]
OTHERS = "Nothing shows that the held-out samples are of other groups than"


@pytest.fixture
def table(clips):
    """Return a function that writes a table of clips, and returns what --groups needs."""

    def write(ids, name="clips.csv", renamed=str):
        rows = "".join(f"{renamed(id)},{id.partition('/')[0]}\n" for id in ids)
        (clips / name).write_text(f"sample_id,clip\n{rows}")
        return f"{clips / name}:clip"

    return write


def warnings(caplog):
    return [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]


def checked(clips, caplog, groups, **told):
    run = clips / "run"
    if not run.exists():
        label_seen(clips, groups="none")
    caplog.clear()
    return check_held_out(run, *of_unseen(clips), groups=groups, **told)


def test_a_table_needs_rows_of_held_out_samples_only(clips, table, caplog):
    found = checked(clips, caplog, table(UNSEEN))
    assert found.counts["auc"].n_significant is not None
    (told,) = warnings(caplog)
    few = "'clip0/0', 'clip0/1', 'clip0/2' and 127 more"
    assert told == f"{OTHERS} the samples that were searched: --groups names no group of {few}."
    whole = checked(clips, caplog, table(IDS))
    assert list(whole.labels) == list(found.labels)
    assert warnings(caplog) == []


def test_searched_samples_without_a_group_are_counted(clips, table, caplog):
    checked(clips, caplog, table(IDS[2:]))
    (told,) = warnings(caplog)
    assert told == (
        f"{OTHERS} 2 of the 130 samples that were searched: --groups names no group of "
        "'clip0/0', 'clip0/1'."
    )


def test_a_pattern_need_not_fit_the_ids_of_searched_samples(clips, caplog):
    checked(clips, caplog, "id:(clip1[3-9])/.*")
    (told,) = warnings(caplog)
    assert told.startswith(f"{OTHERS} the samples that were searched: --groups names no group")
    with pytest.raises(DataError, match=r"finds no group in 10 held-out sample ids: 'clip13/0'"):
        checked(clips, caplog, "id:(clip1[4-9])/.*")


def test_searched_samples_may_be_one_group_or_one_each(clips, caplog):
    for groups in ("id:(clip1[3-9]|clip).*", "id:(clip1[3-9]|clip./.|clip1[0-2]/.).*"):
        assert checked(clips, caplog, groups).counts["auc"].n_significant is not None
        assert warnings(caplog) == []


def test_the_advice_is_about_rows_of_held_out_samples(clips, table, caplog):
    # The frames of every clip are numbered alike, so no frame of a searched clip is meant.
    with pytest.raises(DataError, match=r"no row for 70 held-out samples: 'clip13/0'") as caught:
        checked(clips, caplog, table(SEEN))
    assert caught.value.hint == "Add them, each with its group."
    assert "pair" not in str(caught.value)


def test_advice_to_match_ids_of_held_out_samples_can_be_followed(clips, table, caplog):
    groups = table(UNSEEN, renamed=lambda id: f"frames/{id.replace('/', '_')}.png")
    for name in ("unseen", "unseen_concepts"):
        with np.load(clips / f"{name}.npz") as file:
            arrays = dict(file)
        arrays["sample_id"] = np.array([f"{id.replace('/', '_')}.png" for id in UNSEEN])
        np.savez(clips / f"{name}.npz", **arrays)
    with pytest.raises(DataError, match="only by a leading folder") as caught:
        checked(clips, caplog, groups)
    assert caught.value.hint == "Match them with: --match name"
    assert checked(clips, caplog, groups, match="name").counts["auc"].n_significant is not None


def test_held_out_activations_that_store_no_groups_are_named(clips, caplog):
    with pytest.raises(DataError, match="The held-out activations say nothing about groups"):
        checked(clips, caplog, "stored")


def test_groups_that_were_searched_are_refused(clips, table, caplog):
    groups = table(IDS)
    text = (clips / "clips.csv").read_text()
    (clips / "clips.csv").write_text(text.replace("clip13/0,clip13", "clip13/0,clip2"))
    with pytest.raises(DataError, match=r"1 group has searched and held-out samples \('clip2'\)"):
        checked(clips, caplog, groups)


def test_rows_of_held_out_samples_are_theirs_alone(tmp_path):
    rows = ["val/1.png,a", "val/2.png,b", "old/3.png,c", "old/4.png,d", "new/4.png,e", "5.png,f"]
    (tmp_path / "table.csv").write_text("\n".join(["sample_id,group", *rows]))
    searched = ["train/1.png", "train/3.png", "train/4.png", "5.png", "x/6.png", "y/6.png"]
    found = groups_of_searched(
        f"{tmp_path / 'table.csv'}:group", searched, ("1.png", "2.png"), "name"
    )
    assert found == [None, "c", None, "f", None, None]
