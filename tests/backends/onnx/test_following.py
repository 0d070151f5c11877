"""Channels are followed from the operator that makes them to a layer.

The first operator of each graph gives its channel k the value k for every sample and place, so the
axis of the channels is the only one along which a layer changes.
"""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from invert_core.backends.onnx import OnnxBackend, trial
from invert_core.backends.onnx.following import follow, read_by_convolutions
from invert_core.errors import ModelError
from invert_core.models.axes import Axes, decided, traced
from invert_core.models.backend import ModelInput, Reading
from tests.backends import models

CHANNELS = np.arange(6, dtype=np.float32)
node = models.node


def conv(*nodes, places=(8,), n="n", weights=None, **more):
    """A convolution of `x` [n, 3, *places] into 6 channels called "c", and nodes behind it."""
    inputs = [models.value("x", [n, 3, *places])]
    stored = {
        "w": np.zeros((6, 3, *(1 for _ in places)), np.float32),
        "b": CHANNELS,
        **(weights or {}),
    }
    whole = [node("Conv", "x w b", "c"), *nodes]
    return models.model(whole, inputs, [models.value(whole[-1].output[0], None)], stored, **more)


GRAPHS = {
    "conv": conv(),
    "activation": conv(node("Relu", "c", "r"), node("Sigmoid", "r", "y")),
    "transposed": conv(node("Transpose", "c", "y", perm=[0, 2, 1])),
    "transposed twice": conv(
        node("Transpose", "c", "t", perm=[2, 0, 1]), node("Transpose", "t", "y", perm=[1, 0, 2])
    ),
    "time first": conv(node("Transpose", "c", "y", perm=[2, 0, 1])),
    "pooled": conv(node("MaxPool", "c", "y", kernel_shape=[2], strides=[2])),
    "pooled to one place": conv(node("GlobalAveragePool", "c", "y"), places=(4, 4)),
    "one place": conv(places=(1,)),
    "places merged": conv(
        node("Flatten", "c", "f", axis=2),
        node("Reshape", "c to", "y"),
        places=(4, 5),
        weights={"to": np.array([0, 6, -1])},
    ),
    "places merged by numbers": conv(
        node("Reshape", "c to", "y"), places=(4, 5), weights={"to": np.array([-1, 6, 20])}
    ),
    "channels last and merged": conv(
        node("Transpose", "c", "t", perm=[0, 2, 3, 1]),
        node("Reshape", "t to", "y"),
        places=(4, 5),
        weights={"to": np.array([0, 20, 6])},
    ),
    "squeezed": conv(node("Squeeze", "c two", "y"), places=(1, 7), weights={"two": np.array([2])}),
    "unsqueezed": conv(
        node("Unsqueeze", "c one", "y"), weights={"one": np.array([1])}, places=(7,)
    ),
    "added": conv(node("Add", "c c", "y")),
    "scaled by channel": conv(
        node("Mul", "c s", "y"), weights={"s": np.ones((1, 6, 1), np.float32)}
    ),
    "gated": conv(
        node("GlobalAveragePool", "c", "g"),
        node("Sigmoid", "g", "s"),
        node("Mul", "s c", "y"),
        places=(4, 4),
    ),
    "joined along places": conv(node("Concat", "c c", "y", axis=2)),
    "sliced": conv(
        node("Slice", "c from to over", "y"),
        weights={"from": np.array([2]), "to": np.array([6]), "over": np.array([1])},
    ),
    "one place taken": conv(
        node("Gather", "c zero", "y", axis=2), places=(4, 5), weights={"zero": np.array(0)}
    ),
    "summed over a place": conv(
        node("ReduceMean", "c", "y", axes=[3], keepdims=0), places=(4, 5), opset=17
    ),
    "softmax": conv(node("Softmax", "c", "y", axis=1)),
    "fixed batch": conv(
        node("Reshape", "c to", "y"), places=(4, 5), n=1, weights={"to": np.array([1, 6, 20])}
    ),
    "quantised": conv(
        node("QuantizeLinear", "c scale zero", "q"),
        node("DequantizeLinear", "q scale zero", "y"),
        weights={"scale": np.float32(0.1), "zero": np.uint8(0)},
    ),
    "einsum": conv(node("Einsum", "c", "y", equation="nct->ntc")),
    "shape computed": conv(
        node("Shape", "c", "s"),
        node("Gather", "s zero", "n", axis=0),
        node("Gather", "s one", "k", axis=0),
        node("Concat", "n k rest", "to", axis=0),
        node("Reshape", "c to", "y"),
        places=(4, 5),
        weights={"zero": np.array([0]), "one": np.array([1]), "rest": np.array([-1])},
    ),
}


def of_unknown_rank():
    """How many lengths the reshape takes is known only when the model runs."""
    weights = {
        "some": np.array([0, 6, -1, 9]),
        "chosen": np.array([True, True, True, False]),
    }
    return conv(
        node("Compress", "some chosen", "to"),
        node("Reshape", "c to", "y"),
        places=(4, 5),
        weights=weights,
    )


def raw(proto, name, n_samples):
    """The values of a tensor for samples that differ, straight from ONNX Runtime."""
    wanted = type(proto)()
    wanted.CopyFrom(proto)
    if all(value.name != name for value in wanted.graph.output):
        wanted.graph.output.append(models.value(name, None))
    session = onnxruntime.InferenceSession(
        wanted.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    shape = [
        n_samples if not isinstance(size, int) else size for size in session.get_inputs()[0].shape
    ]
    return session.run([name], {"x": np.zeros(shape, np.float32)})[0]


@pytest.mark.parametrize("name", GRAPHS)
def test_the_axis_of_the_channels_is_the_one_along_which_a_layer_changes(tmp_path, name):
    proto = GRAPHS[name]
    layers = OnnxBackend.open(models.save(proto, tmp_path)).layers()
    layer = next(each for each in layers if each.name in ("y", "c") and each is layers[-1])
    values = raw(proto, layer.name, 2)
    changing = [axis for axis in range(values.ndim) if np.diff(values, axis=axis).any()]
    assert [layer.axes.channel] == changing
    assert layer.axes.certain
    assert layer.n_units == values.shape[changing[0]]
    more = raw(proto, layer.name, 3).shape
    grown = [
        axis
        for axis, sizes in enumerate(zip(values.shape, more, strict=True))
        if len(set(sizes)) > 1
    ]
    assert grown in ([layer.axes.batch], [])


@pytest.mark.parametrize("pool", ["mean", "max", "flatten"])
def test_a_layer_of_unknown_rank_is_settled_by_a_trial_run(tmp_path, pool):
    path = models.save(of_unknown_rank(), tmp_path)
    layer = OnnxBackend.open(path).layers()[-1]
    assert (layer.shape, layer.n_units, layer.axes.channel) == ((None, 6, 20), 6, 1)
    found = models.run(path, ["y"], np.zeros((4, 3, 4, 5), np.float32), pool=pool)["y"]
    right = np.repeat(CHANNELS, 20) if pool == "flatten" else CHANNELS
    np.testing.assert_array_equal(found, np.tile(right, (4, 1)))


def test_a_trial_takes_its_lengths_from_the_data(tmp_path):
    proto = of_unknown_rank()
    proto.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "rows"
    proto.graph.node.insert(0, node("Add", "x seven", "kept"))
    proto.graph.node[1].input[0] = "kept"
    seven = numpy_helper.from_array(np.zeros((1, 1, 7, 1), np.float32), "seven")
    proto.graph.initializer.append(seven)
    x = np.zeros((4, 3, 7, 5), np.float32)
    model = OnnxBackend.open(models.save(proto, tmp_path))
    assert model.layers()[-1].problem == "has an unknown number of axes"
    with model.settled({"x": x[:1]}).extractor(["y"], device="cpu", batch_size=4) as extractor:
        np.testing.assert_array_equal(extractor.run({"x": x})["y"], np.tile(CHANNELS, (4, 1)))


def test_recurrent_layers_count_samples_and_units_where_onnx_says(tmp_path):
    random = np.random.default_rng(0)
    weights = {
        "w": random.normal(size=(1, 20, 4)).astype(np.float32),
        "r": random.normal(size=(1, 20, 5)).astype(np.float32),
        "one": np.array([1]),
    }
    proto = models.model(
        [
            node("Transpose", "x", "t", perm=[1, 0, 2]),
            node("LSTM", "t w r", "every last", hidden_size=5),
            node("Squeeze", "every one", "y"),
            node("Transpose", "y", "z", perm=[1, 0, 2]),
        ],
        [models.value("x", ["n", 7, 4])],
        [models.value("z", None)],
        weights,
    )
    listed = {each.name: each for each in OnnxBackend.open(models.save(proto, tmp_path)).layers()}
    found = {name: (each.axes.batch, each.axes.channel) for name, each in listed.items()}
    assert found == {"t": (1, None), "every": (2, 3), "last": (1, 2), "y": (1, 2), "z": (0, 2)}
    x = random.normal(size=(3, 7, 4)).astype(np.float32)
    path = models.save(proto, tmp_path)
    right = models.run(path, ["z"], x)["z"]
    np.testing.assert_array_equal(models.run(path, ["y"], x)["y"], right)


def test_quantized_recurrent_layers_are_read_like_others(tmp_path):
    proto = models.model(
        [
            node("Transpose", "x", "t", perm=[1, 0, 2]),
            models.node(
                "DynamicQuantizeLSTM",
                "t w r NONE NONE NONE NONE NONE ws wz rs rz",
                "every last",
                hidden_size=5,
                domain="com.microsoft",
            ),
        ],
        [models.value("x", ["n", 7, 4])],
        [models.value("every", None), models.value("last", None)],
        {
            "w": np.arange(80, dtype=np.uint8).reshape(1, 4, 20),
            "r": np.arange(100, dtype=np.uint8).reshape(1, 5, 20),
            **{name: np.array([0.01], np.float32) for name in ("ws", "rs")},
            **{name: np.array([128], np.uint8) for name in ("wz", "rz")},
        },
        domains=["com.microsoft"],
    )
    for number in range(3, 8):
        proto.graph.node[1].input[number] = ""
    path = models.save(proto, tmp_path)
    listed = {each.name: each for each in OnnxBackend.open(path).layers()}
    assert (listed["every"].axes.batch, listed["every"].axes.channel) == (2, 3)
    assert (listed["last"].axes.batch, listed["last"].axes.channel) == (1, 2)
    assert models.run(path, ["last"], np.ones((3, 7, 4), np.float32))["last"].shape == (3, 5)


def test_a_layer_before_products_of_unknown_rank_is_read(tmp_path):
    proto = of_unknown_rank()
    proto.graph.node.extend(
        [
            node("DynamicQuantizeLinear", "y", "q s z"),
            node("MatMulInteger", "q v z", "products"),
        ]
    )
    proto.graph.initializer.append(numpy_helper.from_array(np.zeros((20, 2), np.uint8), "v"))
    path = models.save(proto, tmp_path)
    found = models.run(path, ["c"], np.zeros((4, 3, 4, 5), np.float32))["c"]
    np.testing.assert_array_equal(found, np.tile(CHANNELS, (4, 1)))


def test_rows_of_a_matrix_product_are_the_channels_where_the_weights_come_first(tmp_path):
    proto = models.model(
        [node("MatMul", "w x", "y")],
        [models.value("x", ["n", 3, 8])],
        [models.value("y", None)],
        {"w": np.ones((6, 3), np.float32)},
    )
    layer = OnnxBackend.open(models.save(proto, tmp_path)).layers()[0]
    assert (layer.axes.channel, layer.n_units) == (1, 6)


def test_embedded_tokens_have_their_channels_last(tmp_path):
    proto = models.model(
        [node("Gather", "table ids", "y"), node("LayerNormalization", "y s", "z", axis=-1)],
        [models.value("ids", ["n", 7], TensorProto.INT64)],
        [models.value("z", None)],
        {"table": np.ones((9, 5), np.float32), "s": np.ones(5, np.float32)},
    )
    layers = OnnxBackend.open(models.save(proto, tmp_path)).layers()
    assert [(each.axes.channel, each.n_units) for each in layers] == [(2, 5), (2, 5)]


@pytest.mark.parametrize(
    ("shape", "axis"),
    [(["n", 3, 8, 8], 1), (["n", 8, 8, 3], 3), (["n", 8, 8, 8], None), (["n", 3, 8, 3], None)],
)
def test_images_show_their_channels_by_their_number(tmp_path, shape, axis):
    proto = models.model(
        [node("Neg", "x", "y")], [models.value("x", shape)], [models.value("y", shape)]
    )
    model = OnnxBackend.open(models.save(proto, tmp_path))
    assert model.layers()[0].axes.channel == axis
    said = model.arranged([type(model.inputs[0])(**{**vars(model.inputs[0]), "channel_axis": 3})])
    assert said.layers()[0].axes.channel == 3


def test_what_a_convolution_reads_shows_its_channels(tmp_path):
    def reading(perm):
        return models.model(
            [
                node("Neg", "x", "y"),
                node("Transpose", "y", "t", perm=perm),
                node("Conv", "t w", "z"),
            ],
            [models.value("x", ["n", 6, 8])],
            [models.value("z", None)],
            {"w": np.ones((2, 8 if perm[1] == 2 else 6, 1), np.float32)},
        )

    for perm, axis in (([0, 2, 1], 2), ([0, 1, 2], 1)):
        layer = OnnxBackend.open(models.save(reading(perm), tmp_path)).layers()[0]
        assert layer.axes == Axes(0, axis, "read as channels by Conv 'z'")


def test_operators_that_disagree_about_the_channels_leave_them_open(tmp_path):
    proto = conv(
        node("Transpose", "c", "y", perm=[0, 2, 1]),
        node("Conv", "y v", "z"),
        places=(8,),
        weights={"v": np.ones((2, 8, 1), np.float32)},
    )
    path = models.save(proto, tmp_path)
    layers = {each.name: each for each in OnnxBackend.open(path).layers()}
    assert layers["y"].pool == ""
    assert "on axis 2, but Conv 'z' reads axis 1" in layers["y"].axes.reason
    with pytest.raises(ModelError, match=r"reads axis 1.*-l 'y:axis=2'"):
        OnnxBackend.open(path).extractor(["y"], device="cpu")


def test_a_single_channel_is_told_even_where_it_is_certain(tmp_path, caplog):
    proto = models.model(
        [node("Conv", "x w", "y")],
        [models.value("x", ["n", 3, 8])],
        [models.value("y", None)],
        {"w": np.ones((1, 3, 1), np.float32)},
    )
    path = models.save(proto, tmp_path)
    OnnxBackend.open(path).extractor(["y"], device="cpu")
    assert "shape [?, 1, 8] and a single unit on axis 1" in caplog.text
    assert "-l 'y:axis=2'" in caplog.text
    caplog.clear()
    OnnxBackend.open(path).extractor(["y"], channel_axis=1, device="cpu")
    assert not caplog.records


def test_raw_tensors_come_as_they_are_beside_the_layers(tmp_path):
    path = models.save(GRAPHS["time first"], tmp_path)
    x = np.zeros((4, 3, 8), np.float32)
    with OnnxBackend.open(path).open_layers(
        [Reading("y", "max"), Reading("c", "max")], device="cpu", batch_size=4, raw=["y"]
    ) as extractor:
        found = extractor.run({"x": x})
        np.testing.assert_array_equal(found["y"], np.tile(CHANNELS, (4, 1)))
        np.testing.assert_array_equal(found["c"], found["y"])
        np.testing.assert_array_equal(extractor.raw()["y"], np.tile(CHANNELS, (8, 4, 1)))


def test_a_layer_is_read_alike_alone_and_among_all(tmp_path):
    """What trial runs show of one layer must not depend on which others were asked for."""
    for name, proto in {**GRAPHS, "network": models.network(), "rank": of_unknown_rank()}.items():
        path = models.save(proto, tmp_path)
        for layer in OnnxBackend.open(path).layers():
            if layer.pool:
                with OnnxBackend.open(path).extractor([layer.name], device="cpu") as extractor:
                    alone = extractor.outputs[0].axes
                assert (alone.batch, alone.channel) == (layer.axes.batch, layer.axes.channel), name


@pytest.mark.parametrize("first", [True, False])
def test_a_product_that_mixes_places_does_not_hide_the_channels(tmp_path, first):
    """As in an MLP-Mixer or a graph network: places are mixed, and channels stay."""
    behind = node("MatMul", "v t" if first else "c v", "y")
    turned = node("Transpose", "c", "t", perm=[0, 2, 1])
    size = (7, 8) if first else (8, 7)
    proto = conv(turned, behind, weights={"v": np.ones(size, np.float32)})
    layer = OnnxBackend.open(models.save(proto, tmp_path)).layers()[-1]
    assert layer.pool == ""
    assert "axes 1 and 2 both hold channels" in layer.axes.reason


def test_one_sample_that_disappears_in_a_reshape_comes_back(tmp_path):
    proto = conv(
        node("Transpose", "c", "t", perm=[2, 0, 1]),
        node("Reshape", "t flat", "f"),
        node("Reshape", "f back", "y"),
        n=1,
        weights={"flat": np.array([8, 6]), "back": np.array([8, 1, 6])},
    )
    layers = {each.name: each for each in OnnxBackend.open(models.save(proto, tmp_path)).layers()}
    assert "samples and something else together" in layers["f"].axes.reason
    assert (layers["y"].axes.batch, layers["y"].axes.channel) == (1, 2)


def test_outputs_that_a_node_leaves_out_do_not_shift_the_others(tmp_path):
    random = np.random.default_rng(0)
    proto = models.model(
        [
            node("Transpose", "x", "t", perm=[1, 0, 2]),
            helper.make_node("LSTM", ["t", "w", "r"], ["", "last"], hidden_size=5),
        ],
        [models.value("x", ["n", 7, 4])],
        [models.value("last", None)],
        {
            "w": random.normal(size=(1, 20, 4)).astype(np.float32),
            "r": random.normal(size=(1, 20, 5)).astype(np.float32),
        },
    )
    layer = OnnxBackend.open(models.save(proto, tmp_path)).layers()[-1]
    assert (layer.axes.batch, layer.axes.channel, layer.n_units) == (1, 2, 5)


def test_a_custom_operator_is_not_taken_for_one_of_its_name(tmp_path):
    proto = conv(node("Relu", "c", "odd", domain="of.somebody"), domains=("of.somebody",))
    traces = follow(
        proto.graph, {"x": ("n", 3, 8), "c": ("n", 6, 8), "odd": ("n", 6, 8)}, [ModelInput("x")]
    )
    assert decided(traces["c"]).channel == 1
    assert decided(traces["odd"]).channel is None


def test_a_unit_per_place_is_told(tmp_path, caplog):
    proto = conv(node("ReduceMax", "c", "y", axes=[1], keepdims=0), opset=17)
    OnnxBackend.open(models.save(proto, tmp_path)).extractor(["y"], device="cpu")
    assert "the only other axis, although it counts places and not channels" in caplog.text
    assert caplog.records[0].levelname == "WARNING"


def test_heads_of_attention_stay_apart(tmp_path):
    """Attention of opset 23 takes and gives [samples, heads, tokens, numbers]."""
    proto = models.model(
        [
            node("Reshape", "x to", "h"),
            node("Transpose", "h", "q", perm=[0, 2, 1, 3]),
            node("Attention", "q q q", "y"),
        ],
        [models.value("x", ["n", 7, 6])],
        [models.value("y", ["n", 2, 7, 3])],
        {"to": np.array([0, 0, 2, 3])},
    )
    x = traced(("n", 7, 6), batch=0, channel=2)
    dims = {"h": ("n", 7, 2, 3), "q": ("n", 2, 7, 3), "y": ("n", 2, 7, 3), "x": x.sizes}
    found = follow(proto.graph, dims, [ModelInput("x", channel_axis=2)])
    assert decided(found["y"]).channel is None
    assert "axes 1 and 3 both hold channels" in decided(found["y"]).reason


@pytest.mark.parametrize(
    "strange",
    [
        node("Concat", "c c", "y", axis="q"),
        node("LayerNormalization", "c b", "y", axis="q"),
    ],
    ids=lambda each: f"{each.op_type} {each.attribute[0].type}",
)
def test_an_attribute_of_the_wrong_type_is_told_and_does_not_stop_the_list(
    tmp_path, caplog, strange
):
    path = models.save(conv(strange), tmp_path)
    layers = {each.name: each for each in OnnxBackend.open(path).layers()}
    assert layers["c"].axes.channel == 1
    assert f"The axes of {strange.op_type} 'y' are not followed" in caplog.text


@pytest.mark.parametrize("perm", ["abc", 1.5, [0, 0, 1], [0, 7, 1], [0]], ids=str)
def test_an_order_of_axes_that_is_none_is_not_followed(perm):
    graph = conv(node("Transpose", "c", "y", perm=perm), node("Conv", "y w", "z")).graph
    dims = {"c": ("n", 6, 8), "y": ("n", 8, 6)}
    assert set(read_by_convolutions(graph, dims)) == {"x", "y"}


@pytest.mark.parametrize("operator", ["Conv", "Transpose", "Relu"])
def test_nodes_that_lack_inputs_or_outputs_do_not_stop_the_list(tmp_path, operator):
    bare = [onnx.NodeProto(op_type=operator, output=["z"]), onnx.NodeProto(op_type=operator)]
    graph = conv(node("Relu", "c", "y"))
    graph.graph.node.extend([*bare, onnx.NodeProto(op_type=operator, input=["c"])])
    layers = {each.name: each for each in OnnxBackend.open(models.save(graph, tmp_path)).layers()}
    assert layers["y"].axes.channel == 1


@pytest.mark.parametrize(
    "shape", [["n", 2**40, 8], ["n", 2**62, 2**62], [2**40, 4, 8], ["n", *["q"] * 80]], ids=str
)
def test_a_model_with_an_absurd_input_is_listed_without_a_trial(tmp_path, shape):
    graph = models.model(
        [node("Relu", "x", "y")], [models.value("x", shape)], [models.value("y", None)]
    )
    (layer,) = OnnxBackend.open(models.save(graph, tmp_path)).layers()
    assert layer.axes.channel is None


def test_a_trial_run_without_end_is_ended(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(trial, "_LONGEST", 0.2)
    body = onnx.helper.make_graph(
        [node("Identity", "more", "goes_on"), node("Add", "v v", "doubled")],
        "body",
        [
            models.value("i", [], TensorProto.INT64),
            models.value("more", [], TensorProto.BOOL),
            models.value("v", None),
        ],
        [models.value("goes_on", [], TensorProto.BOOL), models.value("doubled", None)],
    )
    loop = onnx.helper.make_node("Loop", ["", "true", "x"], ["y"], body=body)
    graph = models.model(
        [loop],
        [models.value("x", ["n", 4, 8])],
        [models.value("y", None)],
        {"true": np.array(True)},
    )
    (layer,) = OnnxBackend.open(models.save(graph, tmp_path)).layers()
    assert layer.shape is None
    assert "ended after" in caplog.text


def test_channels_stay_channels_however_often_places_are_mixed(tmp_path):
    weights = {"v": np.ones((8, 7), np.float32), "u": np.ones((7, 8), np.float32)}
    proto = conv(
        node("MatMul", "c v", "m"),
        node("MatMul", "m u", "y"),
        node("Add", "c y", "z"),
        weights=weights,
    )
    layers = {each.name: each for each in OnnxBackend.open(models.save(proto, tmp_path)).layers()}
    assert "axes 1 and 2 both hold channels" in layers["y"].axes.reason
    assert layers["z"].axes.channel != 2


def test_an_axis_that_grows_with_the_samples_need_not_count_them(tmp_path):
    """Heads are folded into the samples in a way that the graph does not show."""
    proto = conv(
        node("Transpose", "c", "t", perm=[0, 2, 1]),
        node("Compress", "some chosen", "to"),
        node("Reshape", "t to", "y"),
        weights={"some": np.array([-1, 3, 9]), "chosen": np.array([True, True, False])},
    )
    layer = OnnxBackend.open(models.save(proto, tmp_path)).layers()[-1]
    assert layer.pool == ""
    with pytest.raises(
        ModelError, match=r"samples and something else together.*Name a layer before"
    ):
        OnnxBackend.open(models.save(proto, tmp_path)).extractor(["y"], device="cpu")


def test_an_axis_of_samples_that_was_asked_for_must_be_one(tmp_path):
    proto = conv(node("Reshape", "c to", "y"), weights={"to": np.array([0, 2, 3, 8])})
    path = models.save(proto, tmp_path)
    for known in (False, True):
        model = OnnxBackend.open(path)
        if known:
            model.layers()
        with pytest.raises(ModelError, match=r"axis 1|on axis 0|where the batch"):
            model.open_layers([Reading("y", "mean", 3, 1)], device="cpu", batch_size=2)
