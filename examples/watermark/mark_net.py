"""A small network for digits, and its training."""

import numpy as np
import torch
from torch import nn

EPOCHS = 5
BATCH = 64


class MarkNet(nn.Module):
    """Two convolutions and two linear layers; uint8 [batch, 28, 28] in, [batch, 10] logits out."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, kernel_size=3, padding=1)
        self.relu1 = nn.ReLU()
        self.pool1 = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(16, 32, kernel_size=3, padding=1)
        self.relu2 = nn.ReLU()
        self.pool2 = nn.MaxPool2d(2)
        self.flatten = nn.Flatten()
        self.hidden = nn.Linear(1568, 64)
        self.relu3 = nn.ReLU()
        self.output = nn.Linear(64, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Classify images with values 0 to 255."""
        x = image[:, None].to(torch.float32) / 255
        x = self.pool1(self.relu1(self.conv1(x)))
        x = self.pool2(self.relu2(self.conv2(x)))
        x = self.relu3(self.hidden(self.flatten(x)))
        return self.output(x)


def train(image: np.ndarray, digit: np.ndarray, seed: int, epochs: int = EPOCHS) -> MarkNet:
    """Train in one thread; the same seed and images give the same weights on one machine."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    images, digits = torch.from_numpy(image), torch.from_numpy(digit)
    net = MarkNet()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    loss = nn.CrossEntropyLoss()
    for _ in range(epochs):
        for rows in torch.randperm(len(digits)).split(BATCH):
            optimizer.zero_grad()
            loss(net(images[rows]), digits[rows]).backward()
            optimizer.step()
    return net.eval()


def predicted(net: MarkNet, image: np.ndarray) -> np.ndarray:
    """Return the digit that the network sees in each image: int64 [n]."""
    with torch.inference_mode():
        return net(torch.from_numpy(image)).argmax(1).numpy()
