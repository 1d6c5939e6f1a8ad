"""Encoding as one writes it in Python in an afternoon, and ONNX Runtime alone: what our encoders are held against.

Starts with a JSON object as its argument: {"model": path, "tokenizer": path or null, "threads": n}. Then each line on
standard input is a task, answered with a line of seconds:

    {"ready": [height, width], "batch": n, "count": n}         pictures that are tensors already, through the model
    {"files": [...], "size": [width, height], "batch": n}       Pillow, numpy, onnxruntime
    {"texts": [...], "batch": n}                                tokenizers, numpy, onnxruntime
    {"make": folder, "from": [...], "count": n}                 JPEGs of 1200 x 900, made of small pictures
"""

import json
import random
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

options = json.loads(sys.argv[1])
settings = onnxruntime.SessionOptions()
settings.intra_op_num_threads = options["threads"]
session = onnxruntime.InferenceSession(options["model"], settings)
if options.get("tokenizer"):
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(options["tokenizer"])
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)


def ready(task):
    height, width = task["ready"]
    tensors = np.random.default_rng(1).integers(0, 255, (task["batch"], height, width, 3), np.uint8)
    start = time.perf_counter()
    for _ in range(task["count"] // task["batch"]):
        session.run(None, {"image": tensors})
    return time.perf_counter() - start


def pictures(task):
    start = time.perf_counter()
    vectors = []
    for at in range(0, len(task["files"]), task["batch"]):
        batch = []
        for path in task["files"][at : at + task["batch"]]:
            picture = Image.open(path)
            if picture.mode in ("RGBA", "LA", "P"):
                picture = picture.convert("RGBA")
                picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
            picture = picture.convert("RGB").resize(tuple(task["size"]), Image.Resampling.BILINEAR)
            batch.append(np.asarray(picture))
        vectors.append(session.run(None, {"image": np.stack(batch)})[0])
    vectors = np.concatenate(vectors)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return time.perf_counter() - start


def texts(task):
    start = time.perf_counter()
    vectors = []
    for at in range(0, len(task["texts"]), task["batch"]):
        tokens = [encoding.ids for encoding in tokenizer.encode_batch(task["texts"][at : at + task["batch"]])]
        longest = max(map(len, tokens))
        ids = np.array([t + [0] * (longest - len(t)) for t in tokens])
        mask = np.array([[1] * len(t) + [0] * (longest - len(t)) for t in tokens])
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        states = session.run(None, inputs)[0]
        vectors.append((states * mask[:, :, None]).sum(1) / mask.sum(1)[:, None])
    vectors = np.concatenate(vectors)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return time.perf_counter() - start


def make(task):
    folder = Path(task["make"])
    folder.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    for at in range(task["count"]):
        path = folder / f"{at}.jpg"
        if path.exists():
            continue
        chance = random.Random(at)
        picture = Image.new("RGB", (1200, 900), tuple(chance.randrange(256) for _ in range(3)))
        for _ in range(12):
            stamp = Image.open(chance.choice(task["from"])).convert("RGBA").resize((400, 300))
            picture.paste(stamp, (chance.randrange(800), chance.randrange(600)), stamp)
        picture.save(folder / "unfinished", "JPEG", quality=90)
        (folder / "unfinished").rename(path)
    return time.perf_counter() - start


tasks = {"ready": ready, "files": pictures, "texts": texts, "make": make}
for line in sys.stdin:
    task = json.loads(line)
    print(json.dumps(next(work for name, work in tasks.items() if name in task)(task)), flush=True)
