"""What the peers share: reading the bench's files, and answering over standard input and output."""

import json
import sys
import time
from pathlib import Path

import numpy as np


class Task:
    """The arguments that `Peer::start` passes."""

    def __init__(self):
        folder, m, ef_construction, k = sys.argv[1:5]
        self.folder = Path(folder)
        self.m, self.ef_construction, self.k = int(m), int(ef_construction), int(k)

    def read(self, name, dtype):
        """A matrix: rows and width as two u32, then the numbers."""
        path = self.folder / f"{name}.bin"
        rows, width = np.fromfile(path, dtype="<u4", count=2)
        return np.fromfile(path, dtype=dtype, offset=8).reshape(rows, width)

    def index_file(self, library, version):
        return self.folder / f"{library}-{version}-m{self.m}-ef{self.ef_construction}.index"


def build_once(path, build):
    """Has `build(unfinished_path)` write the file unless it is there."""
    if not path.exists():
        print(f"building {path.name} …", file=sys.stderr, flush=True)
        unfinished = path.with_suffix(".tmp")
        build(unfinished)
        unfinished.rename(path)


def serve(name, search):
    """Says that it is ready, then answers every line, an effort, with seconds and the rows found."""
    print(json.dumps({"name": name}), flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        ids, each = search(int(line))
        seconds = time.perf_counter() - start
        print(json.dumps({"seconds": seconds, "each": each, "ids": np.asarray(ids).tolist()}), flush=True)
