"""Networks as PyTorch modules, and the same exported to ONNX in the ways that people export."""

import contextlib
import io
import warnings
from pathlib import Path

from tests.needs import need

torch = need("torch")
need("onnxscript")


class SmallCnn(torch.nn.Module):
    """Pixels [b, 3, 12, 12] -> stem (rank 4) -> block with one ReLU that runs twice -> logits."""

    def __init__(self):
        super().__init__()
        self.stem = torch.nn.Sequential(
            torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.BatchNorm2d(8), torch.nn.ReLU()
        )
        self.conv1 = torch.nn.Conv2d(8, 8, 3, stride=2, padding=1)
        self.conv2 = torch.nn.Conv2d(8, 8, 3, padding=1)
        self.relu = torch.nn.ReLU()
        self.pool = torch.nn.AdaptiveAvgPool2d(1)
        self.head = torch.nn.Linear(8, 5)

    def forward(self, x):
        x = self.stem(x)
        x = self.relu(self.conv1(x))
        x = self.relu(x + self.conv2(x))
        return self.head(self.pool(x).flatten(1))


class ResNet18(torch.nn.Module):
    """A network like ResNet-18; the one ReLU of a block runs twice, as in torchvision."""

    def __init__(self):
        super().__init__()
        self.stem = conv(3, 64, 7, 2)
        self.relu = torch.nn.ReLU()
        self.maxpool = torch.nn.MaxPool2d(3, 2, 1)
        self.layer1 = torch.nn.Sequential(Residual(64, 64, 1), Residual(64, 64, 1))
        self.layer2 = torch.nn.Sequential(Residual(64, 128, 2), Residual(128, 128, 1))
        self.layer3 = torch.nn.Sequential(Residual(128, 256, 2), Residual(256, 256, 1))
        self.layer4 = torch.nn.Sequential(Residual(256, 512, 2), Residual(512, 512, 1))
        self.avgpool = torch.nn.AdaptiveAvgPool2d(1)
        self.fc = torch.nn.Linear(512, 1000)

    def forward(self, x):
        x = self.maxpool(self.relu(self.stem(x)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


class Residual(torch.nn.Module):
    def __init__(self, into, out, stride):
        super().__init__()
        self.conv1 = conv(into, out, 3, stride)
        self.conv2 = conv(out, out, 3, 1)
        self.relu = torch.nn.ReLU()
        self.downsample = None if into == out else conv(into, out, 1, stride)

    def forward(self, x):
        y = self.conv2(self.relu(self.conv1(x)))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


def conv(into, out, size, stride):
    return torch.nn.Sequential(
        torch.nn.Conv2d(into, out, size, stride, size // 2, bias=False), torch.nn.BatchNorm2d(out)
    )


class ChannelsLast(torch.nn.Module):
    """Pixels [b, 12, 12, 3] -> mixed [b, 12, 12, 8] -> logits, with channels last all the way."""

    def __init__(self):
        super().__init__()
        self.mixed = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Tanh())
        self.head = torch.nn.Linear(8, 5)

    def forward(self, x):
        return self.head(self.mixed(x).mean((1, 2)))


class SmallTransformer(torch.nn.Module):
    """Token ids [b, t] and their mask -> two blocks of attention and MLP -> pooled [b, 16]."""

    def __init__(self, width=16, heads=2):
        super().__init__()
        self.embed = torch.nn.Embedding(50, width)
        self.blocks = torch.nn.ModuleList(Block(width, heads) for _ in range(2))
        self.norm = torch.nn.LayerNorm(width)

    def forward(self, input_ids, attention_mask):
        x = self.embed(input_ids)
        for block in self.blocks:
            x = block(x, attention_mask)
        weights = attention_mask.unsqueeze(-1).to(x.dtype)
        return self.norm((x * weights).sum(1) / weights.sum(1))


class Block(torch.nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = torch.nn.Linear(width, 3 * width)
        self.scores = torch.nn.Softmax(-1)
        self.out = torch.nn.Linear(width, width)
        self.up = torch.nn.Linear(width, 4 * width)
        self.act = torch.nn.GELU()
        self.down = torch.nn.Linear(4 * width, width)

    def forward(self, x, attention_mask):
        b, t, width = x.shape
        q, k, v = (
            part.reshape(b, t, self.heads, width // self.heads).transpose(1, 2)
            for part in self.qkv(x).chunk(3, -1)
        )
        padding = (attention_mask == 0)[:, None, None, :]
        scores = (q @ k.transpose(-1, -2) / 2.0).masked_fill(padding, -1e4)
        mixed = (self.scores(scores) @ v).transpose(1, 2).reshape(b, t, width)
        x = x + self.out(mixed)
        return x + self.down(self.act(self.up(x)))


def made(kind, seed=0):
    """A network with random weights and, for a batch norm, random statistics."""
    torch.manual_seed(seed)
    net = kind()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.running_mean, std=0.3)
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
    return net.eval()


def export(net, inputs, path: Path, *, exporter, opset, dynamic=(), **more) -> Path:
    """Write `net` to an ONNX file; `inputs` maps names to example tensors.

    `dynamic` names, for each input, the axes that may have any length: {"x": {0: "batch"}}.
    """
    names = list(inputs)
    shapes = dict(dynamic)
    if exporter == "dynamo":
        more |= {"dynamic_shapes": {name: shapes.get(name, {}) for name in names}, "verbose": False}
    else:
        more |= {"dynamic_axes": shapes}
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net,
            tuple(inputs.values()),
            str(path),
            dynamo=exporter == "dynamo",
            opset_version=opset,
            input_names=names,
            output_names=["output"],
            **more,
        )
    return path
