"""Samples for models: arrays, images, archives, texts; and the settings that go with them."""

import json
import tarfile
import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from invert_core import Preprocess, open_activations
from invert_core.data.opening import DataSettings, open_data
from invert_core.data.texts.tokenizer_file import Tokenize
from invert_core.errors import SettingError
from invert_core.models.backend import ModelInput
from tests.command_line import call, sentence
from tests.data.texts.small_tokenizer import INPUTS, description
from tests.fuzz.formats import Format
from tests.fuzz.mutations import changed_json, changed_json_line, changed_lines, changed_members
from tests.fuzz.own import all_of

_PIXELS = ModelInput("x", (None, 3, None, None), np.dtype(np.float32))


def _values() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(30, 5)).astype(np.float32)


def _write_npy(folder: Path) -> None:
    np.save(folder / "x.npy", _values())


def _write_npz(folder: Path) -> None:
    ids = np.array([f"s{number}" for number in range(30)])
    np.savez(folder / "x.npz", fc=_values(), sample_id=ids)


def _write_compressed_npz(folder: Path) -> None:
    np.savez_compressed(folder / "x.npz", fc=_values())


def _arrays(folder: Path, *, name: str) -> Any:
    with open_activations(folder / name) as activations:
        found = all_of(activations)
    inputs = [ModelInput("fc", (None, 5), np.dtype(np.float32))]
    return found, _batches(folder / name, inputs)


def _batches(path: Path, inputs: Any, settings: DataSettings | None = None) -> Any:
    source = open_data(path, inputs, settings)
    return source.sample_id, [
        (batch.rows, sorted(batch.inputs.items())) for batch in source.batches(0, 4)
    ]


def _picture(number: int) -> Image.Image:
    pixels = np.random.default_rng(number).integers(0, 256, (12, 10, 3), np.uint8)
    return Image.fromarray(pixels)


def _write_pictures(folder: Path, *, suffix: str, names: int = 1, **options: Any) -> None:
    (folder / "images").mkdir()
    for number in range(names):
        _picture(number).save(folder / "images" / f"{number}.{suffix}", **options)


def _pictures(folder: Path, *, name: str = "images") -> Any:
    return _batches(
        folder / name, [_PIXELS], DataSettings(preprocess=Preprocess(resize=(8, 8)), workers=0)
    )


def _write_zip(folder: Path) -> None:
    _write_pictures(folder, suffix="png", names=4)
    with zipfile.ZipFile(folder / "x.zip", "w") as archive:
        for path in sorted((folder / "images").iterdir()):
            archive.write(path, path.name)


def _write_tar(folder: Path, *, name: str, mode: str) -> None:
    _write_pictures(folder, suffix="png", names=4)
    with tarfile.open(folder / name, mode) as archive:
        for path in sorted((folder / "images").iterdir()):
            archive.add(path, path.name)


def _write_texts(folder: Path) -> None:
    (folder / "tokenizer.json").write_text(json.dumps(description()))
    rows = [json.dumps({"sample_id": f"s{n}", "text": "a b c d e"[: 1 + n % 9]}) for n in range(20)]
    (folder / "x.jsonl").write_text("\n".join(rows) + "\n")


def _texts(folder: Path) -> Any:
    settings = DataSettings(text=Tokenize(folder / "tokenizer.json"))
    return _batches(folder / "x.jsonl", INPUTS, settings)


_PREPROCESSOR = {
    "do_resize": True,
    "size": {"shortest_edge": 12},
    "resample": 3,
    "do_center_crop": True,
    "crop_size": {"height": 8, "width": 8},
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.5, 0.4, 0.3],
    "image_std": [0.2, 0.2, 0.2],
}


def _write_preprocessor(folder: Path) -> None:
    _write_pictures(folder, suffix="png")
    (folder / "p.json").write_text(json.dumps(_PREPROCESSOR, indent=1))


def _preprocessed(folder: Path) -> Any:
    steps = Preprocess.from_config(folder / "p.json")
    settings = DataSettings(preprocess=steps, workers=0)
    return _batches(folder / "images", [_PIXELS], settings)


def _write_config(folder: Path) -> None:
    random = np.random.default_rng(0)
    np.save(folder / "a.npy", random.normal(size=(20, 3)))
    np.savez(folder / "c.npz", labels=random.random((20, 3)) < 0.4, id=np.array(["a", "b", "c"]))
    lines = ("length = 2", "beam = 2", 'direction = "both"', "min-gain = 0.01", 'format = "json"')
    (folder / "c.toml").write_text("\n".join([*lines, 'layer = ["a"]', "jobs = 1"]) + "\n")


def _configured(folder: Path) -> Any:
    """Label as the file says; a refusal must be one sentence."""
    inputs = (folder / "a.npy", folder / "c.npz")
    done = call("label", *inputs, "--config", folder / "c.toml", "-o", folder / "run")
    if done.exit_code:
        if not isinstance(done.exception, SystemExit):
            raise done.exception
        raise SettingError(sentence(done.exit_code, done.stderr, code=done.exit_code), "See above.")
    return done.stdout


def _images(suffix: str, known: bool, **options: Any) -> Format:
    write = partial(_write_pictures, suffix=suffix, **options)
    return Format(write, _pictures, {f"images/0.{suffix}": known})


FORMATS = {
    "npy": Format(_write_npy, partial(_arrays, name="x.npy"), {"x.npy": False}),
    "npz": Format(_write_npz, partial(_arrays, name="x.npz"), {"x.npz": True}, changed_members),
    "npz-compressed": Format(
        _write_compressed_npz, partial(_arrays, name="x.npz"), {"x.npz": True}, changed_members
    ),
    "png": _images("png", known=True),
    "jpeg": _images("jpg", known=False),
    "bmp": _images("bmp", known=False),
    "tiff": _images("tiff", known=False, compression="tiff_lzw"),
    "webp": _images("webp", known=False),
    "zip": Format(_write_zip, partial(_pictures, name="x.zip"), {"x.zip": True}, changed_members),
    "tar": Format(
        partial(_write_tar, name="x.tar", mode="w"),
        partial(_pictures, name="x.tar"),
        {"x.tar": False},
    ),
    "tar.gz": Format(
        partial(_write_tar, name="x.tar.gz", mode="w:gz"),
        partial(_pictures, name="x.tar.gz"),
        {"x.tar.gz": True},
    ),
    "texts": Format(_write_texts, _texts, {"x.jsonl": False}, changed_json_line, in_parent=False),
    "tokenizer": Format(
        _write_texts, _texts, {"tokenizer.json": False}, changed_json, in_parent=False
    ),
    "preprocessor": Format(_write_preprocessor, _preprocessed, {"p.json": False}, changed_json),
    "config": Format(_write_config, _configured, {"c.toml": False}, changed_lines),
}
