"""The same network as a PyTorch module and as ONNX: the same activations, and the same labels."""

from dataclasses import dataclass

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from invert_core import Settings, label
from invert_core.models.registry import open_model
from tests.backends import models
from tests.needs import need

torch = need("torch")
need("onnxscript")

from tests.backends import exported

pytestmark = pytest.mark.slow

N = 150
BATCH = 16


@dataclass(frozen=True)
class Case:
    """One network in both forms.

    `layers` maps names of the module to names of the ONNX model. `tolerance` is the largest
    difference, relative to the largest absolute activation of the layer. `more_axes` names the
    layers that do not have a single axis of tokens.
    """

    module: object
    path: object
    inputs: dict
    layers: dict
    tolerance: float = 1e-5
    pools: tuple[str, ...] = ("auto",)
    channel_axis: int | None = None
    more_axes: tuple[str, ...] = ()

    def layers_of(self, pool):
        """The layers that can be pooled like this."""
        single = pool in ("first", "last")
        return {
            name: tensor
            for name, tensor in self.layers.items()
            if not (single and name in self.more_axes)
        }


def pixels(seed=1):
    return np.random.default_rng(seed).normal(size=(N, 3, 12, 12)).astype(np.float32)


def tokens(seed=2, longest=9):
    """Ids and masks of texts of different length."""
    random = np.random.default_rng(seed)
    mask = (np.arange(longest) < random.integers(2, longest + 1, (N, 1))).astype(np.int64)
    return {"input_ids": random.integers(1, 50, mask.shape) * mask, "attention_mask": mask}


def as_tensors(inputs, count):
    return {name: torch.from_numpy(array[:count]) for name, array in inputs.items()}


CNN = {
    "torchscript": {
        "stem.2": "/stem/stem.2/Relu_output_0",
        "relu#1": "/relu/Relu_output_0",
        "relu#2": "/relu_1/Relu_output_0",
        "head": "output",
    },
    "dynamo": {name: name for name in ("stem.2", "relu#1", "relu#2", "head")},
}


def cnn(folder, exporter, opset, batch="dynamic", **more):
    net = exported.made(exported.SmallCnn)
    inputs = {"x": pixels()}
    dynamic = {"x": {0: "batch"}} if batch == "dynamic" else {}
    path = exported.export(
        net,
        as_tensors(inputs, 4),
        folder / "model.onnx",
        exporter=exporter,
        opset=opset,
        dynamic=dynamic,
        **more,
    )
    return Case(net, path, inputs, CNN[exporter])


def half(folder):
    net = exported.made(exported.SmallCnn).half()
    inputs = {"x": pixels().astype(np.float16)}
    path = exported.export(
        net, as_tensors(inputs, 4), folder / "model.onnx", exporter="torchscript", opset=17,
        dynamic={"x": {0: "batch"}},
    )  # fmt: skip
    return Case(net, path, inputs, CNN["torchscript"], tolerance=5e-3)


def quantized(folder):
    """The same network with its weights and activations rounded to eight bits."""
    from onnxruntime import quantization

    case = cnn(folder, "torchscript", 17)
    path = folder / "quantized.onnx"

    class Reader(quantization.CalibrationDataReader):
        batches = iter([{"x": case.inputs["x"]}])

        def get_next(self):
            return next(self.batches, None)

    quantization.quantize_static(
        case.path, path, Reader(), quant_format=quantization.QuantFormat.QDQ, per_channel=True
    )
    layers = {
        name: f"{tensor}_DequantizeLinear_Output" if name != "head" else tensor
        for name, tensor in case.layers.items()
    }
    return Case(case.module, path, case.inputs, layers, tolerance=0.05)


def external(folder):
    case = cnn(folder, "torchscript", 17)
    apart = folder / "apart.onnx"
    onnx.save(
        onnx.load(case.path), apart, save_as_external_data=True, location="apart.weights",
        size_threshold=0,
    )  # fmt: skip
    assert (folder / "apart.weights").stat().st_size > 0
    return Case(case.module, apart, case.inputs, case.layers)


def channels_last(folder):
    net = exported.made(exported.ChannelsLast)
    inputs = {"x": np.ascontiguousarray(pixels().transpose(0, 2, 3, 1))}
    path = exported.export(
        net, as_tensors(inputs, 4), folder / "model.onnx", exporter="dynamo", opset=18,
        dynamic={"x": {0: "batch"}},
    )  # fmt: skip
    return Case(net, path, inputs, {"mixed.1": "mixed.1"}, channel_axis=-1)


def transformer(folder, exporter):
    net = exported.made(exported.SmallTransformer)
    inputs = tokens()
    path = exported.export(
        net,
        as_tensors(inputs, 4),
        folder / "model.onnx",
        exporter=exporter,
        opset=18 if exporter == "dynamo" else 17,
        dynamic={name: {0: "batch", 1: "tokens"} for name in inputs},
    )
    names = {
        "torchscript": {
            "embed": "/embed/Gather_output_0",
            "blocks.0.up": "/blocks.0/up/Add_output_0",
            "blocks.1.out": "/blocks.1/out/Add_output_0",
        },
        "dynamo": {
            name: name
            for name in ("embed", "blocks.0.up", "blocks.0.act", "blocks.1.scores", "blocks.1.out")
        },
    }[exporter]
    pools = ("mean", "max", "first", "last")
    return Case(net, path, inputs, names, pools=pools, more_axes=("blocks.1.scores",))


class Branches(torch.nn.Module):
    """Adds or subtracts, by the sign of the whole batch."""

    def __init__(self, weight):
        super().__init__()
        self.first = torch.nn.Linear(4, 6, bias=False)
        self.first.weight = torch.nn.Parameter(torch.from_numpy(weight.T.copy()))
        self.chosen = torch.nn.Identity()

    def forward(self, x):
        y = self.first(x)
        return self.chosen(y + 1 if y.sum() > 0 else y - 1)


def branches(folder):
    weight = np.random.default_rng(3).normal(size=(4, 6)).astype(np.float32)
    y = [helper.make_tensor_value_info("branch", TensorProto.FLOAT, None)]
    bodies = {
        name: helper.make_graph([helper.make_node(op, ["y", "one"], ["branch"])], name, [], y)
        for name, op in (("then_branch", "Add"), ("else_branch", "Sub"))
    }
    proto = models.model(
        [
            models.node("MatMul", "x w", "y"),
            models.node("ReduceSum", "y", "sum", keepdims=0),
            models.node("Greater", "sum zero", "positive"),
            models.node("If", "positive", "chosen", **bodies),
        ],
        [models.value("x", ["batch", 4])],
        [models.value("chosen", ["batch", 6])],
        {"w": weight, "one": np.float32([1]), "zero": np.float32(0)},
    )
    (folder / "model.onnx").write_bytes(proto.SerializeToString())
    x = np.random.default_rng(4).normal(size=(N, 4)).astype(np.float32)
    return Case(
        Branches(weight), folder / "model.onnx", {"x": x}, {"first": "y", "chosen": "chosen"}
    )


def resnet18(folder):
    """Random weights, on small images."""
    net = exported.made(exported.ResNet18)
    inputs = {"x": np.random.default_rng(6).normal(size=(N, 3, 64, 64)).astype(np.float32)}
    path = exported.export(
        net, as_tensors(inputs, 2), folder / "model.onnx", exporter="torchscript", opset=17,
        dynamic={"x": {0: "batch"}},
    )  # fmt: skip
    layers = {
        "layer1.1.relu#2": "/layer1/layer1.1/relu_1/Relu_output_0",
        "layer4.1.relu#2": "/layer4/layer4.1/relu_1/Relu_output_0",
        "fc": "output",
    }
    return Case(net, path, inputs, layers)


CASES = {
    "torchscript exporter, opset 13": lambda at: cnn(at, "torchscript", 13),
    "torchscript exporter, opset 17": lambda at: cnn(at, "torchscript", 17),
    "dynamo exporter, opset 18": lambda at: cnn(at, "dynamo", 18),
    "dynamo exporter, opset 21": lambda at: cnn(at, "dynamo", 21),
    "fixed batch": lambda at: cnn(at, "torchscript", 17, batch="fixed"),
    "half precision": half,
    "8 bits": quantized,
    "external data": external,
    "channels last": channels_last,
    "transformer, torchscript exporter": lambda at: transformer(at, "torchscript"),
    "transformer, dynamo exporter": lambda at: transformer(at, "dynamo"),
    "If": branches,
    "ResNet-18": resnet18,
}


@pytest.fixture(scope="module", params=CASES.values(), ids=CASES)
def case(request, tmp_path_factory):
    torch.set_num_threads(1)
    return request.param(tmp_path_factory.mktemp("parity"))


def extracted(case, model, layers, pool):
    parts = []
    with model.extractor(
        layers, pool=pool, channel_axis=case.channel_axis, device="cpu", batch_size=BATCH
    ) as extractor:
        for row in range(0, N, BATCH):
            batch = {name: array[row : row + BATCH] for name, array in case.inputs.items()}
            parts.append(extractor.run(batch))
    return {name: np.concatenate([part[name] for part in parts]) for name in layers}


@pytest.fixture(scope="module")
def both(case):
    """Activations of the module and of the ONNX model, by pool and name in the module."""
    example = {name: array[:2] for name, array in case.inputs.items()}
    module, graph = open_model(case.module).settled(example), open_model(case.path)
    found = {}
    for pool in case.pools:
        layers = case.layers_of(pool)
        in_torch = extracted(case, module, list(layers), pool)
        in_onnx = extracted(case, graph, list(layers.values()), pool)
        found |= {
            (pool, name): (in_torch[name], in_onnx[tensor]) for name, tensor in layers.items()
        }
    return found


def test_activations_are_the_same_within_the_stated_tolerance(case, both):
    for name, (module, graph) in both.items():
        assert module.shape == graph.shape
        assert np.std(module) > 0
        difference = np.abs(module - graph).max() / np.abs(module).max()
        assert difference <= case.tolerance, f"{name}: {difference:.2g}"


def ranked_alike(module, graph):
    """Units on which no two samples are so close that rounding could swap them."""
    gap = np.diff(np.sort(module, axis=0), axis=0).min(axis=0)
    return np.flatnonzero(gap > 2 * np.abs(module - graph).max(axis=0))


def test_labels_are_identical_where_there_are_no_near_ties(case, both):
    labels = np.random.default_rng(5).random((N, 12)) < 0.3
    concepts = {f"c{number}": column for number, column in enumerate(labels.T)}
    # Evidence holds values, which differ in their last digits.
    settings = Settings(length=2, beam=2, evidence=False)
    n_units = 0
    for module, graph in both.values():
        units = ranked_alike(module, graph)
        n_units += units.size
        if units.size:
            first, second = (
                label(values[:, units], concepts, settings=settings) for values in (module, graph)
            )
            assert first.rows == second.rows
    assert n_units > 0 or case.tolerance > 1e-4


def best(labels):
    return {row.unit: row.formula for row in labels if row.rank == 1}


def test_a_concept_that_a_unit_follows_is_found_in_both_forms(both):
    for module, graph in both.values():
        units = np.argsort(-np.ptp(module, axis=0))[:8]
        above = module[:, units] > np.median(module[:, units], axis=0)
        distinct = np.unique(above, axis=1).T
        concepts = {f"c{number}": column for number, column in enumerate(distinct)}
        settings = Settings(objective="auc", length=1, max_fraction=0.6)
        first, second = (
            label(values[:, units], concepts, settings=settings) for values in (module, graph)
        )
        assert best(first) == best(second)
