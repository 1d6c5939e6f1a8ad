"""Writes the graph of aiSFX: an ONNX model without weights, which lie untouched in the authors' file.

    aisfx.py checkpoint.pth > aisfx.onnx

The file is PyTorch's since 1.6: a zip whose entries are not compressed, one a storage, with the floats little-endian and one
after the other. So every weight of the graph is a place in that file (ONNX's external data). What the file does not say, the
authors' code does (aisfx/models/cnn2d.py in the package): four blocks of two convolutions, halved in both directions after
each of the first three; then the mean over the bands and the highest value over time. The heads that classify are left out.
The same file gives the same bytes. `scripts/graphs` runs this.
"""

import pickle
import struct
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import NamedTuple

from onnx import TensorProto, helper

BLOCKS, BANDS = 4, 96
# PyTorch's own.
EPSILON = 1e-5
FLOAT = 4


class Tensor(NamedTuple):
    """Where a tensor lies: its storage's key, and from where on in it, in floats."""

    storage: str
    first: int
    shape: tuple
    strides: tuple


class Anything:
    """Stands for whatever else the file names; nothing of it is run."""

    def __init__(self, *_, **__):
        pass

    def __setstate__(self, _):
        pass


class Reader(pickle.Unpickler):
    """Takes tensors apart instead of making them."""

    def find_class(self, module, name):
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, first, shape, strides, *_: Tensor(storage, first, tuple(shape), tuple(strides))
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        return Anything

    def persistent_load(self, what):
        return what[2]


class Weights:
    """The tensors by name, and where each storage begins in the file."""

    def __init__(self, path):
        self.location = Path(path).name
        with zipfile.ZipFile(path) as archive, open(path, "rb") as file:
            root = archive.namelist()[0].split("/")[0]
            with archive.open(f"{root}/data.pkl") as pickled:
                found = Reader(pickled).load()
            self.tensors = next(part for part in found if isinstance(part, dict))
            self.begins = {}
            for entry in archive.infolist():
                assert entry.compress_type == zipfile.ZIP_STORED
                # The name and another field stand between a header of 30 bytes and what is stored.
                file.seek(entry.header_offset + 26)
                name, extra = struct.unpack("<HH", file.read(4))
                self.begins[entry.filename.split("/")[-1]] = entry.header_offset + 30 + name + extra


class Graph:
    def __init__(self, path):
        self.of = Weights(path)
        self.nodes, self.weights = [], []

    def node(self, op, inputs, output, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [output], **attributes))
        return output

    def weight(self, name):
        tensor = self.of.tensors[f"embedding_net.{name}"]
        length = FLOAT
        for side, stride in zip(reversed(tensor.shape), reversed(tensor.strides)):
            assert stride * FLOAT == length, f"{name} has gaps"
            length *= side
        lies = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=tensor.shape)
        lies.data_location = TensorProto.EXTERNAL
        offset = self.of.begins[tensor.storage] + tensor.first * FLOAT
        for key, value in (("location", self.of.location), ("offset", offset), ("length", length)):
            lies.external_data.add(key=key, value=str(value))
        self.weights.append(lies)
        return name

    def convolution(self, x, block, at):
        inputs = [x, self.weight(f"{block}.conv{at}.weight")]
        x = self.node("Conv", inputs, f"{block}.conv{at}", kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        parts = ["weight", "bias", "running_mean", "running_var"]
        inputs = [x] + [self.weight(f"{block}.bn{at}.{part}") for part in parts]
        x = self.node("BatchNormalization", inputs, f"{block}.bn{at}", epsilon=EPSILON)
        return self.node("Relu", [x], f"{block}.relu{at}")

    def build(self):
        axes = [helper.make_tensor(f"axis{axis}", TensorProto.INT64, [1], [axis]) for axis in (1, 2, 3)]
        x = self.node("Unsqueeze", ["mel", "axis1"], "image")
        for at in range(1, BLOCKS + 1):
            block = f"conv_block{at}"
            x = self.convolution(self.convolution(x, block, 1), block, 2)
            if at < BLOCKS:
                x = self.node("MaxPool", [x], f"{block}.pool", kernel_shape=[2, 2], strides=[2, 2])
        x = self.node("ReduceMean", [x, "axis3"], "mean", keepdims=0)
        self.node("ReduceMax", [x, "axis2"], "embedding", keepdims=0)
        features, *_ = self.of.tensors[f"embedding_net.conv_block{BLOCKS}.conv2.weight"].shape
        info = lambda name, *sides: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *sides])
        graph = helper.make_graph(
            self.nodes, "aisfx", [info("mel", "frames", BANDS)], [info("embedding", features)],
            initializer=axes + self.weights,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
        model.producer_name = "bootcamp"
        return model


if __name__ == "__main__":
    graph = Graph(sys.argv[1])
    model = graph.build()
    wanted = {name.removeprefix("embedding_net.") for name in graph.of.tensors if name.startswith("embedding_net.")}
    wanted = {name for name in wanted if not name.endswith("num_batches_tracked")}
    used = {weight.name for weight in graph.weights}
    assert used == wanted, f"not used: {wanted - used}"
    sys.stdout.buffer.write(model.SerializeToString(deterministic=True))
