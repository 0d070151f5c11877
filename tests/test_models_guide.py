"""What docs/models.md tells people to type is understood; the models themselves are not here."""

import ast
import re
import shlex
from pathlib import Path

import pytest

from tests.command_line import call

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")


def blocks(kind):
    return re.findall(rf"^```{kind}\n(.*?)^```", GUIDE, flags=re.DOTALL | re.MULTILINE)


def commands():
    """All commands of `invert`, each as its words."""
    lines = "\n".join(blocks("sh")).replace("\\\n", "").splitlines()
    return [shlex.split(line)[1:] for line in lines if line.startswith("invert ")]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_is_understood_and_misses_only_its_files(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = call(*words)
    assert result.exit_code == 1
    first = next(word for word in words[1:] if word != "build")
    assert result.stderr.startswith("Error: There is no")
    assert f"'{first}'" in result.stderr


def test_every_program_of_the_page_is_python():
    assert len(blocks("python")) == 2
    for program in blocks("python"):
        ast.parse(program)


def test_every_model_of_the_table_has_a_command():
    told = {word for words in commands() for word in words if word.endswith(".onnx")}
    named = re.findall(r"^\|.*?`([\w./-]+\.onnx)`", GUIDE, flags=re.MULTILINE)
    assert len(named) == 11
    for name in named:
        assert any(path.endswith(name.removeprefix("...")) for path in told), name


def test_the_page_is_linked_and_its_links_lead_somewhere():
    assert "(docs/models.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", GUIDE):
        assert (ROOT / "docs" / target).exists(), target
    titles = re.findall(r"^## (.*)$", GUIDE, flags=re.MULTILINE)
    anchors = {title.lower().replace(" ", "-") for title in titles}
    assert set(re.findall(r"\]\(#([^)]+)\)", GUIDE)) <= anchors
