"""Tiny ONNX models and what NumPy says about them."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

IR_VERSIONS = {13: 7, 17: 8, 18: 8, 21: 10}
SCOPES = "pkg.torch.onnx.name_scopes"


def value(name, shape, elem=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, elem, shape)


def node(op, inputs, output, scopes=None, **attributes):
    made = helper.make_node(op, inputs.split(), output.split(), **attributes)
    if scopes is not None:
        made.metadata_props.add(key=SCOPES, value=repr(["", *scopes, output]))
    return made


def model(nodes, inputs, outputs, weights=None, *, opset=18, domains=(), domain_version=1, **more):
    graph = helper.make_graph(
        nodes,
        "tiny",
        inputs,
        outputs,
        [numpy_helper.from_array(array, name) for name, array in (weights or {}).items()],
    )
    return helper.make_model(
        graph,
        opset_imports=[
            helper.make_opsetid("", opset),
            *(helper.make_opsetid(domain, domain_version) for domain in domains),
        ],
        ir_version=IR_VERSIONS[opset],
        **more,
    )


def save(proto, folder: Path, name="model.onnx") -> str:
    path = folder / name
    path.write_bytes(proto.SerializeToString())
    return str(path)


def network(*, opset=18, batch="batch", seed=0, channels=4):
    """Pixels [batch, 3, 4, 5] -> relu (rank 4), tokens (rank 3), logits (rank 2)."""
    weights = network_weights(seed, channels)
    return model(
        [
            node("Conv", "x w", "conv", ["stem", "stem.conv"]),
            node("Relu", "conv", "relu", ["stem", "stem.act"]),
            node("Reshape", "relu to_tokens", "flat", []),
            node("Transpose", "flat", "tokens", ["split"], perm=[0, 2, 1]),
            node("GlobalAveragePool", "relu", "pooled", ["pool"]),
            node("Flatten", "pooled", "features", ["pool"]),
            node("MatMul", "features v", "logits", ["head"]),
        ],
        [value("x", [batch, 3, 4, 5])],
        [value("logits", [batch, 6])],
        {**weights, "to_tokens": np.array([0, channels, 20], np.int64)},
        opset=opset,
    )


def network_weights(seed=0, channels=4):
    random = np.random.default_rng(seed)
    return {
        "w": random.normal(size=(channels, 3, 1, 1)).astype(np.float32),
        "v": random.normal(size=(channels, 6)).astype(np.float32),
    }


def network_input(count=7, seed=1):
    return np.random.default_rng(seed).normal(size=(count, 3, 4, 5)).astype(np.float32)


def network_layers(x, seed=0):
    """All layers of `network`, unpooled."""
    weights = network_weights(seed)
    conv = np.einsum("oi,bihw->bohw", weights["w"][:, :, 0, 0], x)
    relu = np.maximum(conv, 0)
    flat = relu.reshape(*relu.shape[:2], -1)
    features = relu.mean((2, 3))
    return {
        "conv": conv,
        "relu": relu,
        "flat": flat,
        "tokens": flat.transpose(0, 2, 1),
        "pooled": features[:, :, None, None],
        "features": features,
        "logits": features @ weights["v"],
    }


def language_model(*, takes_mask=True, seed=0):
    """Token ids [n, t] -> hidden (rank 3), probabilities [n, 2, t, t], mixed [n, 2, t, 3].

    The attention has two heads and ignores padding; a model without a mask has no attention.
    """
    shape = np.array([0, 0, 2, 3], np.int64)
    weights = language_weights(seed) | {
        "to_heads": shape,
        "ahead": np.array([1, 2], np.int64),
        "one": np.float32(1),
        "low": np.float32(-1e9),
    }
    nodes = [
        node("Gather", "table ids", "embedded", ["embed"]),
        node("MatMul", "embedded w", "hidden", ["dense"]),
    ]
    inputs = [value("ids", ["n", "t"], TensorProto.INT64)]
    if not takes_mask:
        return model(nodes, inputs, [value("hidden", ["n", "t", 6])], weights)
    nodes += [
        node("Reshape", "hidden to_heads", "heads"),
        node("Transpose", "heads", "keys", perm=[0, 2, 3, 1]),
        node("Transpose", "heads", "queries", perm=[0, 2, 1, 3]),
        node("MatMul", "queries keys", "scores"),
        node("Cast", "attention_mask", "counts", to=TensorProto.FLOAT),
        node("Unsqueeze", "counts ahead", "wide"),
        node("Sub", "one wide", "padding"),
        node("Mul", "padding low", "penalty"),
        node("Add", "scores penalty", "left"),
        node("Softmax", "left", "probabilities", ["attention.softmax"], axis=-1),
        node("MatMul", "probabilities queries", "mixed", ["attention"]),
    ]
    inputs.append(value("attention_mask", ["n", "t"], TensorProto.INT64))
    return model(nodes, inputs, [value("mixed", ["n", 2, "t", 3])], weights)


def language_weights(seed=0):
    random = np.random.default_rng(seed)
    return {
        "table": random.normal(size=(9, 4)).astype(np.float32),
        "w": random.normal(size=(4, 6)).astype(np.float32),
    }


def language_layers(ids, mask, seed=0):
    """Some layers of `language_model`, unpooled."""
    weights = language_weights(seed)
    hidden = weights["table"][ids] @ weights["w"]
    heads = hidden.reshape(*ids.shape, 2, 3).transpose(0, 2, 1, 3)
    scores = heads @ heads.transpose(0, 1, 3, 2)
    weighted = np.exp(scores - scores.max(-1, keepdims=True)) * mask[:, None, None]
    probabilities = weighted / weighted.sum(-1, keepdims=True)
    return {"hidden": hidden, "probabilities": probabilities, "mixed": probabilities @ heads}


def run(path, layers, x, **settings):
    """Extract layers of the model at `path` on the CPU."""
    from invert_core.backends.onnx import OnnxBackend

    inputs = x if isinstance(x, dict) else {"x": x}
    settings = {"batch_size": 32, "device": "cpu", **settings}
    with OnnxBackend.open(path).extractor(layers, **settings) as extractor:
        return extractor.run(inputs)


def changed(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Copy a model and change its first weight a little."""
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    first = copy.graph.initializer[0]
    array = numpy_helper.to_array(first).copy()
    array.flat[0] += 1
    first.CopyFrom(numpy_helper.from_array(array, first.name))
    return copy
