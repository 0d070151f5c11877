"""Rooms stand on each other in one order: no import against the rule, and no circles."""

import re
import sys
from pathlib import Path

import pytest

from tests import house

ROOT = Path(__file__).parents[1]


def test_no_import_is_against_the_rule():
    assert list(map(str, house.against_the_rule(ROOT))) == []


def test_no_files_import_each_other_in_a_circle():
    assert house.circles(ROOT) == []


def test_the_list_has_every_room_and_no_other():
    found = house.rooms(ROOT)
    assert [room for room in found if room not in house.ROOMS] == []
    assert set(house.ROOMS) == {*found}


def test_rooms_that_other_versions_are_not_tried_on_import_only_numpy():
    (line,) = re.findall("^OWN_LOGIC := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for name in line.split():
        assert (ROOT / "tests" / name).is_dir()
        packages = house.packages(ROOT / "invert_core" / name)
        assert packages - sys.stdlib_module_names <= {"invert_core", "numpy"}, name


def test_nine_files_at_most_stand_outside_the_rooms():
    assert len(list((ROOT / "invert_core").glob("*.py"))) <= 9


@pytest.fixture
def made_up(tmp_path):
    """A house with one file in each room, none of which imports anything."""
    rooms = [tmp_path / "invert_core" / room for room in house.ROOMS]
    for folder in (*rooms, tmp_path / "backends"):
        folder.mkdir(parents=True)
        (folder / "__init__.py").touch()
        (folder / "one.py").touch()
    (tmp_path / "invert_core" / "__init__.py").touch()
    (tmp_path / "invert_core" / "files" / "write_lock.py").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("file", "line", "told"),
    [
        ("kernels/one", "import invert_core.search.one", "kernels.one imports search.one"),
        ("kernels/one", "from invert_core.errors.one import x", "kernels.one imports errors.one"),
        ("results/one", "import invert_core.labelling.one", "results.one imports labelling.one"),
        ("results/one", "import invert_core.kernels.one", "results.one imports kernels.one"),
        ("demo/one", "import invert_core.commands.one", "demo.one imports commands.one"),
        ("testing/one", "import invert_core.backends.one", "testing.one imports backends.one"),
        ("data/one", "import invert_core.concepts.one", "data.one imports concepts.one"),
        ("data/one", "from ..concepts.one import x", "data.one imports concepts.one"),
        ("data/one", "def f():\n    import invert_core.demo.one", "data.one imports demo.one"),
        ("errors/one", "import invert_core.wording.one", "errors.one imports wording.one"),
        ("attic/one", "import invert_core.errors.one", "attic.one imports errors.one"),
        ("__init__", "import invert_core.errors.one", "invert_core imports errors.one"),
    ],
)
def test_an_import_against_the_rule_is_found_and_named(made_up, file, line, told):
    path = made_up / "invert_core" / f"{file}.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(line)
    found = [str(one).replace("invert_core.", "") for one in house.against_the_rule(made_up)]
    assert found == [told]


def test_a_backend_may_not_import_the_command_line(made_up):
    (made_up / "backends" / "one.py").write_text("import invert_core.commands.one")
    assert list(map(str, house.against_the_rule(made_up))) == [
        "invert_core.backends.one imports invert_core.commands.one"
    ]


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("invert_core/entry/one", "import invert_core.commands.one"),
        ("invert_core/kernels/one", "from invert_core.files.write_lock import x"),
        ("invert_core/search/one", "import invert_core.kernels.one"),
        ("invert_core/results/one", "import invert_core.files.one"),
        ("invert_core/errors/one", "from invert_core import __version__"),
        ("invert_core/errors/one", "if TYPE_CHECKING:\n    import invert_core.demo.one"),
        ("backends/one", "import invert_core.models.one"),
    ],
)
def test_an_import_by_the_rule_passes(made_up, file, line):
    (made_up / f"{file}.py").write_text(line)
    assert house.against_the_rule(made_up) == []


def test_a_circle_is_found_within_a_room(made_up):
    room = made_up / "invert_core" / "data"
    (room / "one.py").write_text("import invert_core.data.two")
    (room / "two.py").write_text("from . import three")
    (room / "three.py").write_text("def late():\n    from invert_core.data.one import x")
    names = ("one", "three", "two")
    assert house.circles(made_up) == [[f"invert_core.data.{name}" for name in names]]
