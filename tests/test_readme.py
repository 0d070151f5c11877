"""What README.md shows is true: its commands run, and print what stands below them."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.sparse import csc_array

import invert_core.demo
from invert_core import read_evidence
from invert_core.commands import main
from invert_core.results.run_directory import read_run
from tests.command_line import call

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DEMO = Path(invert_core.demo.__file__).parent


def blocks(kind):
    return re.findall(rf"^```{kind}\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)


def sessions():
    """Commands of the console blocks, each with the lines that the README shows below it."""
    found = []
    for block in blocks("console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *shown = part.splitlines()
            if command != ". .venv/bin/activate":
                found.append((command, [line for line in shown if line != "..."]))
    return found


def invert(command):
    words = shlex.split(command)
    assert words[0] == "invert"
    result = call(*words[1:])
    assert result.exit_code == 0, result.output
    return result.stdout


def words_of(text):
    return [line.split() for line in text.splitlines()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the demo's run, and with what a user brings: a model, images, labels."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "model.onnx").write_bytes((DEMO / "digits.onnx").read_bytes())
    (folder / "names.csv").write_bytes((DEMO / "names.csv").read_bytes())
    shutil.copytree(DEMO, folder / "invert_core" / "demo")
    (folder / "images").mkdir()
    with np.load(DEMO / "search.npz") as data:
        samples = dict(zip(data["sample_id"].tolist(), data["image"][:, 0], strict=True))
    for sample, image in samples.items():
        Image.fromarray(image).save(folder / "images" / f"{sample}.png")
    head, *rows = (DEMO / "concepts.csv").read_text(encoding="utf-8").splitlines()
    labels = [row.replace(",", ".png,", 1) for row in rows if row.split(",")[0] in samples]
    (folder / "labels.csv").write_text("\n".join([head, *labels]) + "\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        (folder / "demo.txt").write_text(invert("invert demo"), encoding="utf-8")
    return folder


def test_the_demo_prints_the_rows_that_the_readme_shows(folder):
    printed = words_of((folder / "demo.txt").read_text(encoding="utf-8"))
    (table,) = blocks("text")
    for row in words_of(table):
        assert row in printed


def test_a_label_of_the_demo_holds_on_none_of_the_highest_samples_as_the_readme_says(folder):
    claim = "hold on none of the 10 highest samples, such as that of\n  `relu3:5` in the demo"
    assert claim in README
    (row,) = (
        row for row in read_run(folder / "invert-demo").labels.best() if row.address == "relu3:5"
    )
    assert (row.status, row.verdict, row.precision_at_10) == ("ok", "bulk", 0.0)
    assert row.q_value < 1e-40


def test_every_command_runs_and_prints_what_is_shown(folder, monkeypatch):
    monkeypatch.chdir(folder)
    commands = sessions()
    assert len(commands) == 25
    for command, shown in commands:
        printed = words_of(invert(command))
        for line in shown:
            assert line.split() in printed, f"{command}: {line}"


def test_images_and_arrays_give_the_same_labels(folder, monkeypatch):
    monkeypatch.chdir(folder)
    commands = [command for command, _ in sessions()]
    first = commands.index("invert layers model.onnx")
    for command in commands[first : first + 4]:
        invert(f"{command} --overwrite" if " -o " in command else command)
    # The demo's run also has what the unseen images say.
    images, arrays = (
        [(row.formula, row.auc, row.log10_p_search, row.q_value) for row in labels.at("relu3:17")]
        for labels in (read_run("run").labels, read_run("invert-demo").labels)
    )
    assert images == arrays


def test_the_make_targets_exist():
    (block,) = blocks("sh")
    for line in block.splitlines():
        command = line.split("#")[0].split()
        assert command[0] == "make"
        dry = subprocess.run(
            [*command, "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert dry.returncode == 0, dry.stderr


def test_the_library_example_runs(capsys):
    _, block = blocks("python")
    rng = np.random.default_rng(0)
    animal, wild, indoors = rng.random((3, 2000)) < 0.3
    activations = rng.normal(size=(2000, 64))
    activations[:, 5] += 2 * (animal & ~wild)
    values = {"animal": animal, "wild": wild, "indoors": indoors, "activations": activations}
    exec(compile(block, "README.md", "exec"), values)
    first = capsys.readouterr().out.splitlines()[0].split()
    assert first[:4] == ["5", "animal", "&", "~wild"]
    assert int(first[-1]) == (animal & ~wild).sum()


def test_sparse_latents_are_written_as_shown_and_labelled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    block, _ = blocks("python")
    rng = np.random.default_rng(0)
    mark = rng.random(300) < 0.2
    dense = np.where(rng.random((300, 4)) < 0.1, rng.random((300, 4)), 0)
    dense[:, 2] = np.where(mark, rng.random(300), 0)
    samples = [f"t{number}" for number in range(300)]
    exec(compile(block, "README.md", "exec"), {"latents": csc_array(dense), "sample_ids": samples})
    rows = "".join(f"{id},{int(one)}\n" for id, one in zip(samples, mark, strict=True))
    Path("concepts.csv").write_text(f"id,mark\n{rows}")
    texts = "".join(f"{id},text {id}\n" for id in samples)
    Path("texts.csv").write_text(f"sample_id,text\n{texts}")
    (command,) = re.findall(r"`(invert label latents[^`]+)`", README)
    invert(f"{command} --min-fraction 0.05")
    invert("invert report run")
    assert read_run("run").labels.at("latents:2")[0].label == "mark"
    assert read_evidence("run").shown_text[0].startswith("text t")


def test_every_option_and_command_that_is_mentioned_exists():
    for name in re.findall(r"`invert ([a-z]+)`", README):
        assert call(name, "--help").exit_code == 0
    names = [[name] for name in main.list_commands(None)] + [["concepts", "build"]]
    helped = "".join(call(*name, "--help").stdout for name in names)
    for option in re.findall(r"--[a-z][a-z-]*", README):
        assert option in helped, option


def test_linked_files_exist():
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


@pytest.mark.skipif(sys.platform == "win32", reason="make")
def test_the_contributing_guide_names_make_targets_that_exist():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^make ([a-z]+)", text, flags=re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target
