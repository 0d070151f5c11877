"""Held-out samples in groups: what is refused, and what is not inferred from them."""

import pytest

from invert_core import label
from invert_core.activations import Activations
from invert_core.activations.group_names import read_groups
from invert_core.errors import DataError
from tests.labelling.held_out_case import BOTH, named, with_ids
from tests.labelling.small_case import QUICK, concept_set, small

OF_INDEPENDENT = ("auc_held_out_low", "auc_held_out_high", "p_held_out", "log10_p_held_out")


def test_a_held_out_file_has_no_samples_of_searched_groups():
    activations, labels = small(n_samples=60)
    ids = [f"clip{number // 4}/{number}" for number in range(60)]
    concepts = concept_set(labels, sample_id=ids)

    def labelled(n_searched):
        parts = slice(n_searched), slice(n_searched, None)
        searched, held = (
            Activations.from_array(activations[part], sample_id=ids[part]) for part in parts
        )
        return label(
            *(searched, concepts),
            **{"held_out": held, "groups": "id:(.*)/.*", "settings": QUICK},
        )

    assert {row.n_samples_held_out for row in labelled(40)} == {20, None}
    with pytest.raises(DataError, match=r"1 group has searched and held-out samples \('clip10'\)"):
        labelled(42)


def test_nothing_is_inferred_from_held_out_samples_in_groups(caplog):
    activations, labels = small(n_samples=80)
    groups = [f"clip{number // 4}" for number in range(80)]
    with caplog.at_level("INFO", "invert"):
        rows = label(
            *(activations, concept_set(labels)),
            **{"holdout": 0.4, "groups": groups, "settings": BOTH},
        ).rows
    tested = [row for row in rows if row.auc_held_out is not None]
    assert len(tested) > 5
    assert {getattr(row, name) for row in rows for name in OF_INDEPENDENT} == {None}
    assert {row.optimism is None for row in tested} == {False}
    told = [one for one in caplog.records if "p_held_out" in one.getMessage()]
    assert [one.levelname for one in told] == ["INFO"]
    assert "stay empty" in told[0].getMessage()


@pytest.mark.parametrize("title", ["sample_id", "file"])
def test_a_table_of_groups_without_rows_for_held_out_samples_is_refused(tmp_path, title):
    activations, labels = small(n_samples=60)
    rows = "".join(f"s{number},{number // 3}\n" for number in range(30))
    (tmp_path / "clips.csv").write_text(f"{title},clip\n{rows}")
    with pytest.raises(DataError, match=r"clips.csv' has no row for 30 held-out samples: 's30'"):
        label(
            *(with_ids(activations[:30]), named(labels)),
            **{"held_out": with_ids(activations[30:], 30), "settings": QUICK},
            groups=f"{tmp_path / 'clips.csv'}:clip",
        )


def test_held_out_samples_are_not_matched_with_groups_by_position(tmp_path):
    activations, labels = small(n_samples=60)
    (tmp_path / "clips.csv").write_text("clip\n" + "".join(f"{n // 3}\n" for n in range(30)))
    with pytest.raises(DataError, match=r"has no row for 30 held-out samples") as caught:
        label(
            *(with_ids(activations[:30]), named(labels)),
            **{"held_out": with_ids(activations[30:], 30), "settings": QUICK},
            groups=f"{tmp_path / 'clips.csv'}:clip",
        )
    assert caught.value.hint
    with pytest.raises(DataError, match="nothing shows which rows of the list"):
        read_groups(["a"] * 3, None, 3, held_out=True)
