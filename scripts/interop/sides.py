"""The two that exchange datasets and indexes: FiftyOne in a Python of its own, and this project's program."""

import contextlib
import http.client
import json
import math
import os
import pathlib
import struct
import sys
import threading

from interop.compare import compare
from interop.servers import FIFTYONE, ROOT, free_ports, run, say, start, start_milvus, start_mongo, wait_for

TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
PROGRAM = pathlib.Path(os.environ.get("VISION_SEARCH", TARGET / "release/vision-search"))
DATASET = "interop"


class FiftyOne:
    """FiftyOne, with its MongoDB and the Milvus that both sides use, until the servers' stack is closed."""

    def __init__(self, folder: pathlib.Path, servers: contextlib.ExitStack):
        say("start MongoDB and Milvus")
        mongo, milvus = start_mongo(folder, servers), start_milvus(folder / "milvus", servers)
        home = folder / "home"
        home.mkdir()
        self.milvus = f"http://127.0.0.1:{milvus}"
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "PYTHONWARNINGS": "ignore",
            "FIFTYONE_CONFIG_PATH": str(home / "config.json"),
            "FIFTYONE_DATABASE_DIR": str(home / "database"),
            "FIFTYONE_DATABASE_URI": f"mongodb://127.0.0.1:{mongo}/",
            "FIFTYONE_DATABASE_VALIDATION": "false",
            "FIFTYONE_DO_NOT_TRACK": "1",
            "FIFTYONE_BRAIN_SIMILARITY_MILVUS_URI": self.milvus,
        }
        self.run("wait-for-milvus")

    def run(self, step: str, *arguments: object):
        """What a step of `theirs.py` prints."""
        say(f"FiftyOne: {step} {' '.join(map(str, arguments))}"[:110])
        command = [FIFTYONE / "bin/python", ROOT / "scripts/interop/theirs.py", step, *arguments]
        return json.loads(run(*command, environment=self.environment).splitlines()[-1])


class Ours:
    """This project's program, with a folder of datasets, on the same Milvus."""

    def __init__(self, folder: pathlib.Path, milvus: str):
        self.command = [PROGRAM, "--datasets", folder, "--milvus-uri", milvus, "--json", "--quiet"]
        self.log = folder.with_suffix(".log")
        home = {"HOME": str(folder), "PATH": os.environ["PATH"]}
        self.environment = home | {key: os.environ[key] for key in ("LD_LIBRARY_PATH",) if key in os.environ}

    def run(self, *arguments: object):
        """What a command prints."""
        say(f"vision-search {' '.join(map(str, arguments))}"[:110])
        return json.loads(run(*self.command, *arguments, environment=self.environment))

    @contextlib.contextmanager
    def serve(self):
        """Our server, for as long as it is used."""
        [port] = free_ports(1)
        say("vision-search serve")
        with contextlib.ExitStack() as servers:
            command = [*self.command, "serve", "--port", port]
            start(servers, self.log, *command, env=self.environment)
            wait_for(port, self.log)
            yield Server(port)

    def samples(self, dataset: str) -> list:
        """All samples of a dataset, as FiftyOne's side prints them."""
        return [as_fiftyone(sample) for sample in self.run("samples", dataset, "--take", "1000")["samples"]]

    def compute(self, key: str, embeddings: object, *options: object) -> dict:
        options = ["--brain-key", key, "--backend", "milvus", "--embeddings", embeddings, *options]
        return self.run("compute-similarity", DATASET, *options)

    def given(self, file: pathlib.Path, field: str) -> pathlib.Path:
        """The formula's vectors of a field's patches, as a file in the order that is asked for."""
        samples = sorted(self.samples(DATASET), key=lambda sample: sample["file"])
        labels = [label["id"] for sample in samples for label in sample.get(field, {}).get("detections", [])]
        number = {id: i for i, id in enumerate(labels)}
        ids = self.run("samples", DATASET, "--patches", field, "--ids")
        save_npy(file, [[math.sin((number[id] + 1) * (j + 1) * 0.37) for j in range(16)] for id in ids])
        return file

    def query(self, key: str, ids: list[str]) -> dict:
        """The ten most similar of each id, from the server; of the first one, from the command line, too."""
        with self.serve() as server:
            answers = {id: hits_of(server.sort(DATASET, key, id)) for id in ids}
        first = self.run("sort-by-similarity", DATASET, "--brain-key", key, "--query", ids[0], "-k", 10)
        # JSON has the f32 of a score in few digits or in all.
        compare(f"the command's and the server's answer to {ids[0]}", answers[ids[0]], hits_of(first), 1e-6)
        return answers


def hits_of(answer: dict) -> dict:
    return {"hits": [hit["id"] for hit in answer["hits"]], "scores": [hit["score"] for hit in answer["hits"]]}


class Server:
    """Our server; each thread has a connection of its own."""

    def __init__(self, port: int):
        self.port, self.connections = port, threading.local()

    def sort(self, dataset: str, key: str, id: str) -> dict:
        return self.ask(f"/api/v1/datasets/{dataset}/runs/{key}/sort", {"positive": [{"id": id}], "k": 10})

    def neighbors(self, dataset: str, key: str, ids: list[str]) -> list[dict]:
        """Nine of each beside itself."""
        path = f"/api/v1/datasets/{dataset}/runs/{key}/neighbors"
        return self.ask(path, {"k": 9, "view": {"ids": ids}})["neighbors"]

    def ask(self, path: str, query: dict) -> dict:
        body = json.dumps(query)
        try:
            answer = self.post(path, body)
        except ConnectionError:
            # The server ends connections that were idle for a while.
            self.connections.one = None
            answer = self.post(path, body)
        text = answer.read()
        if answer.status != 200:
            sys.exit(f"interop-fiftyone: {path} answers {answer.status}: {text.decode(errors='replace')[:2000]}")
        return json.loads(text)

    def post(self, path: str, body: str) -> http.client.HTTPResponse:
        if getattr(self.connections, "one", None) is None:
            self.connections.one = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        self.connections.one.request("POST", path, body, {"Content-Type": "application/json"})
        return self.connections.one.getresponse()


def as_fiftyone(sample: dict) -> dict:
    """A sample of ours in the form of `theirs.py dump`."""
    shown = {"id": sample["id"], "file": os.path.basename(sample["filepath"]), "tags": sample.get("tags", [])}
    if "metadata" in sample:
        shown["metadata"] = {"_cls": "ImageMetadata"} | sample["metadata"]
    for name, field in sample.get("fields", {}).items():
        if not isinstance(field, dict) or "kind" not in field:
            shown[name] = field
            continue
        kind = field["kind"].capitalize()
        labels = [label_as_fiftyone(kind.removesuffix("s"), label) for label in field["labels"]]
        if kind.endswith("s"):
            shown[name] = {"_cls": kind} | ({field["kind"]: labels} if labels else {})
        elif labels:
            shown[name] = labels[0]
    return shown


def label_as_fiftyone(kind: str, label: dict) -> dict:
    """A label with its attributes beside what every label has."""
    shape = {"closed": False, "filled": False} if kind == "Polyline" else {}
    known = {key: value for key, value in label.items() if key != "attributes"}
    return {"_cls": kind} | shape | known | label.get("attributes", {})


def save_npy(file: pathlib.Path, rows: list[list[float]]) -> None:
    """Writes rows of f32 in NumPy's format 1.0, https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html."""
    header = str({"descr": "<f4", "fortran_order": False, "shape": (len(rows), len(rows[0]))}).encode()
    header = header.ljust(64 * (len(header) // 64 + 1) + 53) + b"\n"
    values = [value for row in rows for value in row]
    head = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
    file.write_bytes(head + struct.pack(f"<{len(values)}f", *values))


def reorder_npy(file: pathlib.Path, width: int, order: list[int]) -> None:
    """Puts the rows of a file, of `width` bytes each, into another order."""
    content = file.read_bytes()
    (size,) = struct.unpack_from("<H", content, 8)
    rows = content[10 + size :]
    file.write_bytes(content[: 10 + size] + b"".join(rows[width * i : width * (i + 1)] for i in order))
