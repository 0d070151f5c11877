"""Train the demo's network, a small CNN for handwritten digits, and export it to ONNX.

The script needs torch, onnx, onnxscript, onnxruntime and scikit-learn. It writes `digits.onnx` into
`invert_core/demo/` and prints the accuracy on the held-out digits.
"""

import onnx
import onnxruntime
import torch
from dataset import DEMO, SEED, Digits, load
from digit_net import DigitNet
from torch import nn

EPOCHS = 60
BATCH = 32
OPSET = 18
KEPT_METADATA = {"pkg.torch.onnx.name_scopes", "pkg.torch.onnx.class_hierarchy"}


def train(digits: Digits, seed: int) -> DigitNet:
    """Train on the search part; the same seed gives the same weights."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    image = torch.from_numpy(digits.image[digits.searched][:, None])
    digit = torch.from_numpy(digits.digit[digits.searched])
    model = DigitNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loss = nn.CrossEntropyLoss()
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(digit)).split(BATCH):
            optimizer.zero_grad()
            loss(model(image[rows]), digit[rows]).backward()
            optimizer.step()
    return model.eval()


def export(model: DigitNet) -> onnx.ModelProto:
    """Export with module paths, but without the paths of this machine that the exporter adds."""
    program = torch.onnx.export(
        model,
        (torch.zeros(2, 1, 8, 8, dtype=torch.uint8),),
        dynamo=True,
        opset_version=OPSET,
        input_names=["image"],
        output_names=["logits"],
        dynamic_shapes={"image": {0: torch.export.Dim("batch")}},
        verbose=False,
    )
    proto = program.model_proto
    for node in proto.graph.node:
        kept = [entry for entry in node.metadata_props if entry.key in KEPT_METADATA]
        del node.metadata_props[:]
        node.metadata_props.extend(kept)
        node.ClearField("doc_string")
    for value in (*proto.graph.value_info, *proto.graph.input, *proto.graph.output):
        del value.metadata_props[:]
    for tensor in proto.graph.initializer:
        del tensor.metadata_props[:]
    del proto.graph.metadata_props[:]
    proto.graph.ClearField("doc_string")
    return proto


def accuracy(proto: onnx.ModelProto, digits: Digits) -> float:
    """Return the share of the held-out digits that the exported network classifies correctly."""
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    held_out = ~digits.searched
    (logits,) = session.run(None, {"image": digits.image[held_out][:, None]})
    return float((logits.argmax(1) == digits.digit[held_out]).mean())


def main() -> None:
    """Train, export, measure and write the network."""
    digits = load()
    proto = export(train(digits, SEED))
    test_accuracy = accuracy(proto, digits)
    facts = {
        "seed": SEED,
        "torch_version": torch.__version__,
        "n_search": digits.searched.sum(),
        "n_held_out": (~digits.searched).sum(),
        "test_accuracy": f"{test_accuracy:.4f}",
    }
    onnx.helper.set_model_props(proto, {key: str(value) for key, value in facts.items()})
    onnx.checker.check_model(proto, full_check=True)
    (DEMO / "digits.onnx").write_bytes(proto.SerializeToString(deterministic=True))
    for key, value in facts.items():
        print(f"{key}: {value}")


if __name__ == "__main__":
    main()
