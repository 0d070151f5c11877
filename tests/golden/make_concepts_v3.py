"""Writes concepts_v3.h5, which every later version must read. Not to be run again."""

from pathlib import Path

from invert_core.concepts import read_concepts, write_concepts

if __name__ == "__main__":
    before = read_concepts(Path(__file__).with_name("concepts_v2.h5"), missing="exclude")
    write_concepts(Path(__file__).with_name("concepts_v3.h5"), before)
