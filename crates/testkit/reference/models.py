"""Models of the shape of those that only a hub has, with fixed random weights: what a test can do without the hub.

    models.py FOLDER     writes resnet18, clip-picture, clip-text, pairs, samples, bands and future (.onnx), and
                         clip-tokenizer.json and pairs-tokenizer.json

`vectors.py` has the reference for what comes out of them, `sounds.py` for the two that take sounds.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

WIDTH, HEADS, LAYERS, DIM, MAX_TOKENS = 64, 4, 2, 512, 77
PAIR_TOKENS = 128


class Graph:
    """Collects nodes and weights; every method gives back the name of what it adds."""

    def __init__(self, seed):
        self.nodes, self.weights, self.random = [], [], np.random.default_rng(seed)

    def weight(self, values, name=None):
        name = name or f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def normal(self, *shape, scale):
        return self.weight((self.random.standard_normal(shape) * scale).astype(np.float32))

    def node(self, op, *inputs, name=None, **attributes):
        name = name or f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], name=f"n{len(self.nodes)}", **attributes))
        return name

    def linear(self, x, inputs, outputs):
        product = self.node("MatMul", x, self.normal(inputs, outputs, scale=inputs**-0.5))
        return self.node("Add", product, self.normal(outputs, scale=0.02))

    def normalised(self, x):
        scale, bias = self.random.normal(1, 0.1, WIDTH), self.random.normal(0, 0.1, WIDTH)
        scale, bias = (self.weight(w.astype(np.float32)) for w in (scale, bias))
        return self.node("LayerNormalization", x, scale, bias, epsilon=1e-5, axis=-1)

    def attention(self, x, heads, flat, root, mask):
        """Of [batch, sequence, WIDTH] to itself."""
        q, k, v = (
            self.node("Transpose", self.node("Reshape", self.linear(x, WIDTH, WIDTH), heads), perm=[0, 2, 1, 3])
            for _ in range(3)
        )
        scores = self.node("MatMul", self.node("Mul", q, root), self.node("Transpose", k, perm=[0, 1, 3, 2]))
        if mask:
            scores = self.node("Add", scores, mask)
        x = self.node("MatMul", self.node("Softmax", scores, axis=-1), v)
        return self.linear(self.node("Reshape", self.node("Transpose", x, perm=[0, 2, 1, 3]), flat), WIDTH, WIDTH)

    def shapes(self):
        """What `attention` needs: the heads' shape, that of all together, and the root of a head's width."""
        heads = self.weight(np.array([0, 0, HEADS, WIDTH // HEADS], np.int64))
        flat = self.weight(np.array([0, 0, WIDTH], np.int64))
        return heads, flat, self.weight(np.float32((WIDTH // HEADS) ** -0.5))

    def model(self, inputs, output, *, opset, ir_version, weights_are_inputs=False):
        if weights_are_inputs:
            inputs = inputs + [helper.make_tensor_value_info(w.name, w.data_type, list(w.dims)) for w in self.weights]
        graph = helper.make_graph(self.nodes, "graph", inputs, [output], self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir_version)
        onnx.checker.check_model(model)
        return model


def resnet18():
    """Torchvision's topology in the model zoo's dress: opset 8, weights among the inputs, the zoo's tensor names."""
    g = Graph(18)

    def conv(x, inputs, outputs, kernel, stride):
        weight = g.normal(outputs, inputs, kernel, kernel, scale=(2 / (inputs * kernel * kernel)) ** 0.5)
        pad = kernel // 2
        x = g.node("Conv", x, weight, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4)
        scale, bias, mean = (g.random.normal(m, 0.1, outputs).astype(np.float32) for m in (1, 0, 0))
        variance = g.random.uniform(0.5, 1.5, outputs).astype(np.float32)
        statistics = [g.weight(w) for w in (scale, bias, mean, variance)]
        return g.node("BatchNormalization", x, *statistics, epsilon=1e-5)

    def block(x, inputs, outputs, stride):
        y = g.node("Relu", conv(x, inputs, outputs, 3, stride))
        y = conv(y, outputs, outputs, 3, 1)
        if stride > 1:
            x = conv(x, inputs, outputs, 1, stride)
        return g.node("Relu", g.node("Add", x, y))

    x = g.node("Relu", conv("data", 3, 64, 7, 2))
    x = g.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    channels = 64
    for outputs, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        x = block(x, channels, outputs, stride)
        x = block(x, outputs, outputs, 1)
        channels = outputs
    x = g.node("GlobalAveragePool", x, name="resnetv15_pool1_fwd")
    x = g.node("Flatten", x)
    bias = g.weight(np.zeros(1000, np.float32))
    g.node("Gemm", x, g.normal(1000, 512, scale=0.05), bias, name="resnetv15_dense0_fwd", transB=1)
    return g.model(
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, ["N", 3, 224, 224])],
        helper.make_tensor_value_info("resnetv15_dense0_fwd", TensorProto.FLOAT, ["N", 1000]),
        opset=8, ir_version=3, weights_are_inputs=True,
    )


def samples():
    """Takes samples, as PANNs do: filters along them, how strongly each answers, and 2,048 features of that."""
    g = Graph(4)
    kernel, features = g.normal(64, 1, 400, scale=0.05), g.normal(64, 2048, scale=0.125)
    x = g.node("Unsqueeze", "waveform", g.weight(np.array([1], np.int64)))
    x = g.node("Abs", g.node("Conv", x, kernel, kernel_shape=[400], strides=[160]))
    x = g.node("ReduceMean", x, axes=[2], keepdims=0)
    g.node("MatMul", x, features, name="embedding")
    return g.model(
        [helper.make_tensor_value_info("waveform", TensorProto.FLOAT, ["batch", "samples"])],
        helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", 2048]),
        opset=17, ir_version=8,
    )


def bands():
    """Takes a spectrogram as CLAP's tower for sounds does, into the space of clip_text."""
    g = Graph(5)
    first, second = g.normal(64, WIDTH, scale=0.125), g.normal(WIDTH, DIM, scale=0.125)
    x = g.node("Squeeze", "input_features", g.weight(np.array([1], np.int64)))
    x = g.node("ReduceMean", g.node("Relu", g.node("MatMul", x, first)), axes=[1], keepdims=0)
    g.node("MatMul", x, second, name="audio_embeds")
    return g.model(
        [helper.make_tensor_value_info("input_features", TensorProto.FLOAT, ["batch", 1, "frames", 64])],
        helper.make_tensor_value_info("audio_embeds", TensorProto.FLOAT, ["batch", DIM]),
        opset=17, ir_version=8,
    )


def future():
    """Asks for a version of ONNX that nobody has yet."""
    g = Graph(0)
    g.node("Identity", "x", name="y")
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 4]) for name in "xy")
    graph = helper.make_graph(g.nodes, "graph", [x], [y])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 999)], ir_version=8)


def transformer(g, x, mask=None):
    """CLIP's blocks over [batch, sequence, WIDTH]: normalised before each part, with its quick GELU."""
    shapes = g.shapes()
    for _ in range(LAYERS):
        x = g.node("Add", x, g.attention(g.normalised(x), *shapes, mask))
        y = g.linear(g.normalised(x), WIDTH, 4 * WIDTH)
        y = g.node("Mul", y, g.node("Sigmoid", g.node("Mul", y, g.weight(np.float32(1.702)))))
        x = g.node("Add", x, g.linear(y, 4 * WIDTH, WIDTH))
    return g.normalised(x)


def clip_picture():
    g = Graph(1)
    patches = g.node("Conv", "pixel_values", g.normal(WIDTH, 3, 32, 32, scale=0.02), kernel_shape=[32] * 2, strides=[32] * 2)
    x = g.node("Reshape", patches, g.weight(np.array([0, WIDTH, 49], np.int64)))
    x = g.node("Transpose", x, perm=[0, 2, 1])
    # The class token, once for each picture.
    first = g.node("Mul", g.node("Slice", x, *(g.weight(np.array([n], np.int64)) for n in (0, 1, 1))), g.weight(np.float32(0)))
    x = g.node("Concat", g.node("Add", first, g.normal(1, 1, WIDTH, scale=1)), x, axis=1)
    x = transformer(g, g.node("Add", x, g.normal(1, 50, WIDTH, scale=0.1)))
    x = g.node("Gather", x, g.weight(np.array(0, np.int64)), axis=1)
    g.node("MatMul", x, g.normal(WIDTH, DIM, scale=0.1), name="image_embeds")
    return g.model(
        [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["batch", 3, 224, 224])],
        helper.make_tensor_value_info("image_embeds", TensorProto.FLOAT, ["batch", DIM]),
        opset=17, ir_version=8,
    )


def clip_text(vocabulary):
    g = Graph(2)
    shape = g.node("Shape", "input_ids")
    zero, one = (g.weight(np.array([n], np.int64)) for n in (0, 1))
    length = g.node("Slice", shape, one, g.weight(np.array([2], np.int64)))
    x = g.node("Gather", g.normal(vocabulary, WIDTH, scale=0.5), "input_ids")
    positions = g.node("Slice", g.normal(MAX_TOKENS, WIDTH, scale=0.1), zero, length, zero)
    future = g.weight(np.triu(np.full((MAX_TOKENS, MAX_TOKENS), -1e9, np.float32), 1))
    corner = g.node("Concat", length, length, axis=0)
    both = g.weight(np.array([0, 0], np.int64))
    mask = g.node("Slice", future, both, corner, g.weight(np.array([0, 1], np.int64)))
    x = transformer(g, g.node("Add", x, positions), mask)
    # The end token has the highest number: its first place is where the text ends.
    end = g.node("ArgMax", "input_ids", axis=1, keepdims=1)
    end = g.node("Unsqueeze", end, g.weight(np.array([2], np.int64)))
    end = g.node("Expand", end, g.weight(np.array([1, 1, WIDTH], np.int64)))
    x = g.node("Squeeze", g.node("GatherElements", x, end, axis=1), one)
    g.node("MatMul", x, g.normal(WIDTH, DIM, scale=0.1), name="text_embeds")
    return g.model(
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "sequence"])],
        helper.make_tensor_value_info("text_embeds", TensorProto.FLOAT, ["batch", DIM]),
        opset=17, ir_version=8,
    )


def pairs(vocabulary):
    """A cross-encoder: BERT, normalised after each part, its pooled first token, and one number made of that."""
    g = Graph(3)
    shape = g.node("Shape", "input_ids")
    zero, one, two = (g.weight(np.array([n], np.int64)) for n in (0, 1, 2))
    positions = g.node("Slice", g.normal(PAIR_TOKENS, WIDTH, scale=0.1), zero, g.node("Slice", shape, one, two), zero)
    words = g.node("Gather", g.normal(vocabulary, WIDTH, scale=0.5), "input_ids")
    types = g.node("Gather", g.normal(2, WIDTH, scale=0.5), "token_type_ids")
    x = g.normalised(g.node("Add", g.node("Add", words, types), positions))
    mask = g.node("Cast", "attention_mask", to=TensorProto.FLOAT)
    mask = g.node("Mul", g.node("Sub", mask, g.weight(np.float32(1))), g.weight(np.float32(1e9)))
    mask = g.node("Unsqueeze", mask, g.weight(np.array([1, 2], np.int64)))
    shapes = g.shapes()
    for _ in range(LAYERS):
        x = g.normalised(g.node("Add", x, g.attention(x, *shapes, mask)))
        y = g.linear(x, WIDTH, 4 * WIDTH)
        half = g.node("Mul", y, g.weight(np.float32(0.5)))
        y = g.node("Erf", g.node("Mul", y, g.weight(np.float32(0.5**0.5))))
        y = g.node("Mul", half, g.node("Add", y, g.weight(np.float32(1))))
        x = g.normalised(g.node("Add", x, g.linear(y, 4 * WIDTH, WIDTH)))
    x = g.node("Tanh", g.linear(g.node("Gather", x, g.weight(np.array(0, np.int64)), axis=1), WIDTH, WIDTH))
    product = g.node("MatMul", x, g.normal(WIDTH, 1, scale=0.5))
    g.node("Add", product, g.normal(1, scale=0.02), name="logits")
    tensor = lambda name: helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"])
    return g.model(
        [tensor(name) for name in ("input_ids", "attention_mask", "token_type_ids")],
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 1]),
        opset=17, ir_version=8,
    )


def pairs_tokenizer():
    """BERT's kind of tokenizer, learnt from the words of this file."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=600, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(Path(__file__).read_text().splitlines(), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")],
    )
    return tokenizer


def clip_tokenizer():
    """CLIP's kind of tokenizer, learnt from the words of this file."""
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>", continuing_subword_prefix=""))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), end_of_word_suffix="</w>", show_progress=False,
    )
    tokenizer.train_from_iterator(Path(__file__).read_text().splitlines(), trainer)
    start, end = "<|startoftext|>", "<|endoftext|>"
    tokenizer.add_special_tokens([start, end])
    numbers = [(token, tokenizer.token_to_id(token)) for token in (start, end)]
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{start} $A {end}", special_tokens=numbers)
    return tokenizer


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = clip_tokenizer()
    tokenizer.save(str(folder / "clip-tokenizer.json"))
    both = pairs_tokenizer()
    both.save(str(folder / "pairs-tokenizer.json"))
    for name, model in (
        ("resnet18", resnet18()),
        ("clip-picture", clip_picture()),
        ("future", future()),
        ("clip-text", clip_text(tokenizer.get_vocab_size())),
        ("pairs", pairs(both.get_vocab_size())),
        ("samples", samples()),
        ("bands", bands()),
    ):
        onnx.save(model, folder / f"{name}.onnx")
