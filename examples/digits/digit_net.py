"""The demo's network as a PyTorch module, for training and for `invert extract torch:...`."""

from pathlib import Path

import onnx
import torch
from torch import nn

MODEL = Path(__file__).resolve().parents[2] / "invert_core" / "demo" / "digits.onnx"


class DigitNet(nn.Module):
    """Two convolutions and two linear layers; uint8 [batch, 1, 8, 8] in, [batch, 10] logits out."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, kernel_size=3, padding=1)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(16, 32, kernel_size=3, padding=1)
        self.relu2 = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.flatten = nn.Flatten()
        self.dropout = nn.Dropout(0.5)
        self.hidden = nn.Linear(512, 32)
        self.relu3 = nn.ReLU()
        self.output = nn.Linear(32, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Classify images with values 0 to 16."""
        x = image.to(torch.float32) / 16
        x = self.relu1(self.conv1(x))
        x = self.relu2(self.conv2(x))
        x = self.dropout(self.flatten(self.pool(x)))
        x = self.relu3(self.hidden(x))
        return self.output(x)


def trained() -> DigitNet:
    """Return the trained network, with the weights of its ONNX form."""
    stored = {
        tensor.name: torch.tensor(onnx.numpy_helper.to_array(tensor))
        for tensor in onnx.load(MODEL).graph.initializer
    }
    net = DigitNet()
    net.load_state_dict({name: stored[name] for name in net.state_dict()})
    return net.eval()
