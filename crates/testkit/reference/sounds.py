"""The reference for sounds: what models take of them and make of them, by FFmpeg, numpy and onnxruntime, without any code of
ours.

Reads a request as JSON from standard input, writes little-endian f32 to standard output:

    {"files": [...], "audio": tower, "model": path, "weights": path, "tensor": name}

For each file, how many windows it has; then, a row a window, what the model takes; then, if there is a model, its vectors, of
length 1. `audio` is the tower as a manifest has it. Models with random weights (models.py) are computed in numpy.
"""

import json
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import onnxruntime


def decoded(path, rate):
    """A file as one channel: the mean of its own, resampled by SoX's resampler at its best."""
    probe = ["ffprobe", "-v", "error", "-select_streams", "a:0", "-show_entries", "stream=channels", "-of", "csv=p=0", path]
    channels = int(subprocess.run(probe, check=True, capture_output=True).stdout.split(b"\n")[0].strip(b", \r"))
    weights = "+".join(f"{1 / channels}*c{at}" for at in range(channels))
    # Its mixer would round to the 16 bits of a file.
    filters = f"aformat=sample_fmts=dblp,pan=mono|c0={weights},aresample={rate}:resampler=soxr:precision=28:cutoff=0.99"
    command = ["ffmpeg", "-v", "error", "-i", path, "-map", "0:a:0", "-af", filters, "-f", "f32le", "-"]
    return np.frombuffer(subprocess.run(command, check=True, capture_output=True).stdout, "<f4")


def windows(samples, tower):
    """Where each begins; the last one ends with the sound."""
    length, step = tower["window"], tower["step"]
    if len(samples) <= length:
        return [filled(samples, tower)]
    starts = list(range(0, len(samples) - length + 1, step))
    if starts[-1] + length < len(samples):
        starts.append(len(samples) - length)
    return [samples[start:start + length] for start in starts]


def filled(samples, tower):
    length = tower["window"]
    if tower["short"] == "repeat":
        samples = np.tile(samples, -(-length // len(samples)))[:length]
    elif tower["short"] == "repeat-whole":
        samples = np.tile(samples, length // len(samples))
    return np.pad(samples, (0, length - len(samples)))


def to_mel(f, scale):
    f = np.asarray(f, np.float64)
    if scale == "htk":
        return 2595 * np.log10(1 + f / 700)
    return np.where(f < 1000, f * 3 / 200, 15 + 27 * np.log(np.maximum(f, 1e-9) / 1000) / np.log(6.4))


def from_mel(m, scale):
    if scale == "htk":
        return 700 * (10 ** (m / 2595) - 1)
    return np.where(m < 15, m * 200 / 3, 1000 * np.exp((m - 15) * np.log(6.4) / 27))


def filters(mel, rate):
    frequencies = np.linspace(0, rate / 2, mel["fft"] // 2 + 1)
    low, high = to_mel([mel["low"], mel["high"]], mel["scale"])
    points = from_mel(np.linspace(low, high, mel["bands"] + 2), mel["scale"])
    rows = []
    for low, middle, high in zip(points, points[1:], points[2:]):
        row = np.maximum(0, np.minimum((frequencies - low) / (middle - low), (high - frequencies) / (high - middle)))
        if mel["norm"] == "sum":
            row = row / (row.sum() or 1)
        elif mel["norm"] == "slaney":
            row = row * 2 / (high - low)
        rows.append(row)
    return np.array(rows)


def spectrogram(window, mel, rate):
    """[frames, bands]"""
    window = window.astype(np.float64)
    length = mel.get("taper_length") or mel["fft"]
    taper = {"hann": np.hanning(length + 1)[:-1], "hann-symmetric": np.hanning(length)}[mel["taper"]]
    if mel["edges"] == "none":
        frames = np.lib.stride_tricks.sliding_window_view(window, length)[:: mel["hop"]] * taper
    else:
        padded = np.pad(window, mel["fft"] // 2, mode={"zero": "constant", "reflect": "reflect"}[mel["edges"]])
        before = (mel["fft"] - length) // 2
        taper = np.pad(taper, (before, mel["fft"] - length - before))
        frames = np.lib.stride_tricks.sliding_window_view(padded, mel["fft"])[:: mel["hop"]] * taper
    energy = np.abs(np.fft.rfft(frames, mel["fft"], axis=1)) ** mel["power"] @ filters(mel, rate).T
    log = mel["log"]
    energy = np.maximum(log.get("scale", 1) * energy + log.get("add", 0), log.get("floor", 0))
    bands = {"e": np.log, "ten": np.log10}[log["base"]](energy)
    return (log.get("times", 1) * bands + log.get("plus", 0))[: mel.get("frames")]


def prepared(window, tower):
    """What the model takes of a window, without the batch."""
    if tower["level"] == "peak":
        window = window / (np.abs(window).max() or 1)
    if not tower.get("mel"):
        return window.astype(np.float32)
    x = spectrogram(window, tower["mel"], tower["rate"])
    axes = tower["input"]["axes"]
    x = x.T if axes.index("bands") < axes.index("frames") else x
    return x.reshape([1 if axis == "one" else x.shape[[a for a in axes if a != "one"].index(axis)] for axis in axes]).astype(
        np.float32
    )


@cache
def session(model, weights):
    if not weights:
        return onnxruntime.InferenceSession(model)
    # The runtime looks for weights beside the model only, by the name that the model gives them.
    folder = tempfile.mkdtemp()
    graph = onnx.load(model, load_external_data=False)
    location = next(e.value for w in graph.graph.initializer for e in w.external_data if e.key == "location")
    Path(folder, location).write_bytes(Path(weights).read_bytes())
    Path(folder, "graph.onnx").write_bytes(Path(model).read_bytes())
    return onnxruntime.InferenceSession(f"{folder}/graph.onnx")


def random_ear(path, x):
    """models.py's `samples` and `bands`: every weight in the order in which that script makes it."""
    first, second = (onnx.numpy_helper.to_array(w).astype(np.float64) for w in onnx.load(path).graph.initializer[:2])
    if path.endswith("samples.onnx"):
        kernel = first[:, 0]
        x = np.lib.stride_tricks.sliding_window_view(x.astype(np.float64), kernel.shape[1])[::160] @ kernel.T
        return np.abs(x).mean(0) @ second
    return np.maximum(x[0].astype(np.float64) @ first, 0).mean(0) @ second


def vectors(request, batch):
    model = request["model"]
    if Path(model).name in ("samples.onnx", "bands.onnx"):
        made = np.array([random_ear(model, x) for x in batch])
    else:
        run = session(model, request.get("weights")).run
        name = request["audio"]["input"]["name"]
        made = np.concatenate([run([request["tensor"]], {name: x[None]})[0].astype(np.float64) for x in batch])
    return made / np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-30)


if __name__ == "__main__":
    request = json.load(sys.stdin)
    tower = request["audio"]
    sounds = [windows(decoded(path, tower["rate"]), tower) for path in request["files"]]
    batches = [[prepared(window, tower) for window in sound] for sound in sounds]
    counts = np.array([len(sound) for sound in sounds])
    made = [vectors(request, batch) for batch in batches] if request.get("model") else []
    for part in [counts, *map(np.array, batches), *made]:
        sys.stdout.buffer.write(part.astype("<f4").tobytes())
