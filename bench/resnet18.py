"""A network of ResNet-18's shape as ONNX, with random weights, and JPEG files to feed it."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

WIDTHS = (64, 128, 256, 512)
CLASSES = 1000


class _Builder:
    def __init__(self, random: np.random.Generator):
        self.random = random
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def add(self, op: str, *inputs: str, name: str, **attributes: object) -> str:
        self.nodes.append(helper.make_node(op, inputs, [name], name, **attributes))
        return name

    def weight(self, name: str, *shape: int) -> str:
        scale = np.sqrt(2 / np.prod(shape[1:])) if len(shape) > 1 else 0.01
        values = self.random.normal(scale=scale, size=shape).astype(np.float32)
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def conv(self, x: str, name: str, into: int, out: int, size: int, stride: int = 1) -> str:
        """Add a convolution into which the batch norm after it is folded."""
        weights = self.weight(f"{name}.weight", out, into, size, size)
        bias = self.weight(f"{name}.bias", out)
        pad = size // 2
        return self.add("Conv", x, weights, bias, name=name, strides=[stride] * 2, pads=[pad] * 4)

    def block(self, x: str, name: str, into: int, out: int, stride: int) -> str:
        y = self.conv(x, f"{name}.conv1", into, out, 3, stride)
        y = self.add("Relu", y, name=f"{name}.relu1")
        y = self.conv(y, f"{name}.conv2", out, out, 3)
        if into != out:
            x = self.conv(x, f"{name}.downsample", into, out, 1, stride)
        y = self.add("Add", x, y, name=f"{name}.add")
        return self.add("Relu", y, name=f"{name}.relu")


def write_model(path: Path, seed: int = 0) -> Path:
    """Write a model from `image`, float32 [batch, 3, 224, 224], to `logits` [batch, 1000]."""
    build = _Builder(np.random.default_rng(seed))
    x = build.conv("image", "conv1", 3, 64, 7, 2)
    x = build.add("Relu", x, name="relu")
    x = build.add("MaxPool", x, name="maxpool", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    into = 64
    for number, out in enumerate(WIDTHS, 1):
        for block, stride in ((0, 1 if number == 1 else 2), (1, 1)):
            x = build.block(x, f"layer{number}.{block}", into, out, stride)
            into = out
    x = build.add("GlobalAveragePool", x, name="avgpool")
    x = build.add("Flatten", x, name="flatten")
    fc = build.weight("fc.weight", CLASSES, into), build.weight("fc.bias", CLASSES)
    build.add("Gemm", x, *fc, name="logits", transB=1)
    graph = helper.make_graph(
        build.nodes,
        "resnet18",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, 224, 224])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", CLASSES])],
        build.weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def write_images(folder: Path, count: int, seed: int = 0) -> Path:
    """Write JPEG files of 500 x 375 pixels, about as smooth as photographs."""
    folder.mkdir()
    random = np.random.default_rng(seed)
    for number in range(count):
        coarse = random.integers(0, 256, (24, 32, 3), np.uint8)
        image = Image.fromarray(coarse).resize((500, 375), Image.Resampling.BICUBIC)
        noise = random.normal(scale=8, size=(375, 500, 1))
        pixels = np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:05d}.jpg", quality=90)
    return folder
