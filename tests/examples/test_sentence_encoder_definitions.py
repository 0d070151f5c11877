"""The texts and concepts that `examples/sentence_encoder/` makes of WordNet."""

import csv
import importlib
from pathlib import Path

import pytest

from invert_core import read_concepts
from invert_core.concepts.hierarchy.hierarchy import Hierarchy
from invert_core.errors import SettingError

EXAMPLE = Path(__file__).parents[2] / "examples" / "sentence_encoder"


@pytest.fixture(scope="module")
def example():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXAMPLE)
        return importlib.import_module("definitions")


@pytest.fixture
def nouns():
    """A root, four kinds of it, and 200 leaves below those."""
    above = {"n0": ()} | {f"n{kind}": ("n0",) for kind in range(1, 5)}
    above |= {f"n{leaf}": (f"n{leaf % 4 + 1}",) for leaf in range(100, 300)}
    return Hierarchy(
        "nouns",
        above,
        {id: f"name of {id}" for id in above},
        {id: f"definition, of {id}" for id in above},
    )


def write(example, folder, nouns, n_samples=200, min_count=10, seed=0):
    paths = example.write_tables(folder, nouns, n_samples=n_samples, min_count=min_count, seed=seed)
    tables = {}
    for name, path in paths.items():
        with path.open(newline="", encoding="utf-8") as file:
            tables[name] = list(csv.DictReader(file))
    return paths, tables


def test_the_parts_are_halves_without_a_common_sample_in_the_order_of_the_file(
    example, nouns, tmp_path
):
    _, tables = write(example, tmp_path, nouns)
    parts = [[row["sample_id"] for row in tables[name]] for name in ("search", "held_out")]
    assert [len(part) for part in parts] == [100, 100]
    assert not set(parts[0]) & set(parts[1])
    assert all(part == [id for id in nouns.parents if id in part] for part in parts)


def test_a_sample_is_a_definition_and_has_all_that_it_is_a_kind_of(example, nouns, tmp_path):
    _, tables = write(example, tmp_path, nouns)
    leaves = [row for row in tables["search"] if len(row["sample_id"]) == 4]
    assert leaves
    for row in leaves:
        assert row["text"] == f"definition, of {row['sample_id']}"
        assert row["concepts"] == f"n0 n{int(row['sample_id'][1:]) % 4 + 1}"


def test_what_either_half_has_too_rarely_is_no_concept(example, nouns, tmp_path):
    _, tables = write(example, tmp_path, nouns)
    assert [row["concept_id"] for row in tables["names"]] == ["n0", "n1", "n2", "n3", "n4"]
    assert example.common_concepts([["ab", "a", "bc"], ["ab", "ac"]], 2) == {"a"}
    assert example.common_concepts([["ab", "a"], ["ab", "b"]], 2) == set()


def test_the_draw_depends_on_the_seed_alone(example, nouns, tmp_path):
    paths, first = write(example, tmp_path, nouns)
    before = {name: path.read_bytes() for name, path in paths.items()}
    _, other = write(example, tmp_path, nouns, seed=1)
    assert other["search"] != first["search"]
    write(example, tmp_path, nouns)
    assert {name: path.read_bytes() for name, path in paths.items()} == before


def test_a_table_is_a_source_of_concepts(example, nouns, tmp_path):
    paths, tables = write(example, tmp_path, nouns)
    concepts = read_concepts(paths["search"], paths["names"])
    assert concepts.sample_id == tuple(row["sample_id"] for row in tables["search"])
    assert concepts.id == ("n0", "n1", "n2", "n3", "n4")
    assert concepts.name[0] == "name of n0"


@pytest.mark.parametrize("n_samples", [1, 206])
def test_more_definitions_than_there_are_cannot_be_drawn(example, nouns, tmp_path, n_samples):
    with pytest.raises(SettingError, match=r"There are 205 definitions.*Ask for 2 to 205"):
        write(example, tmp_path, nouns, n_samples=n_samples)


def test_a_count_that_no_concept_has_is_an_error(example, nouns, tmp_path):
    with pytest.raises(SettingError, match="No concept has 101 samples in both halves"):
        write(example, tmp_path, nouns, min_count=101)
    assert not list(tmp_path.iterdir())
