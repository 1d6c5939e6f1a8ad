"""Excerpts of recordings, damaged in the ways of `bench-audio`, and Chromaprint's own matching of them: fpcalc's fingerprints,
compared bit by bit at every offset.
"""

import subprocess
from pathlib import Path

import numpy as np
import soundfile
import soxr
from scipy.signal import fftconvolve

RATE = 44100
#: Seconds of an excerpt.
EXCERPT = 5.0
#: Seconds from one value of a fingerprint to the next: a third of 4,096 samples at 11,025 Hz.
STEP = 1365 / 11025


def load(path):
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    samples = samples.mean(1)
    return samples if rate == RATE else soxr.resample(samples, rate, RATE)


def choose(recordings, count, seed=16):
    """Excerpts as (recording's number, seconds at which it begins): as many of each recording as it is long, none of silence."""
    draw = np.random.default_rng(seed)
    lengths = np.array([max(len(samples) / RATE - EXCERPT, 0) for samples in recordings])
    chosen = []
    while len(chosen) < count:
        number = int(draw.choice(len(recordings), p=lengths / lengths.sum()))
        start = float(draw.uniform(0, lengths[number]))
        part = cut(recordings[number], start)
        if np.sqrt((part**2).mean()) > 0.01:
            chosen.append((number, start))
    return chosen


def cut(samples, start):
    first = round(start * RATE)
    return samples[first : first + round(EXCERPT * RATE)]


def noisy(samples, draw):
    """White noise 10 dB below the excerpt."""
    noise = draw.standard_normal(len(samples)).astype("f4")
    return samples + noise * np.sqrt((samples**2).mean() / 10)


def in_a_room(samples, draw):
    """The direct sound, and as much energy again of an echo that decays by 60 dB in half a second."""
    times = np.arange(round(0.5 * RATE)) / RATE
    echo = draw.standard_normal(len(times)) * 10 ** (-3 * times / 0.5)
    echo[: round(0.005 * RATE)] = 0
    echo /= np.sqrt((echo**2).sum())
    return samples + fftconvolve(samples, echo)[: len(samples)].astype("f4")


def write(path, samples):
    loudest = np.abs(samples).max(initial=0)
    soundfile.write(path, samples / max(loudest, 1) * 0.99, RATE, subtype="PCM_16")


def ffmpeg(source, target, *options):
    command = ["ffmpeg", "-v", "error", "-y", "-i", source, *options, target]
    subprocess.run([str(word) for word in command], check=True, stdin=subprocess.DEVNULL)


def damage(plain, number, draw):
    """Files of the excerpt in the file `plain`, beside it, by what was done to it. Every second one is faster, others slower."""
    samples, _ = soundfile.read(plain, dtype="float32")
    beside = lambda ending: plain.with_name(f"{plain.stem}{ending}")
    made = {"nothing": plain, "noise 10 dB below": beside("-noise.wav"), "a room's echo": beside("-room.wav")}
    write(made["noise 10 dB below"], noisy(samples, draw))
    write(made["a room's echo"], in_a_room(samples, draw))
    speed = 1.02 if number % 2 else 0.98
    steps = {
        "MP3 at 64 kbit/s": ("-64k.mp3", "-b:a", "64k"),
        "EQ: bass +8 dB, treble -8 dB": ("-eq.wav", "-af", "volume=-8dB,bass=g=8,treble=g=-8"),
        "2 % faster or slower": ("-speed.wav", "-af", f"asetrate={RATE * speed:.0f},aresample={RATE}"),
    }
    for name, (ending, *options) in steps.items():
        made[name] = beside(ending)
        ffmpeg(plain, made[name], *options)
    return made


# --- Chromaprint's own -------------------------------------------------------------------------------------------------


def fingerprint(path):
    """By fpcalc, of the whole file; empty where it is too short for one."""
    command = ["fpcalc", "-raw", "-plain", "-length", "0", str(path)]
    # Debian's takes the end of a file for an error, after it has printed the fingerprint.
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    numbers = done.stdout.strip()
    return np.array(numbers.split(","), "u4") if numbers else np.array([], "u4")


def best_match(query, library):
    """The number of the recording in which some place differs from the query in the fewest bits, and that place in seconds."""
    best = (33.0, None, None)
    for number, known in enumerate(library):
        if len(known) < len(query) or not len(query):
            continue
        places = np.lib.stride_tricks.sliding_window_view(known, len(query))
        errors = np.bitwise_count(places ^ query).mean(1)
        at = int(errors.argmin())
        if errors[at] < best[0]:
            best = (float(errors[at]), number, at * STEP)
    return best[1], best[2]


def find(folders):
    paths = (path for folder in folders for path in Path(folder).rglob("*"))
    return sorted(path for path in paths if path.suffix in (".flac", ".mp3", ".ogg", ".wav"))
