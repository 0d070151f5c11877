"""The script of `examples/watermark/` that probes a network, on a network of one layer."""

import importlib
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFont

from invert_core import open_activations, probe
from tests.needs import need

need("torch")

EXAMPLE = Path(__file__).parents[2] / "examples" / "watermark"

NETWORK = """
import torch


class Contrast(torch.nn.Module):
    # Unit 0 is the largest difference between neighbours, unit 1 the first pixel.

    def __init__(self):
        super().__init__()
        self.units = torch.nn.Identity()

    def forward(self, inputs):
        edges = (inputs[..., 1:] - inputs[..., :-1]).abs().amax((1, 2, 3))
        return self.units(torch.stack([edges, inputs[:, 0, 0, 0] - 9], 1))


def contrast():
    return Contrast().eval()
"""


@pytest.fixture
def call(tmp_path, monkeypatch):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXAMPLE)
        script = importlib.import_module("probe_lite0")
    (tmp_path / "network.py").write_text(NETWORK)
    rng = np.random.default_rng(0)
    images = [
        (f"photo-{number}", Image.fromarray(rng.integers(100, 150, (224, 224, 3), np.uint8)))
        for number in range(24)
    ]
    monkeypatch.setattr(script, "NETWORK", f"torch:{tmp_path / 'network.py'}:contrast")
    monkeypatch.setattr(script, "LAYERS", ("units",))
    monkeypatch.setattr(script, "CARTON", 1)
    monkeypatch.setattr(script, "photographs", lambda folder: iter(images))
    monkeypatch.setattr(script, "open_font", lambda path: ImageFont.load_default(24))

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["probe_lite0.py", "-o", str(tmp_path / "out"), *arguments])
        script.main()
        return tmp_path / "out"

    return run


def test_the_unit_that_detects_characters_is_found_and_halves_are_counted(call, capsys):
    folder = call("--top", "1")
    printed = capsys.readouterr().out
    assert "marked, true on 24 of 48 samples: 1 of 2 units is significant" in printed
    assert "apart, true on 12 of 24 samples: 1 of 2 units is significant" in printed
    assert "chinese, true on 24 of 48 samples: 0 of 2 units" in printed
    assert "units: 1 of 2 units are significant, AUC farthest from 0.5: 1.000" in printed
    for kind in ("original", "marked", "letters"):
        assert f"median rank of carton among the logits, images in {kind}/: 2" in printed
    assert re.search(r"20 random halves of .*: \d+ significant units? in \d+ of them;", printed)
    with open_activations(folder / "lite0.h5") as units:
        best = probe(units, folder / "concepts.csv", "marked", missing="exclude").rows[0]
    assert (best.address, best.auc) == ("units:0", 1.0)


def test_what_is_wrong_is_said_in_a_sentence(call, tmp_path):
    (tmp_path / "network.py").unlink()
    with pytest.raises(SystemExit, match="Error: There is no"):
        call()


@pytest.mark.parametrize("option", ["--seed", "--top"])
def test_a_number_below_zero_is_wrong_usage(call, capsys, option):
    with pytest.raises(SystemExit) as caught:
        call(option, "-1")
    assert caught.value.code == 2
    assert "--seed and --top have to be 0 or more" in capsys.readouterr().err
