"""Tiny modules, and what NumPy says about them."""

import numpy as np
import torch
from torch import nn

from invert_core.backends.torch import TorchBackend
from invert_core.models.backend import ModelInput
from tests.backends.models import language_weights, network_weights

torch.set_num_threads(1)  # threads that wait for each other take longer than these modules

X = np.linspace(-3, 3, 12, dtype=np.float32).reshape(4, 3)
PIXELS = (ModelInput("x", (None, 3, 4, 5), np.dtype(np.float32)),)


class Network(nn.Module):
    """Pixels [b, 3, 4, 5] -> act (rank 4), tokens (rank 3), head (rank 2); as models.network."""

    def __init__(self, shift=0.0):
        super().__init__()
        weights = network_weights()
        self.conv = nn.Conv2d(3, 4, 1, bias=False)
        self.act = nn.ReLU(inplace=True)
        self.tokens = Tokens()
        self.head = nn.Linear(4, 6, bias=False)
        with torch.no_grad():
            self.conv.weight.copy_(torch.from_numpy(weights["w"]) + shift)
            self.head.weight.copy_(torch.from_numpy(weights["v"].T))

    def forward(self, x):
        y = self.act(self.conv(x))
        self.tokens(y)
        return self.head(y.mean((2, 3)))


class Chain(nn.Module):
    """Two layers; `between` is called with the output of the first, `after` with the second."""

    def __init__(self, after=lambda x: x, between=lambda x: x):
        super().__init__()
        self.first = nn.Identity()
        self.second = nn.Identity()
        self.after, self.between = after, between

    def forward(self, x):
        x = self.between(self.first(x))
        return self.after(self.second(x))


class Tokens(nn.Module):
    def forward(self, x):
        return x.flatten(2).transpose(1, 2)


class Attention(nn.Module):
    """Two heads; the module `softmax` returns probabilities [b, 2, tokens, tokens]."""

    def __init__(self):
        super().__init__()
        self.softmax = nn.Softmax(-1)

    def forward(self, hidden, mask):
        heads = hidden.unflatten(-1, (2, 3)).transpose(1, 2)
        scores = heads @ heads.transpose(-1, -2)
        return self.softmax(scores.masked_fill(mask[:, None, None] == 0, -torch.inf)) @ heads


class Language(nn.Module):
    """Token ids [b, t] -> hidden (rank 3), attention (rank 4); as models.language_model."""

    def __init__(self, shift=0.0):
        super().__init__()
        weights = language_weights()
        self.embed = nn.Embedding(9, 4)
        self.hidden = nn.Linear(4, 6, bias=False)
        self.attention = Attention()
        with torch.no_grad():
            self.embed.weight.copy_(torch.from_numpy(weights["table"]) + shift)
            self.hidden.weight.copy_(torch.from_numpy(weights["w"].T))

    def forward(self, ids, attention_mask):
        return self.attention(self.hidden(self.embed(ids)), attention_mask)


class LanguageWithoutMask(Language):
    def forward(self, ids):
        return {"states": self.hidden(self.embed(ids))}


class Passing(nn.Module):
    """Its layer `same` is its input."""

    def __init__(self):
        super().__init__()
        self.same = nn.Identity()

    def forward(self, x):
        return self.same(x)


def texts(lengths=(5, 2, 3), left=False):
    """Token ids and mask [b, longest]; padding is on the right, or on the left."""
    random = np.random.default_rng(0)
    ids = np.zeros((len(lengths), max(lengths)), np.int64)
    mask = np.zeros_like(ids)
    for row, length in enumerate(lengths):
        part = slice(-length, None) if left else slice(length)
        ids[row, part] = random.integers(1, 9, length)
        mask[row, part] = 1
    return {"ids": ids, "attention_mask": mask}


def settled(module, example, **options):
    return TorchBackend.adopt(module, **options).settled(example)


def opened(module, example, layers, options=None, **settings):
    settings = {"device": "cpu", **settings}
    return settled(module, {"x": example}, **(options or {})).extractor(layers, **settings)


def run(module, layers, batch, options=None, **settings):
    """Extract layers of a module on the CPU, with the first sample of the batch as the example."""
    batch = batch if isinstance(batch, dict) else {"x": batch}
    example = {name: array[:1] for name, array in batch.items()}
    model = settled(module, example, **(options or {}))
    settings = {"device": "cpu", "batch_size": 32, **settings}
    with model.extractor(layers, **settings) as extractor:
        return extractor.run(batch)


def names(model):
    return [layer.name for layer in model.layers()]
