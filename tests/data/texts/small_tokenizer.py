"""A tokenizer of a few words, as a Hugging Face ``tokenizer.json``, and texts for it."""

import json

import numpy as np

from invert_core.models.backend import MASK, ModelInput

WORDS = ("[UNK]", "[CLS]", "[SEP]", "a", "b", "c", "d", "e", "[PAD]")
INT64 = np.dtype("i8")
IDS = ModelInput("input_ids", (None, None), INT64)
MASKED = ModelInput(MASK, (None, None), INT64)
INPUTS = (IDS, MASKED)
UNK, CLS, SEP, A, B, C, D, E, PAD = range(len(WORDS))


def description(*, special=True, truncation=None, padding=None, words=WORDS):
    """The file as a dictionary; blanks separate words."""
    pieces = [
        {"SpecialToken": {"id": "[CLS]", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 1}},
        {"SpecialToken": {"id": "[SEP]", "type_id": 2}},
    ]
    return {
        "version": "1.0",
        "truncation": truncation
        and {"direction": "Right", "strategy": "LongestFirst", "stride": 0, **truncation},
        "padding": padding
        and {"direction": "Left", "pad_to_multiple_of": None, "pad_type_id": 3, **padding},
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": pieces,
            "pair": [*pieces, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {
                name: {"id": name, "ids": [id], "tokens": [name]}
                for name, id in (("[CLS]", CLS), ("[SEP]", SEP))
            },
        }
        if special
        else None,
        "decoder": None,
        "model": {
            "type": "WordLevel",
            "vocab": {word: id for id, word in enumerate(words)},
            "unk_token": "[UNK]",
        },
    }


def write_tokenizer(folder, **changes):
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(description(**changes)))
    return path


def write_texts(folder, content):
    path = folder / "texts.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path
