"""docs/architecture.md has a line for every room, and its picture names only rooms."""

import re
import tomllib
from pathlib import Path

from tests import house

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")


def rooms_of_the_page():
    names = re.findall(r"^\| `(\S+)` \|", PAGE, flags=re.MULTILINE)
    return [name.removesuffix("/").removesuffix(".py") for name in names]


def test_every_room_has_a_line_in_the_order_of_the_rule():
    *rooms, last = rooms_of_the_page()
    assert last == "backends"
    assert [room for room in house.rooms(ROOT) if room not in rooms] == []
    assert rooms == [room for room in house.ROOMS if room in rooms]


def test_rooms_are_written_as_the_folders_and_files_they_are():
    for name in re.findall(r"^\| `(\S+)` \|", PAGE, flags=re.MULTILINE):
        path = (ROOT if name == "backends/" else ROOT / "invert_core") / name
        assert not path.exists() or path.is_dir() == name.endswith("/"), name


def test_the_picture_of_the_data_names_only_rooms():
    told = tomllib.loads((ROOT / "docs" / "pictures" / "dataflow.toml").read_text("utf-8"))
    shown = [*told["box"], told["roof"], told["ground"]]
    named = {room for part in shown for room in part["rooms"]}
    assert {room.removesuffix("/").removesuffix(".py") for room in named} <= {*rooms_of_the_page()}
