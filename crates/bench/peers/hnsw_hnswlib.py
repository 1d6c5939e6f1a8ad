"""hnswlib's graph over floats under squared L2."""

from importlib.metadata import version

import hnswlib
from common import Task, build_once, serve

task = Task()
queries = task.read("queries", "<f4")


def build(path):
    base = task.read("base", "<f4")
    index = hnswlib.Index("l2", base.shape[1])
    index.init_index(len(base), M=task.m, ef_construction=task.ef_construction)
    index.add_items(base)
    index.save_index(str(path))


path = task.index_file("hnswlib", version("hnswlib"))
build_once(path, build)
index = hnswlib.Index("l2", queries.shape[1])
index.load_index(str(path))


def search(ef):
    index.set_ef(ef)
    return index.knn_query(queries, task.k, num_threads=1)[0], []


serve(f"hnswlib {version('hnswlib')}", search)
