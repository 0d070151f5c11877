"""Writes concepts_v3.h5, which every later version must read. Not to be run again."""

from dataclasses import replace
from pathlib import Path

from invert_core.concepts import Alias, ConceptSet, write_concepts

if __name__ == "__main__":
    concepts = ConceptSet.from_arrays(
        [[-1, 1, 0], [1, 1, 0], [0, -1, 0]],
        id=["n1", "two words", "ä"],
        name=["crane", "crane", "日本"],
        definition=["a bird", "", 'says "it"\nin two lines'],
        sample_id=["a/1.png", "b 2", "ß"],
        parents=[[0, 1], [2, 1]],
    )
    aliases = (Alias("n9", "wader", 0), Alias("n8", "日", 2))
    path = Path(__file__).with_name("concepts_v3.h5")
    write_concepts(path, replace(concepts, aliases=aliases))
