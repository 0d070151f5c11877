"""The script of `examples/sentence_encoder/`, on an encoder of one layer and thirty texts."""

import importlib
import re
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from invert_core import read_run
from tests.data.texts.small_tokenizer import WORDS, write_tokenizer
from tests.needs import need

need("tokenizers")

EXAMPLE = Path(__file__).parents[2] / "examples" / "sentence_encoder"
MODULE = "encoder.layer.0.intermediate.intermediate_act_fn"


@pytest.fixture(scope="module")
def script():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXAMPLE)
        return importlib.import_module("label_encoder")


def write_encoder(path):
    """Neuron n of the only block says whether a token is word n."""
    table = helper.make_tensor(
        "table", TensorProto.FLOAT, [len(WORDS)] * 2, np.eye(len(WORDS), dtype=np.float32).ravel()
    )
    node = helper.make_node("Gather", ["table", "input_ids"], ["states"])
    node.metadata_props.add(key="pkg.torch.onnx.name_scopes", value=f"['', '{MODULE}', 'gather']")
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"])
        for name in ("input_ids", "attention_mask")
    ]
    outputs = [helper.make_tensor_value_info("states", TensorProto.FLOAT, None)]
    graph = helper.make_graph([node], "encoder", inputs, outputs, [table])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, path)


def write_nouns(path):
    """Kinds x and y of which ten things each are told by the words c and d; ten are neither."""
    lines = ["00000001 03 n 01 entity 0 000 | e e\n"]
    for number, (kind, word) in enumerate([("x", "c"), ("y", "d"), ("z", "e")], start=2):
        lines.append(f"{number:08} 03 n 01 {kind} 0 001 @ 00000001 n 0000 | {word} e\n")
        for thing in range(number * 100, number * 100 + 10):
            words = " ".join(["a", "b", word][thing % 2 :])
            lines.append(
                f'{thing:08} 03 n 01 thing 0 001 @ {number:08} n 0000 | {words}; "{word} d"\n'
            )
    path.write_text("".join(lines))


@pytest.fixture
def call(script, tmp_path, monkeypatch):
    write_tokenizer(tmp_path)
    write_encoder(tmp_path / "tiny.onnx")
    write_nouns(tmp_path / "data.noun")
    monkeypatch.setattr(
        script, "export_model", lambda _, path: shutil.copyfile(tmp_path / "tiny.onnx", path)
    )

    def run(*arguments):
        output = tmp_path / "out"
        command = ["label_encoder.py", str(tmp_path), "-o", str(output), "--wordnet", str(tmp_path)]
        monkeypatch.setattr("sys.argv", [*command, "--min-count", "3", *arguments])
        script.main()
        return output

    return run


def test_neurons_are_labelled_with_the_kinds_their_words_stand_for(call, capsys):
    labels = read_run(call() / "run").labels
    best = {row.unit: row for row in labels.best()}
    assert best[WORDS.index("c")].label == "x"
    assert best[WORDS.index("d")].label == "y"
    assert best[WORDS.index("c")].auc == best[WORDS.index("d")].auc == 1.0
    printed = capsys.readouterr().out
    assert f"{len(WORDS)} units" in printed
    assert printed.count(f"{MODULE}:") == 2 * min(10, len(best)) + 1
    rows = [line.split()[:4] for line in printed.splitlines()]
    assert [f"{MODULE}:{WORDS.index('c')}", "x", "1.0000", "1.0000"] in rows


def test_all_labels_are_summed_up_and_the_best_neuron_is_shown_at_work(call, capsys):
    labels = read_run(call("--top", "1") / "run").labels
    printed = capsys.readouterr().out.splitlines()
    significant = sum(row.status == "ok" and row.q_value < 0.05 for row in labels.best())
    assert printed[-2].endswith(f"and {significant} of {len(labels.best())} are significant.")
    unit, label = next(line for line in printed if line.startswith(f"{MODULE}:")).split()[:2]
    assert printed[-1].startswith(f"{unit} responds most to: ")
    word = {"x": "c", "y": "d"}[label]
    texts = printed[-1].partition("responds most to: ")[2].rstrip(".").split("; ")
    assert len(texts) == 3
    assert all(word in text.split() for text in texts)


def test_each_neuron_shows_what_its_strongest_texts_share_and_all_verdicts_are_counted(
    call, capsys
):
    rows = list(read_run(call() / "run").labels)
    printed = capsys.readouterr().out
    for what, objective in (("labels", "auc"), ("peaks", "phi")):
        line = re.search(rf"Verdicts of all {what}: (.*)\.", printed)[1]
        counts = {word: int(count) for count, word in map(str.split, line.split(", "))}
        chosen = [row for row in rows if row.headline and row.objective == objective]
        assert counts == Counter(row.verdict for row in chosen)
        assert chosen
    shared = printed.partition("respond most:\n")[2].partition("Verdicts")[0]
    for row in rows:
        if row.headline and row.objective == "phi" and f"{row.address} " in shared:
            (line,) = (line for line in shared.splitlines() if line.startswith(f"{row.address} "))
            assert "the same" in line or row.label in line
            assert f"{row.score:.3f}" in line


def test_the_script_called_again_gives_the_same(call):
    first = (call() / "run" / "labels.csv").read_bytes()
    assert (call() / "run" / "labels.csv").read_bytes() == first


def test_what_is_wrong_is_said_in_a_sentence(call):
    with pytest.raises(SystemExit, match=r"Error: There are 34 definitions"):
        call("--samples", "90")


def test_a_wrong_place_number_or_installation_is_said_in_a_sentence(
    call, script, monkeypatch, tmp_path, capsys
):
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit, match=r"Error: Cannot write '.*/file/x': Not a directory\."):
        call("-o", str(tmp_path / "file" / "x"))
    with pytest.raises(SystemExit) as caught:
        call("--seed", "-1")
    assert caught.value.code == 2
    assert "--seed and --top have to be 0 or more" in capsys.readouterr().err

    def raising(error):
        def export(*_):
            raise error

        return export

    lacking = ModuleNotFoundError("No module named 'transformers'", name="transformers")
    monkeypatch.setattr(script, "export_model", raising(lacking))
    with pytest.raises(SystemExit, match=r"Error: transformers is not installed\."):
        call()
    broken = ModuleNotFoundError("Could not import module 'BertModel'.")
    monkeypatch.setattr(script, "export_model", raising(broken))
    with pytest.raises(SystemExit, match=r"Error: Could not import module 'BertModel'\. README"):
        call()
