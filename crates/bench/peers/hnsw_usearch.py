"""usearch's graph over floats under squared L2."""

import usearch
from common import Task, build_once, serve
from usearch.index import Index

task = Task()
queries = task.read("queries", "<f4")


def empty():
    return Index(
        ndim=queries.shape[1],
        metric="l2sq",
        dtype="f32",
        connectivity=task.m,
        expansion_add=task.ef_construction,
    )


def build(path):
    import numpy as np

    base = task.read("base", "<f4")
    index = empty()
    index.add(np.arange(len(base), dtype="u8"), base)
    index.save(str(path))


path = task.index_file("usearch", usearch.__version__)
build_once(path, build)
index = empty()
index.load(str(path))


def search(ef):
    index.expansion_search = ef
    return index.search(queries, task.k, threads=1).keys.astype("i8"), []


serve(f"usearch {usearch.__version__}", search)
