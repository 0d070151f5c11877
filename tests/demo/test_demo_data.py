"""The committed data of `invert demo` keeps what its makers in `examples/digits/` promise."""

import ast
import csv
import importlib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "invert_core" / "demo"
EXAMPLE = ROOT / "examples" / "digits"
PARTS = ("search", "held_out")


def read_table(name):
    with (DEMO / name).open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


@pytest.fixture(scope="module")
def labels():
    """Concept ids, sample ids, and a bool matrix [concept, sample]."""
    header, *rows = read_table("concepts.csv")
    assert {value for row in rows for value in row[1:]} == {"0", "1"}
    extents = np.array([[value == "1" for value in row[1:]] for row in rows]).T
    return header[1:], [row[0] for row in rows], extents


@pytest.fixture(scope="module")
def images():
    found = {}
    for part in PARTS:
        with np.load(DEMO / f"{part}.npz", allow_pickle=False) as arrays:
            found[part] = dict(arrays)
    return found


@pytest.fixture(scope="module")
def parts(labels, images):
    """Extents over all samples and over either part."""
    _, samples, extents = labels
    row = {sample: i for i, sample in enumerate(samples)}
    chosen = {part: [row[sample] for sample in images[part]["sample_id"]] for part in PARTS}
    return {"whole": extents} | {part: extents[:, rows] for part, rows in chosen.items()}


@pytest.fixture(scope="module")
def model():
    return onnx.load(DEMO / "digits.onnx", load_external_data=False)


@pytest.fixture(scope="module")
def logits(images):
    session = onnxruntime.InferenceSession(DEMO / "digits.onnx", providers=["CPUExecutionProvider"])
    return {part: session.run(None, {"image": images[part]["image"]})[0] for part in PARTS}


def properties(model):
    return {entry.key: entry.value for entry in model.metadata_props}


def test_the_parts_are_disjoint_and_together_all_labelled_samples(labels, images):
    _, samples, _ = labels
    search, held_out = (set(images[part]["sample_id"]) for part in PARTS)
    assert not search & held_out
    assert len(search) + len(held_out) == len(samples) == 1797
    assert search | held_out == set(samples)


def test_images_are_scans_as_the_model_takes_them(images):
    for arrays in images.values():
        image = arrays["image"]
        assert image.dtype == np.uint8
        assert image.shape == (len(arrays["sample_id"]), 1, 8, 8)
        assert image.max() == 16


def test_every_concept_has_one_name_and_a_definition(labels):
    ids, _, _ = labels
    header, *rows = read_table("names.csv")
    assert header == ["concept_id", "name", "definition"]
    assert [row[0] for row in rows] == ids
    assert len(set(ids)) == len({name for _, name, _ in rows}) == len(ids) >= 25
    assert all(definition for *_, definition in rows)


@pytest.mark.parametrize("part", ["whole", *PARTS])
def test_every_concept_covers_2_to_50_percent(labels, parts, part):
    fractions = dict(zip(labels[0], parts[part].mean(1), strict=True))
    assert {name: f for name, f in fractions.items() if not 0.02 <= f <= 0.5} == {}


@pytest.mark.parametrize("part", ["whole", *PARTS])
def test_no_two_concepts_have_equal_or_complementary_extents(parts, part):
    extents = parts[part]
    keys = {extent.tobytes() for extent in (*extents, *~extents)}
    assert len(keys) == 2 * len(extents)


def test_the_labels_and_images_are_what_the_scripts_make(tmp_path, monkeypatch, images):
    monkeypatch.syspath_prepend(EXAMPLE)
    for script in ("dataset", "concepts"):
        module = importlib.import_module(script)
        monkeypatch.setattr(module, "DEMO", tmp_path)
        module.main()
    for name in ("concepts.csv", "names.csv"):
        assert (tmp_path / name).read_bytes() == (DEMO / name).read_bytes()
    for part in PARTS:
        with np.load(tmp_path / f"{part}.npz", allow_pickle=False) as made:
            for name, array in images[part].items():
                np.testing.assert_array_equal(made[name], array)


def test_the_model_is_one_small_file_without_paths_of_a_machine(model):
    content = (DEMO / "digits.onnx").read_bytes()
    assert len(content) <= 300_000
    assert not any(tensor.external_data for tensor in model.graph.initializer)
    for trace in (b"/tmp", b"/home", b"/root", b'.py"', b"stack_trace"):
        assert trace not in content


def test_the_nodes_carry_module_paths(model):
    scopes = set()
    for node in model.graph.node:
        metadata = {entry.key: entry.value for entry in node.metadata_props}
        scopes.update(ast.literal_eval(metadata["pkg.torch.onnx.name_scopes"])[:-1])
    assert scopes >= {"conv1", "relu1", "conv2", "relu2", "pool", "hidden", "relu3", "output"}


def test_the_stated_accuracy_is_that_on_the_held_out_digits(labels, parts, model, logits):
    classes = [labels[0].index(f"digit_{value}") for value in range(10)]
    digit = parts["held_out"][classes].argmax(0)
    accuracy = float((logits["held_out"].argmax(1) == digit).mean())
    stated = properties(model)["test_accuracy"]
    assert accuracy == pytest.approx(float(stated), abs=1e-4)
    assert accuracy >= 0.97
    assert f"| {stated} |" in (EXAMPLE / "README.md").read_text(encoding="utf-8")


def test_the_model_states_its_seed_and_split(model, images):
    facts = properties(model)
    assert facts["seed"].isdigit()
    assert facts["torch_version"]
    assert int(facts["n_search"]) == len(images["search"]["image"])
    assert int(facts["n_held_out"]) == len(images["held_out"]["image"])


@pytest.mark.parametrize("value", range(10))
def test_an_output_unit_ranks_its_own_digit_above_every_other_literal(labels, parts, logits, value):
    logit = logits["search"][:, value]
    auc = {}
    for concept, extent in zip(labels[0], parts["search"], strict=True):
        inside, outside = logit[extent][:, None], logit[~extent]
        auc[concept] = (inside > outside).mean() + (inside == outside).mean() / 2
    own = auc.pop(f"digit_{value}")
    assert own > max(max(other, 1 - other) for other in auc.values())
