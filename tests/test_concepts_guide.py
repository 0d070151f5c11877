"""What docs/concepts.md shows is true: its files are written, its commands run, in its order."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from invert_core.commands import main
from tests.concepts.hierarchy.real_data import needs_nouns

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "concepts.md").read_text(encoding="utf-8")
SOURCES = (
    "class folders",
    "wide",
    "long",
    "tidy",
    "spreadsheets",
    "coco",
    "pascal voc",
    "celeba",
    "open images",
    "arrays",
)


def blocks():
    """Language, file name and content of every block."""
    return re.findall(r"^```(\w+) ?(\S*)\n(.*?)^```", GUIDE, flags=re.DOTALL | re.MULTILINE)


def write(name, content):
    """Make the file that a block shows, or the images that it lists."""
    path = Path(name)
    if name.endswith("/"):
        for line in content.split():
            Path(line).parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8)).save(line)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def run(block):
    """Run the commands of a console block; every line below one is printed, in that order."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, *shown = part.splitlines()
        words = shlex.split(command)
        assert words[0] == "invert"
        result = CliRunner().invoke(main, words[1:])
        assert result.exit_code == 0, f"{command}: {result.output}"
        printed = iter([line.split() for line in result.output.splitlines()])
        for line in shown:
            if line != "...":
                assert line.split() in printed, f"{command}: {line}\n{result.output}"


@needs_nouns
def test_every_example_runs_and_prints_what_is_shown(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for language, name, content in blocks():
        if name:
            write(name, content)
        elif language == "console":
            run(content)
        elif language == "python":
            exec(compile(content, "docs/concepts.md", "exec"), {})
    assert "[2 1 1 1]" in capsys.readouterr().out


def test_every_kind_of_source_has_an_example():
    titles = [title.lower() for title in re.findall(r"^###? (.*)$", GUIDE, flags=re.MULTILINE)]
    for source in SOURCES:
        assert any(title.startswith(source) for title in titles), source


def test_linked_files_exist():
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", GUIDE):
        assert (ROOT / "docs" / target).exists(), target


@pytest.mark.parametrize("command", ["build", "add", "show", "export"])
def test_every_option_of_the_sources_is_explained(command):
    assert f"invert concepts {command}" in GUIDE
    helped = CliRunner().invoke(main, ["concepts", command, "--help"]).output
    shared = {"--quiet", "--debug", "--config", "--help", "--overwrite", "--output"}
    for option in set(re.findall(r"--[a-z][a-z-]*", helped)) - shared:
        assert option in GUIDE, option
