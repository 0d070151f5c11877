import json
import logging
import sys

import numpy as np
import pytest

from invert_core.data import Tokenize
from invert_core.data.texts.opening import open_texts
from invert_core.data.texts.tokenizer_file import Tokenizer
from invert_core.errors import (
    DataError,
    FileFormatError,
    MissingDependencyError,
    MissingFileError,
    SettingError,
)
from invert_core.models.backend import MASK, ModelInput
from tests.data.texts.small_tokenizer import (
    CLS,
    IDS,
    INPUTS,
    INT64,
    MASKED,
    PAD,
    SEP,
    UNK,
    A,
    B,
    E,
    description,
    write_texts,
    write_tokenizer,
)
from tests.needs import need

need("tokenizers")


def only_batch(source):
    (batch,) = source.batches(0, 1000)
    return batch.inputs


def one_text(folder, text, inputs=INPUTS, **settings):
    """Inputs of texts with the tokenizer of the folder."""
    tokenize = Tokenize(folder / "tokenizer.json", **settings)
    return only_batch(open_texts(write_texts(folder, text), inputs, tokenize))


def test_texts_become_ids_and_a_mask_with_padding_behind(tmp_path, tokenizer):
    found = one_text(tmp_path, "a\nb a what\n")
    assert found["input_ids"].tolist() == [
        [CLS, A, SEP, PAD, PAD, PAD, PAD, PAD],
        [CLS, B, A, UNK, SEP, PAD, PAD, PAD],
    ]
    assert found[MASK].tolist() == [[1, 1, 1, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 0, 0, 0]]
    assert {array.dtype for array in found.values()} == {INT64}


def test_types_and_positions_are_made_where_the_model_takes_them(tmp_path, tokenizer):
    more = [ModelInput(n, (None, None), np.dtype("i4")) for n in ("token_type_ids", "position_ids")]
    found = one_text(tmp_path, "a\nb a\n", (*INPUTS, *more), max_length=5)
    assert found["token_type_ids"].tolist() == [[0, 1, 2, 0, 0], [0, 1, 1, 2, 0]]
    assert found["position_ids"].tolist() == [[0, 1, 2, 3, 4]] * 2
    assert {found[each.name].dtype for each in more} == {np.dtype("i4")}


@pytest.mark.parametrize("dtype", ["i8", "i4", "f4", "?"])
def test_the_mask_has_the_type_that_the_model_takes(tmp_path, tokenizer, dtype):
    found = one_text(tmp_path, "a", (IDS, ModelInput(MASK, (None, None), np.dtype(dtype))))
    assert found[MASK].dtype == dtype
    assert found[MASK].tolist() == [[1, 1, 1, 0, 0, 0, 0, 0]]


@pytest.mark.parametrize(
    "only",
    [
        ModelInput("tokens", (None, None), np.dtype("i4")),
        ModelInput("tokens", None, np.dtype("i4")),
        ModelInput("tokens", None, None),
    ],
)
def test_the_only_input_that_may_take_tokens_does(tmp_path, tokenizer, only):
    others = (MASKED, ModelInput("position_ids", None, None))
    found = one_text(tmp_path, "a", (*others, only))
    assert set(found) == {"tokens", MASK, "position_ids"}
    assert found["tokens"].dtype == (only.dtype or INT64)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ((ModelInput("x", (None, 3, 4, 4), np.dtype("f4")),), "none of its inputs.*'x'"),
        ((MASKED,), "none of its inputs"),
        ((), "it has none"),
        ((ModelInput("x"), ModelInput("y")), "more than one of its inputs.*'x', 'y'"),
        ((*INPUTS, ModelInput("image")), "also takes 'image'"),
        ((ModelInput("input_ids", (None, None), np.dtype("f4")), MASKED), "takes float32"),
        ((ModelInput("input_ids", (None, None), np.dtype("u1")), MASKED), "takes uint8"),
        ((ModelInput("input_ids", (None, None, 3), INT64), MASKED), "'input_ids' takes int64 of"),
        ((ModelInput("input_ids", (None, 8)), ModelInput(MASK, (None, 9))), r"\[8, 9\]"),
    ],
)
def test_a_model_that_takes_something_else_is_refused(tmp_path, tokenizer, inputs, words):
    with pytest.raises(DataError, match=words):
        one_text(tmp_path, "a", inputs)


def test_a_text_is_cut_off_at_the_length_asked_for(tmp_path, tokenizer, caplog):
    with caplog.at_level(logging.INFO):
        found = one_text(tmp_path, "a b c d e\nb a\n", max_length=4)
    assert found["input_ids"].tolist() == [[CLS, A, B, SEP], [CLS, B, A, SEP]]
    assert "1 text is longer than 4 tokens" in caplog.text


def test_the_limit_of_the_tokenizer_holds_unless_another_is_given(tmp_path):
    write_tokenizer(tmp_path, truncation={"max_length": 5, "stride": 2})
    assert one_text(tmp_path, "a b c d e a b c d e")["input_ids"].shape == (1, 5)
    assert one_text(tmp_path, "a b c d e a b c d e", max_length=4)["input_ids"].shape == (1, 4)
    assert one_text(tmp_path, "a b c d e a b c d e", max_length=99)["input_ids"].shape == (1, 16)


@pytest.mark.parametrize("length", [0, 10**15])
def test_a_limit_that_says_nothing_is_none(tmp_path, caplog, length):
    write_tokenizer(tmp_path, truncation={"max_length": length})
    with caplog.at_level(logging.INFO):
        assert one_text(tmp_path, "a b c d e")["input_ids"].shape == (1, 8)
    assert "texts are not cut off" in caplog.text


def test_a_tokenizer_that_keeps_the_end_of_a_text_goes_on_to_do_so(tmp_path):
    write_tokenizer(tmp_path, truncation={"max_length": 5, "direction": "Left"})
    assert one_text(tmp_path, "c d e a b")["input_ids"].tolist() == [[CLS, E, A, B, SEP]]


@pytest.mark.parametrize(
    ("changes", "pad_id", "pad_type"),
    [
        ({"padding": {"strategy": {"Fixed": 7}, "pad_id": 5, "pad_token": "c"}}, 5, 3),
        ({}, PAD, 0),
        ({"words": ("[UNK]", "[CLS]", "[SEP]", "a", "<pad>")}, 4, 0),
        ({"words": ("[UNK]", "[CLS]", "[SEP]", "a")}, 0, 0),
    ],
    ids=["as the file says", "[PAD]", "<pad>", "nothing known"],
)
def test_padding_is_what_the_tokenizer_pads_with(tmp_path, changes, pad_id, pad_type):
    write_tokenizer(tmp_path, **changes)
    inputs = (*INPUTS, ModelInput("token_type_ids"))
    found = one_text(tmp_path, "a", inputs, max_length=4)
    assert found["input_ids"].tolist() == [[CLS, A, SEP, pad_id]]
    assert found["token_type_ids"].tolist() == [[0, 1, 2, pad_type]]


def test_padding_to_the_maximal_length_is_the_same_for_every_batch(tmp_path, tokenizer):
    found = one_text(tmp_path, "a", max_length=11, padding="max")
    assert found["input_ids"].shape == (1, 11)
    with pytest.raises(SettingError, match="--max-length"):
        one_text(tmp_path, "a", padding="max")


def test_a_model_of_one_length_gets_just_that(tmp_path, tokenizer):
    inputs = (ModelInput("input_ids", (None, 6), INT64), MASKED)
    for length in (None, 4, 6):
        found = one_text(tmp_path, "a\na b c d e\n", inputs, max_length=length)
        assert found["input_ids"].shape == (2, 6)
        assert found[MASK].sum(axis=1).tolist() == [3, length or 6]
    with pytest.raises(SettingError, match=r"takes 6 tokens.*--max-length up to 6"):
        one_text(tmp_path, "a", inputs, max_length=7)


def test_without_a_mask_in_the_model_all_texts_are_padded_alike(tmp_path, tokenizer, caplog):
    path = write_texts(tmp_path, "a\n" * 3 + "a b c d e\n" * 3)
    with caplog.at_level(logging.INFO):
        source = open_texts(path, (IDS,), Tokenize(tokenizer, max_length=10))
    assert {batch.inputs["input_ids"].shape for batch in source.batches(0, 2)} == {(2, 10)}
    assert all(MASK in batch.inputs for batch in source.batches(0, 2))
    assert "padded to 10 tokens" in caplog.text
    with pytest.raises(SettingError, match=r"takes no 'attention_mask'.*--max-length"):
        open_texts(path, (IDS,), Tokenize(tokenizer))


def test_a_text_without_any_token_is_named(tmp_path):
    tokenizer = write_tokenizer(tmp_path, special=False)
    (tmp_path / "t.csv").write_text("sample_id,text\nx,a\ny,\n")
    source = open_texts(tmp_path / "t.csv", INPUTS, Tokenize(tokenizer))
    with pytest.raises(DataError, match="sample 'y' has no tokens"):
        list(source.batches(0, 2))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"max_length": 0}, "max_length is 0"),
        ({"max_length": 2**20 + 1}, "max_length is 1048577"),
        ({"max_length": True}, "max_length is True"),
        ({"padding": "longst"}, "Did you mean 'longest'"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, words):
    with pytest.raises(SettingError, match=words):
        Tokenize("tokenizer.json", **settings)


def test_a_length_without_room_for_the_text_is_refused(tmp_path, tokenizer):
    with pytest.raises(SettingError, match=r"2 special tokens.*--max-length from 3 up"):
        one_text(tmp_path, "a", max_length=2)


def test_a_byte_order_mark_is_no_part_of_a_tokenizer(tmp_path, tokenizer):
    marked = tmp_path / "marked.json"
    marked.write_bytes(b"\xef\xbb\xbf" + tokenizer.read_bytes())
    assert Tokenizer(marked).sha256 == Tokenizer(tokenizer).sha256


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff\xfe", b'{"model": {"type": "x"}}'])
def test_a_broken_tokenizer_is_refused(tmp_path, content):
    (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(FileFormatError, match=r"tokenizer\.json' is not .*Give the tokenizer"):
        one_text(tmp_path, "a")


@pytest.mark.parametrize(
    "change",
    [
        {"pre_tokenizer": {"type": "FixedLength", "length": 0}},
        {"model": {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "none"}},
    ],
    ids=["panic", "no unknown word"],
)
def test_a_tokenizer_that_contradicts_itself_fails_with_a_sentence(tmp_path, change):
    (tmp_path / "tokenizer.json").write_text(json.dumps(description() | change))
    # Older tokenizers do not know FixedLength and refuse the file at once.
    with pytest.raises(FileFormatError, match=r"tokenizer\.json' (fails on a text|is not a tok)"):
        one_text(tmp_path, "what")


def test_a_missing_tokenizer_is_named(tmp_path):
    with pytest.raises(MissingFileError, match=r"tokenizer\.json"):
        one_text(tmp_path, "a")


def test_without_the_package_it_says_what_to_install(tmp_path, tokenizer, monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(MissingDependencyError, match=r"invert-core\[text\]"):
        one_text(tmp_path, "a")
