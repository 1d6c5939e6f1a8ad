"""EfficientNet-Lite in numpy, out of its authors' file: what our graphs of it are compared with. It shares nothing with the
script that makes them, nor with the runtime that is tested.
"""

import pickle
from collections import OrderedDict
from functools import cache
from math import ceil
from pathlib import Path

import numpy as np

# Blocks of a stage, https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite: the multiplier of
# depth is 1 and 1.2, and leaves the first and the last stage alone.
REPEATS = {"efficientnet-lite0": [1, 2, 2, 3, 3, 4, 1], "efficientnet-lite2": [1, 3, 3, 4, 4, 5, 1]}
STRIDES = [1, 2, 2, 2, 1, 2, 1]


@cache
def tensors(path):
    """The tensors of a file that PyTorch wrote before 1.6, by name."""
    later = {}

    class Reader(pickle.Unpickler):
        def persistent_load(self, what):
            return later.setdefault(what[2], {"type": what[1], "size": what[4]})

        def find_class(self, module, name):
            return OrderedDict if name == "OrderedDict" else {"_rebuild_tensor_v2": lambda *parts: parts}.get(name, name)

    with open(path, "rb") as file:
        for _ in range(3):
            pickle.load(file)
        parts = Reader(file).load()
        for key in pickle.load(file):
            file.read(8)
            kind = {"FloatStorage": "<f4", "LongStorage": "<i8"}[later[key]["type"]]
            later[key]["numbers"] = np.fromfile(file, kind, later[key]["size"])
    made = {}
    for name, (storage, first, shape, strides, *_) in parts.items():
        numbers = storage["numbers"][first:]
        strides = [stride * numbers.itemsize for stride in strides]
        made[name] = np.lib.stride_tricks.as_strided(numbers, shape, strides)
    return made


def convolved(x, weight, stride, each=False):
    """A convolution, of each channel on its own or of all, padded as TensorFlow does ("SAME")."""
    kernel = weight.shape[2]
    sides = [ceil(side / stride) for side in x.shape[1:]]
    gaps = [max((new - 1) * stride + kernel - side, 0) for new, side in zip(sides, x.shape[1:])]
    x = np.pad(x, [(0, 0)] + [(gap // 2, gap - gap // 2) for gap in gaps])
    total = 0
    for down in range(kernel):
        for right in range(kernel):
            rows, columns = (slice(at, at + (new - 1) * stride + 1, stride) for at, new in zip((down, right), sides))
            part, factors = x[:, rows, columns], weight[:, :, down, right]
            total = total + (part * factors[:, :, None] if each else np.tensordot(factors, part, 1))
    return total


def features(path, pixels):
    """The means over a picture of [1, 3, height, width] that the classifier would get."""
    w = tensors(path)

    def layer(x, name, norm, stride=1, each=False, clipped=True):
        x = convolved(x, w[f"{name}.weight"], stride, each)
        mean, variance = w[f"{norm}.running_mean"], w[f"{norm}.running_var"]
        scale = w[f"{norm}.weight"] / np.sqrt(variance + 1e-3)
        x = (x - mean[:, None, None]) * scale[:, None, None] + w[f"{norm}.bias"][:, None, None]
        return np.clip(x, 0, 6) if clipped else x

    x = layer(pixels[0], "_conv_stem", "_bn0", 2)
    at = 0
    for repeats, stride in zip(REPEATS["-".join(Path(path).name.split("-")[:2])], STRIDES):
        for again in range(repeats):
            name, y = f"_blocks.{at}", x
            if at > 0:
                y = layer(y, f"{name}._expand_conv", f"{name}._bn0")
            y = layer(y, f"{name}._depthwise_conv", f"{name}._bn1", 1 if again else stride, each=True)
            y = layer(y, f"{name}._project_conv", f"{name}._bn2", clipped=False)
            x, at = (x + y if again else y), at + 1
    return layer(x, "_conv_head", "_bn1").mean((1, 2))
