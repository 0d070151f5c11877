import pytest

from invert_core.concepts.hierarchy import wordnet
from invert_core.concepts.hierarchy.opening import open_hierarchy
from invert_core.errors import FileFormatError, MissingFileError
from tests.concepts.hierarchy.synsets import ENTITY, EVEREST, PHYSICAL, write


def test_a_folder_is_wordnet_and_a_file_a_table(tmp_path):
    write(tmp_path, ENTITY)
    assert list(open_hierarchy(tmp_path).parents) == ["n00001740"]
    assert list(open_hierarchy(str(tmp_path)).name.values()) == ["entity"]
    table = tmp_path / "Kinds.CSV"
    table.write_text("child,parent\na,b\n")
    assert open_hierarchy(table).parents == {"a": ("b",), "b": ()}


def test_the_word_stands_for_the_folder_of_the_package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wordnet").mkdir()
    write(tmp_path / "wordnet", ENTITY, PHYSICAL, EVEREST)
    monkeypatch.setattr("invert_core.concepts.hierarchy.opening.FOLDER", tmp_path / "none")
    with pytest.raises(MissingFileError, match=r"none.*apt-get install.* wordnet-base"):
        open_hierarchy("wordnet")
    assert len(open_hierarchy("./wordnet").parents) == 3
    assert str(wordnet.FOLDER) == "/usr/share/wordnet"


def test_a_path_that_is_not_a_hierarchy_is_refused_with_all_kinds(tmp_path):
    (tmp_path / "data.noun").write_text(ENTITY)
    with pytest.raises(FileFormatError, match=r"not named like a hierarchy.*wordnet.*child.*\.csv"):
        open_hierarchy(tmp_path / "data.noun")
    with pytest.raises(MissingFileError, match=r"no file or folder '.*wordnets'.*Give wordnet"):
        open_hierarchy(tmp_path / "wordnets")
