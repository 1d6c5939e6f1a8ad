"""The reference for encoders: the same vectors by the libraries that models' authors use, without any code of ours.

Reads a request as JSON from standard input, writes the vectors as little-endian f32 to standard output:

    {"files": [...], "model": path, "tensor": name, "picture": {input, size, resize, filter, mean, std}, "normalise": bool}
    {"weights": path of EfficientNet's, "tensor": name, "normalise": bool}
    {"pairs": [[query, passage], ...], "model": path, "tensor": name, "tokenizer": path, "text": {inputs, max_tokens}}
    {"texts": [...], "model": path, "tensor": name, "tokenizer": path, "text": {inputs, max_tokens}, "pooling": how, "normalise": bool}

Pictures are prepared by Pillow, tokens by tokenizers. Models run in onnxruntime, one item at a time; those of models.py
that are CLIP's shape are computed in numpy, which shares nothing with the runtime that is tested, and so is a model that
is given as EfficientNet's weights.
"""

import json
import sys
from functools import cache

import numpy as np
import onnx
import onnxruntime
from PIL import Image, ImageOps
from tokenizers import Tokenizer

import efficientnet


def decoded(path):
    """A picture, upright, on white, in RGB."""
    picture = ImageOps.exif_transpose(Image.open(path))
    if picture.mode == "I;16":
        # Pillow has no way of its own from 16 bits to 8.
        picture = Image.fromarray((np.asarray(picture) // 257).astype(np.uint8))
    if picture.mode in ("RGBA", "LA", "PA", "P") or picture.has_transparency_data:
        picture = picture.convert("RGBA")
        on_white, on_black = (
            Image.alpha_composite(Image.new("RGBA", picture.size, colour), picture).convert("RGB")
            for colour in ("white", "black")
        )
        # A white drawing would not be seen on white.
        is_blank = min(low for low, _ in on_white.getextrema()) >= 247
        is_seen = max(high for _, high in on_black.getextrema()) > 8
        picture = on_black if is_blank and is_seen else on_white
    return picture.convert("RGB")


def prepared(path, tower):
    """A picture as its model takes it, [1, ...]."""
    picture = decoded(path)
    width, height = tower["size"]
    method = getattr(Image.Resampling, tower["filter"].upper())
    resize = tower["resize"]
    if resize == "squash":
        picture = picture.resize((width, height), method)
    else:
        # torchvision.transforms.Resize and CenterCrop.
        short = resize["crop"]
        w, h = picture.size
        w, h = (short, int(short * h / w)) if w <= h else (int(short * w / h), short)
        picture = picture.resize((w, h), method)
        left, top = int(round((w - width) / 2)), int(round((h - height) / 2))
        picture = picture.crop((left, top, left + width, top + height))
    pixels = np.asarray(picture)
    if tower["input"]["element"] == "f32":
        pixels = pixels.astype(np.float32) / 255
        if tower.get("mean"):
            pixels = (pixels - np.float32(tower["mean"])) / np.float32(tower["std"])
    if tower["input"]["colour"] == "bgr":
        pixels = pixels[:, :, ::-1]
    if tower["input"]["layout"] == "nchw":
        pixels = pixels.transpose(2, 0, 1)
    return np.ascontiguousarray(pixels)[None]


@cache
def session(path, tensor):
    """The model with `tensor` among its outputs."""
    model = onnx.load(path)
    if tensor not in [output.name for output in model.graph.output]:
        model.graph.output.append(onnx.helper.make_empty_tensor_value_info(tensor))
    return onnxruntime.InferenceSession(model.SerializeToString())


class Clip:
    """models.py's CLIP-shaped towers in numpy: weights in the order in which that script makes them."""

    def __init__(self, path):
        weights = onnx.load(path).graph.initializer
        self.weights = iter([onnx.numpy_helper.to_array(weight) for weight in weights])
        self.heads = 4

    def next(self):
        return next(weight for weight in self.weights if weight.dtype == np.float32 and weight.ndim)

    def normalised(self, x):
        scale, bias = self.next(), self.next()
        return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * scale + bias

    def linear(self, x):
        weight, bias = self.next(), self.next()
        return x @ weight + bias

    def blocks(self, x, causal):
        for _ in range(2):
            y = self.normalised(x)
            q, k, v = (np.stack(np.split(self.linear(y), self.heads, -1)) for _ in range(3))
            scores = q @ k.swapaxes(1, 2) / np.sqrt(q.shape[-1])
            if causal:
                scores = np.where(np.triu(np.ones(scores.shape[1:]), 1), -np.inf, scores)
            scores = np.exp(scores - scores.max(-1, keepdims=True))
            y = np.concatenate(list(scores / scores.sum(-1, keepdims=True) @ v), -1)
            x = x + self.linear(y)
            y = self.linear(self.normalised(x))
            x = x + self.linear(y / (1 + np.exp(-1.702 * y)))
        return self.normalised(x)


def clip_picture(path, pixels):
    clip = Clip(path)
    kernel = clip.next()
    patches = pixels[0].reshape(3, 7, 32, 7, 32).transpose(1, 3, 0, 2, 4).reshape(49, -1)
    x = patches @ kernel.reshape(len(kernel), -1).T
    x = np.concatenate([clip.next()[0], x])
    # The transformer's weights follow the positions'.
    x = x + clip.next()[0]
    return clip.blocks(x, causal=False)[0] @ clip.next()


def clip_text(path, ids):
    clip = Clip(path)
    x = clip.next()[ids]
    x = x + clip.next()[: len(ids)]
    clip.next()  # the mask
    return clip.blocks(x, causal=True)[np.argmax(ids)] @ clip.next()


def picture_vector(request, path):
    pixels = prepared(path, request["picture"])
    if request["model"].endswith("clip-picture.onnx"):
        return clip_picture(request["model"], pixels)
    if request["model"].endswith(".pth"):
        return efficientnet.features(request["model"], pixels)
    name = request["picture"]["input"]["name"]
    return session(request["model"], request["tensor"]).run([request["tensor"]], {name: pixels})[0].reshape(-1)


@cache
def tokenizer(path, max_tokens):
    tokenizer = Tokenizer.from_file(path)
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


def text_vector(request, text):
    ids = tokenizer(request["tokenizer"], request["text"]["max_tokens"]).encode(text).ids
    if request["model"].endswith("clip-text.onnx"):
        return clip_text(request["model"], np.array(ids))
    inputs = {request["text"]["inputs"]["ids"]: np.array([ids])}
    if mask := request["text"]["inputs"].get("mask"):
        inputs[mask] = np.ones((1, len(ids)), np.int64)
    if types := request["text"]["inputs"].get("types"):
        inputs[types] = np.zeros((1, len(ids)), np.int64)
    states = session(request["model"], request["tensor"]).run([request["tensor"]], inputs)[0][0]
    return {"mean": lambda: states.mean(0), "cls": lambda: states[0], "none": lambda: states}[request["pooling"]]()


def pair_score(request, pair):
    """One number. Where both are too long, the passage is cut."""
    text = request["text"]
    tokenizer = Tokenizer.from_file(request["tokenizer"])
    tokenizer.no_padding()
    tokenizer.enable_truncation(text["max_tokens"], strategy="only_second")
    tokens = tokenizer.encode(*pair)
    parts = {"ids": tokens.ids, "mask": tokens.attention_mask, "types": tokens.type_ids}
    inputs = {name: np.array([parts[part]]) for part, name in text["inputs"].items()}
    return session(request["model"], request["tensor"]).run([request["tensor"]], inputs)[0][0]


if __name__ == "__main__":
    request = json.load(sys.stdin)
    if "files" in request:
        vectors = [picture_vector(request, path) for path in request["files"]]
    elif "pairs" in request:
        vectors = [pair_score(request, pair) for pair in request["pairs"]]
    elif "weights" in request:
        vectors = efficientnet.tensors(request["weights"])[request["tensor"]]
    else:
        vectors = [text_vector(request, text) for text in request["texts"]]
    vectors = np.array(vectors, np.float64)
    if request.get("normalise"):
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    sys.stdout.buffer.write(vectors.astype("<f4").tobytes())
