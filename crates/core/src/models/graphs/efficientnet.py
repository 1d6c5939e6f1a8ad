"""Writes the graph of an EfficientNet-Lite: an ONNX model without weights, which lie untouched in the authors' file.

    efficientnet.py WEIGHTS.pth > efficientnet-lite0.onnx

The file is PyTorch's of before 1.6: a dictionary of tensors, then the floats of each, little-endian and one after the
other. So every weight of the graph is a place in that file (ONNX's external data). What the file does not say, the
paper does: the stride of each stage. The rest is read from the shapes, and a stage ends where their number of channels
changes. The same file gives the same bytes. `scripts/graphs` runs this for the models that are built in.
"""

import pickle
import sys
from collections import OrderedDict
from pathlib import Path
from typing import NamedTuple

from onnx import TensorProto, helper

# Of the stages, https://arxiv.org/abs/1905.11946, table 1.
STRIDES = [1, 2, 2, 2, 1, 2, 1]
# What the authors trained with.
EPSILON = 1e-3
FLOAT = 4


class Tensor(NamedTuple):
    """Where a tensor lies in the file: its storage's key, and from where on in it, in floats."""

    storage: str
    first: int
    shape: tuple
    strides: tuple


class Storage(NamedTuple):
    key: str


class Reader(pickle.Unpickler):
    """Takes tensors apart instead of making them, and runs nothing of what the file names."""

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, first, shape, strides, *_: Tensor(storage.key, first, shape, strides)
        if module == "torch" and name.endswith("Storage"):
            return {"FloatStorage": FLOAT, "LongStorage": 8}[name]
        raise pickle.UnpicklingError(f"{module}.{name} is not expected in a file of weights")

    def persistent_load(self, what):
        _, size, key, *_ = what
        self.sizes[key] = size
        return Storage(key)


def read(path):
    """The tensors by name, and where each storage begins."""
    with open(path, "rb") as file:
        for _ in range(3):  # a magic number, the format's version, the writer's sizes of numbers
            pickle.load(file)
        reader = Reader(file)
        reader.sizes = {}
        tensors = reader.load()
        begins = {}
        for key in pickle.load(file):
            count = int.from_bytes(file.read(8), "little")
            begins[key] = file.tell()
            file.seek(count * reader.sizes[key], 1)
    return tensors, begins


class Graph:
    def __init__(self, path):
        self.location = Path(path).name
        self.tensors, self.begins = read(path)
        self.nodes = []
        self.weights = []

    def has(self, name):
        return name in self.tensors

    def shape(self, name):
        return self.tensors[name].shape

    def node(self, op, inputs, output, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [output], **attributes))
        return output

    def weight(self, name):
        """A weight as an input of a node. Some lie with their axes in another order, and are turned."""
        tensor = self.tensors[name]
        order = sorted(range(len(tensor.shape)), key=lambda axis: (-tensor.strides[axis], axis))
        shape = [tensor.shape[axis] for axis in order]
        length = FLOAT
        for axis, side in zip(reversed(order), reversed(shape)):
            assert side == 1 or tensor.strides[axis] * FLOAT == length, f"{name} has gaps"
            length *= side
        turned = order != sorted(order)
        lies = TensorProto(name=f"{name}.lies" if turned else name, data_type=TensorProto.FLOAT, dims=shape)
        lies.data_location = TensorProto.EXTERNAL
        offset = self.begins[tensor.storage] + tensor.first * FLOAT
        for key, value in (("location", self.location), ("offset", offset), ("length", length)):
            lies.external_data.add(key=key, value=str(value))
        self.weights.append(lies)
        if not turned:
            return name
        return self.node("Transpose", [lies.name], name, perm=[order.index(axis) for axis in range(len(order))])

    def convolution(self, x, layer, norm, stride=1, groups=1, relu=True):
        """A convolution padded as in TensorFlow, then what batch normalisation makes of it."""
        kernel = self.shape(f"{layer}.weight")[2:]
        inputs = [x, self.weight(f"{layer}.weight")]
        strides = [stride, stride]
        x = self.node("Conv", inputs, layer, kernel_shape=kernel, strides=strides, group=groups, auto_pad="SAME_UPPER")
        parts = ["weight", "bias", "running_mean", "running_var"]
        inputs = [x] + [self.weight(f"{norm}.{part}") for part in parts]
        x = self.node("BatchNormalization", inputs, norm, epsilon=EPSILON)
        return self.node("Clip", [x, "zero", "six"], f"{norm}.relu6") if relu else x

    def block(self, x, at, first_stride):
        """An inverted residual block; a stage's first has its stride and nothing to add to."""
        name = f"_blocks.{at}"
        y = x
        if self.has(f"{name}._expand_conv.weight"):
            y = self.convolution(y, f"{name}._expand_conv", f"{name}._bn0")
        depthwise = f"{name}._depthwise_conv"
        groups = self.shape(f"{depthwise}.weight")[0]
        y = self.convolution(y, depthwise, f"{name}._bn1", stride=first_stride or 1, groups=groups)
        y = self.convolution(y, f"{name}._project_conv", f"{name}._bn2", relu=False)
        return y if first_stride else self.node("Add", [x, y], f"{name}.sum")

    def build(self):
        x = self.convolution("image", "_conv_stem", "_bn0", stride=2)
        strides = iter(STRIDES)
        at, channels = 0, None
        while self.has(f"_blocks.{at}._project_conv.weight"):
            out = self.shape(f"_blocks.{at}._project_conv.weight")[0]
            x = self.block(x, at, next(strides) if out != channels else None)
            at, channels = at + 1, out
        assert next(strides, None) is None, "a stage is missing"
        x = self.convolution(x, "_conv_head", "_bn1")
        x = self.node("GlobalAveragePool", [x], "pooled")
        x = self.node("Flatten", [x], "features")
        self.node("Gemm", [x, self.weight("_fc.weight"), self.weight("_fc.bias")], "logits", transB=1)
        classes, features = self.shape("_fc.weight")
        bounds = [helper.make_tensor(name, TensorProto.FLOAT, [], [value]) for name, value in (("zero", 0), ("six", 6))]
        batch = lambda name, *sides: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *sides])
        graph = helper.make_graph(
            self.nodes,
            "efficientnet-lite",
            [batch("image", 3, "height", "width")],
            [batch("features", features), batch("logits", classes)],
            initializer=bounds + self.weights,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        model.producer_name = "bootcamp"
        return model


if __name__ == "__main__":
    graph = Graph(sys.argv[1])
    model = graph.build()
    wanted = {name for name in graph.tensors if not name.endswith("num_batches_tracked")}
    used = {weight.name.removesuffix(".lies") for weight in graph.weights}
    assert used == wanted, f"not used: {wanted - used}"
    sys.stdout.buffer.write(model.SerializeToString(deterministic=True))
