"""The files of the page: what they never do, and that they agree with the Python side."""

import re
from importlib import resources

import pytest

from invert_core.report import packing
from invert_core.report.html_report import SCRIPTS
from invert_core.results.columns import VERDICTS
from invert_core.settings import OF_HIGHEST

PAGE = resources.files("invert_core.report") / "page"
SCRIPT = {name: (PAGE / name).read_text("utf-8") for name in SCRIPTS}
STYLE, TEMPLATE = ((PAGE / name).read_text("utf-8") for name in ("page.css", "page.html"))
FILES = {**SCRIPT, "page.css": STYLE, "page.html": TEMPLATE}

ACTS_ON_TEXT = (
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment"
    r"|srcdoc|\beval\b|\bFunction\(|javascript:|set(?:Timeout|Interval)\(['\"`]"
)
SPEAKS_TO_OTHERS = (
    r"\bfetch\(|XMLHttpRequest|WebSocket|EventSource|sendBeacon|\bimport\b|localStorage|cookie"
)


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_script_takes_text_for_markup_or_code(name):
    assert re.findall(ACTS_ON_TEXT, SCRIPT[name]) == []


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_script_loads_sends_or_stores_anything(name):
    assert re.findall(SPEAKS_TO_OTHERS, SCRIPT[name]) == []


def test_the_only_address_in_the_page_is_the_name_of_svg():
    found = {url for text in FILES.values() for url in re.findall(r"\w+://[^\s'\"]*", text)}
    assert found == {"http://www.w3.org/2000/svg"}
    assert set(re.findall(r"url\(([^)]*)\)", STYLE)) == {"#hatch"}
    assert "@import" not in STYLE


def test_the_template_has_no_handlers_and_allows_only_its_own_script():
    assert re.findall(r"<[^>]*\son\w+\s*=", TEMPLATE) == []
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', TEMPLATE).group(1)
    rules = {rule.split()[0]: rule.split()[1:] for rule in policy.split(";")}
    assert rules == {
        "default-src": ["'none'"],
        "img-src": ["data:"],
        "style-src": ["'sha256-@@STYLE_HASH@@'"],
        "script-src": ["'sha256-@@HASH@@'"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
    }


@pytest.mark.parametrize("name", [*SCRIPTS, "page.css"])
def test_no_file_ends_its_element_or_holds_a_place_of_the_template(name):
    assert re.findall(r"</(?:script|style)|<!--|@@", FILES[name], re.IGNORECASE) == []


@pytest.mark.parametrize("name", FILES)
def test_files_are_readable_in_a_sitting(name):
    lines = FILES[name].splitlines()
    assert max(map(len, lines)) <= 100
    assert len(lines) <= 350 or name == "page.css"


def test_every_verdict_is_explained():
    explained = re.findall(r"^  (\w+): \['", SCRIPT["words.js"], re.MULTILINE)
    assert explained == list(VERDICTS)


def test_the_scores_of_the_highest_samples_are_the_same_ones():
    (listed,) = re.findall(r"isOfHighest = .*\[(.*)\]\.includes", SCRIPT["words.js"])
    assert tuple(re.findall(r"\w+", listed)) == OF_HIGHEST


def test_blocks_are_as_large_as_they_are_written():
    read = dict(re.findall(r"^const (\w+)S_A_BLOCK = (\d+);", SCRIPT["data.js"], re.MULTILINE))
    written = {
        name.removesuffix("S_IN_BLOCK"): str(size)
        for name, size in vars(packing).items()
        if name.endswith("S_IN_BLOCK")
    }
    assert read == written
