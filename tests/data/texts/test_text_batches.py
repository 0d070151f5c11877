import json

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from invert_core.data import Tokenize
from invert_core.data.texts import text_source
from invert_core.data.texts.opening import open_texts
from invert_core.data.texts.tokenizer_file import Tokenizer
from invert_core.extraction import extract
from invert_core.models.axes import Axes
from invert_core.models.backend import MASK, Extractor, Layer, Model, ModelInput, Output
from invert_core.models.backend_checks import check_batch, check_mask
from tests.data.texts.small_tokenizer import (
    CLS,
    INPUTS,
    INT64,
    MASKED,
    PAD,
    SEP,
    A,
    B,
    C,
    description,
    write_texts,
)
from tests.needs import need

need("tokenizers")


def test_settings_tell_all_that_changes_inputs_apart(tmp_path, tokenizer):
    path = write_texts(tmp_path, "a\n")
    other = tmp_path / "other.json"
    other.write_text(json.dumps(description(special=False)))
    fixed = (ModelInput("input_ids", (None, 8), INT64), MASKED)
    sources = [
        open_texts(path, inputs, Tokenize(file, **settings))
        for inputs, file, settings in (
            (INPUTS, tokenizer, {}),
            (INPUTS, other, {}),
            (INPUTS, tokenizer, {"max_length": 8}),
            (INPUTS, tokenizer, {"max_length": 8, "padding": "max"}),
            (INPUTS, tokenizer, {"bucketing": False}),
            (fixed, tokenizer, {"max_length": 5}),
        )
    ]
    assert len({json.dumps(source.settings, sort_keys=True) for source in sources}) == 6
    assert set(sources[0].versions) == {"tokenizers"}


def test_the_manifest_tells_texts_and_ids_apart(tmp_path, tokenizer):
    tables = ["text\na\nb\n", "text\nb\na\n", "text\nab\n", "sample_id,text\n1,a\n2,b\n"]
    tables.append("sample_id,text\n1,a\n3,b\n")
    manifests = []
    for table in [*tables, tables[0]]:
        (tmp_path / "t.csv").write_text(table)
        manifests.append(open_texts(tmp_path / "t.csv", INPUTS, Tokenize(tokenizer)).manifest)
    assert len(set(manifests)) == len(tables)
    assert manifests[-1] == manifests[0]


def test_few_texts_are_tokenised_at_a_time_and_one_for_an_example(tmp_path, tokenizer, monkeypatch):
    monkeypatch.setattr(text_source, "WINDOW_TEXTS", 8)
    counts = []
    encode = Tokenizer.encode

    def watched(self, texts):
        counts.append(len(texts))
        return encode(self, texts)

    monkeypatch.setattr(Tokenizer, "encode", watched)
    source = open_texts(write_texts(tmp_path, "a b c\n" + "a\n" * 19), INPUTS, Tokenize(tokenizer))
    assert source.example()["input_ids"].tolist() == [[CLS, A, B, C, SEP, PAD, PAD, PAD]]
    assert counts == [1]
    list(source.batches(9, 3))
    assert counts == [1, 6, 6, 2]


@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=40),
    start=st.integers(0, 39),
    batch_size=st.integers(1, 6),
    bucketing=st.booleans(),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_batches_hold_the_same_rows_wherever_reading_starts(
    tmp_path, tokenizer, monkeypatch, lengths, start, batch_size, bucketing
):
    monkeypatch.setattr(text_source, "WINDOW_TEXTS", 12)
    path = write_texts(tmp_path, "".join("a " * length + "\n" for length in lengths))
    source = open_texts(path, INPUTS, Tokenize(tokenizer, bucketing=bucketing))
    whole = [batch.rows.tolist() for batch in source.batches(0, batch_size)]
    assert sorted(row for rows in whole for row in rows) == list(range(len(lengths)))
    later = list(source.batches(start, batch_size))
    assert [batch.rows.tolist() for batch in later] == [
        rows for rows in whole if max(rows) >= start
    ]
    for batch in later:
        assert batch.inputs[MASK].sum(axis=1).tolist() == [lengths[r] + 2 for r in batch.rows]


class TokenModel(Model):
    """A model with exact results: it adds whole numbers below 2**24 in float32."""

    fingerprint = "f" * 64

    def __init__(self, fail_after=10**9):
        self.inputs = INPUTS
        self.fail_after = fail_after
        self.shapes = []

    def layers(self):
        return [Layer("sum", "", "Sum", (None, 3), 3, "none")]

    def open_layers(self, readings, *, device="auto", batch_size=32, raw=()):
        return TokenExtractor(self, batch_size)


class TokenExtractor(Extractor):
    outputs = (Output("sum", "none", Axes(0, 1)),)
    device = "cpu"

    def __init__(self, model, batch_size):
        self.model, self.batch_size = model, batch_size

    def run(self, batch):
        check_batch(batch, self.model.inputs, ["input_ids", MASK], self.batch_size)
        check_mask(batch[MASK])
        self.model.shapes.append(batch["input_ids"].shape)
        if len(self.model.shapes) > self.model.fail_after:
            raise KeyboardInterrupt
        return {"sum": pooled(batch["input_ids"], batch[MASK])}

    def close(self):
        pass


def pooled(ids, mask):
    places = np.arange(1, ids.shape[1] + 1)
    values = np.stack([ids, ids * places, ids**2 + 1], axis=2).astype(np.float32)
    total = (values * mask[:, :, None].astype(np.float32)).sum(axis=1)
    return total / mask.sum(axis=1, keepdims=True).astype(np.float32)


@pytest.fixture
def many_texts(tmp_path, tokenizer):
    rng = np.random.default_rng(0)
    words = np.array(["a", "b", "c", "d", "e"])
    texts = [" ".join(rng.choice(words, rng.geometric(0.1))) for _ in range(2500)]
    return write_texts(tmp_path, "\n".join(texts)), texts


def stored(path):
    with h5py.File(path) as file:
        return file["layers/sum/activations"][:]


def one_by_one(tokenizer, texts):
    """Activations of texts, computed one by one and without padding."""
    rows = []
    for tokens in Tokenizer(tokenizer).encode(texts):
        ids = np.array([tokens.ids])
        rows.append(pooled(ids, np.ones_like(ids)))
    return np.concatenate(rows)


@pytest.mark.parametrize("settings", [{}, {"bucketing": False}, {"padding": "max"}], ids=str)
def test_neither_bucketing_nor_padding_changes_activations(tmp_path, many_texts, settings):
    path, texts = many_texts
    text = Tokenize(tmp_path / "tokenizer.json", max_length=200, **settings)
    source = open_texts(path, INPUTS, text)
    extract(TokenModel(), source, tmp_path / "x.h5", ["sum"], batch_size=17)
    expected = one_by_one(text.tokenizer, texts)
    assert np.array_equal(stored(tmp_path / "x.h5"), expected)


def test_bucketing_saves_padding(tmp_path, many_texts):
    padded = {}
    for bucketing in (True, False):
        text = Tokenize(tmp_path / "tokenizer.json", bucketing=bucketing)
        source = open_texts(many_texts[0], INPUTS, text)
        masks = [batch.inputs[MASK] for batch in source.batches(0, 16)]
        padded[bucketing] = sum(int((mask == 0).sum()) for mask in masks)
    assert padded[True] < padded[False] / 3


def test_an_extraction_of_texts_that_was_stopped_goes_on_to_the_same_end(tmp_path, many_texts):
    path, texts = many_texts
    text = Tokenize(tmp_path / "tokenizer.json")
    arguments = (open_texts(path, INPUTS, text), tmp_path / "x.h5", ["sum"])
    with pytest.raises(KeyboardInterrupt):
        extract(TokenModel(fail_after=100), *arguments, batch_size=17)
    again = TokenModel()
    report = extract(again, *arguments, batch_size=17)
    assert 1000 < report.resumed_from < len(texts)
    assert len(again.shapes) < 100
    assert np.array_equal(stored(tmp_path / "x.h5"), one_by_one(text.tokenizer, texts))
