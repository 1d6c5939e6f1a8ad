"""Audio search as one writes it in Python in an afternoon: what `audio-search` is held against. soundfile decodes, soxr
resamples, numpy makes the spectrograms of aiSFX, onnxruntime runs it, Milvus Lite keeps the vectors.

    audio.py '{"task": "import", "model": path, "threads": n, "tower": {…}, "folder": path, "store": path}'
    audio.py '{"task": "ready", "model": path, "threads": n, "windows": n, "batch": n}'

Each prints a line of JSON. `tower` is what the manifest says of the model. `import` inserts a vector, the path, the label (the folder's name), start and end of each window. It
does not look up what is there already, hash files, measure loudness, make fingerprints or waveforms, keep tags, read a file in
blocks, or go on when one is broken; ours does. `ready` is the model alone, on spectrograms that are there already.
"""

import json
import sys
import time
from functools import cache
from pathlib import Path

import numpy as np
import soundfile
import soxr

RATE, FFT, HOP, BANDS = 44100, 2048, 1024, 96
#: Frames of a window, and from one to the next.
WINDOW, STEP = 100, 50
BATCH = 32
DIM = 512


@cache
def filters():
    """Triangles over the spectrum, equally far from each other on HTK's mel scale, each adding up to 1."""
    mel = lambda f: 2595 * np.log10(1 + f / 700)
    places = 700 * (10 ** (np.linspace(mel(0), mel(RATE / 2), BANDS + 2) / 2595) - 1)
    bins = np.linspace(0, RATE / 2, FFT // 2 + 1)
    left, middle, right = places[:-2, None], places[1:-1, None], places[2:, None]
    weights = np.maximum(0, np.minimum((bins - left) / (middle - left), (right - bins) / (right - middle)))
    sums = weights.sum(1, keepdims=True)
    return (weights / np.where(sums > 0, sums, 1)).astype("f4").T


@cache
def taper():
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FFT) / FFT)).astype("f4")


def load(path):
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    samples = samples.mean(1)
    return samples if rate == RATE else soxr.resample(samples, rate, RATE)


def spectrograms(samples, tower):
    """The windows of a sound, [n, 100, 96], and their times in seconds. The spectrogram is made once, of the whole sound."""
    seconds, loudest = len(samples) / RATE, np.abs(samples).max(initial=0)
    if tower["level"] == "peak" and loudest > 0:
        samples = samples / loudest
    missing = WINDOW * HOP - len(samples)
    if missing > 0:
        samples = np.pad(samples, (0, missing), mode="wrap" if tower["short"] == "repeat" else "constant")
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(samples, FFT // 2), FFT)[::HOP]
    power = np.abs(np.fft.rfft(frames * taper(), axis=1)).astype("f4") ** 2
    bands = np.log10(power @ filters() * 10000 + 1) / np.float32(9.457799)
    starts = [*range(0, len(bands) - WINDOW + 1, STEP)]
    if starts[-1] * HOP + WINDOW * HOP < len(samples):
        starts.append(len(bands) - WINDOW)
    windows = np.stack([bands[at : at + WINDOW] for at in starts]).astype("f4")
    return windows, [(at * HOP / RATE, min((at + WINDOW) * HOP / RATE, seconds)) for at in starts]


def open_model(task):
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = task["threads"]
    return onnxruntime.InferenceSession(task["model"], settings)


def embed(session, windows):
    """Unit vectors, [n, 512], of windows [n, 100, 96]."""
    parts = [session.run(None, {"mel": windows[at : at + BATCH]})[0] for at in range(0, len(windows), BATCH)]
    vectors = np.concatenate(parts)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def find(folder):
    return sorted(path for path in Path(folder).rglob("*") if path.suffix in (".flac", ".mp3", ".ogg", ".wav"))


def import_folder(task):
    from pymilvus import DataType, MilvusClient

    session = open_model(task)
    client = MilvusClient(str(Path(task["store"]) / "milvus.db"))
    schema = client.create_schema(auto_id=True)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("embedding", DataType.FLOAT_VECTOR, dim=DIM)
    for name in ("path", "label"):
        schema.add_field(name, DataType.VARCHAR, max_length=1024)
    for name in ("start", "end"):
        schema.add_field(name, DataType.DOUBLE)
    index = client.prepare_index_params()
    index.add_index("embedding", index_type="HNSW", metric_type="COSINE", params={"M": 16, "efConstruction": 128})
    client.create_collection("sounds", schema=schema, index_params=index)
    # What comes before is the start, which a larger import has once, too.
    start = time.perf_counter()
    paths, count, waiting = find(task["folder"]), 0, []

    def write(rows):
        vectors = embed(session, np.stack([window for window, _ in rows]))
        client.insert("sounds", [{"embedding": vector, **row} for vector, (_, row) in zip(vectors, rows)])
        return len(rows)

    for path in paths:
        windows, times = spectrograms(load(path), task["tower"])
        for window, (begin, end) in zip(windows, times):
            waiting.append((window, {"path": str(path), "label": path.parent.name, "start": begin, "end": end}))
        while len(waiting) >= BATCH:
            count += write(waiting[:BATCH])
            waiting = waiting[BATCH:]
    if waiting:
        count += write(waiting)
    client.flush("sounds")
    return {"seconds": time.perf_counter() - start, "files": len(paths), "windows": count}


def ready(task):
    session = open_model(task)
    windows = np.random.default_rng(1).random((task["batch"], WINDOW, BANDS), "f4")
    session.run(None, {"mel": windows})
    start, rounds = time.perf_counter(), max(1, task["windows"] // task["batch"])
    for _ in range(rounds):
        session.run(None, {"mel": windows})
    return {"seconds": (time.perf_counter() - start) * task["windows"] / (rounds * task["batch"])}


if __name__ == "__main__":
    task = json.loads(sys.argv[1])
    print(json.dumps({"import": import_folder, "ready": ready}[task["task"]](task)), flush=True)
