"""WordNet as another program reads it."""

import shutil

import pytest

from invert_core.concepts.hierarchy.wordnet import FOLDER, read_wordnet
from tests.concepts.hierarchy.real_data import needs_nouns
from tests.needs import need

nltk = need("nltk")

EVERY = 100


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """NLTK's reader of the same nouns, with empty files in place of those for other words."""
    from nltk.corpus.reader.wordnet import WordNetCorpusReader

    class NounReader(WordNetCorpusReader):
        def map_wn(self, version="wordnet"):
            return None  # it would need a corpus of NLTK's own

    for name in WordNetCorpusReader._FILES:
        (tmp_path / name).touch()
    for name in ("data.noun", "index.noun"):
        shutil.copyfile(FOLDER / name, tmp_path / name)
    (tmp_path / "lexnames").write_text("".join(f"{row:02}\tname\t1\n" for row in range(45)))
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
    with pytest.warns(UserWarning, match="multilingual"):
        return NounReader(str(tmp_path), None)


@needs_nouns
def test_nltk_reads_the_same_nouns(reader):
    nouns = read_wordnet()
    for id in list(nouns.parents)[::EVERY]:
        synset = reader.synset_from_pos_and_offset("n", int(id[1:]))
        assert nouns.name[id] == synset.lemma_names()[0].replace("_", " ")
        without_quotations = synset.definition().split("; -")[0]
        assert nouns.definition[id] == without_quotations
        above = {f"n{each.offset():08}" for each in hypernyms(synset)}
        assert set(nouns.parents[id]) == above
        closure = {f"n{each.offset():08}" for each in synset.closure(hypernyms)}
        assert nouns.closure(id) == closure | {id}


def hypernyms(synset):
    return synset.hypernyms() + synset.instance_hypernyms()
