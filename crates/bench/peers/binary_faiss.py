"""faiss's exact scan of binary vectors under Hamming distance, one query at a time as a server gets them."""

import time

import faiss
from common import Task, serve

task = Task()
base, queries = task.read("base", "u1"), task.read("queries", "u1")
index = faiss.IndexBinaryFlat(base.shape[1] * 8)
index.add(base)
faiss.omp_set_num_threads(1)


def search(count):
    """Asks the first `count` queries."""
    ids, each = [], []
    for at in range(count):
        start = time.perf_counter()
        ids.append(index.search(queries[at : at + 1], task.k)[1][0])
        each.append(time.perf_counter() - start)
    return ids, each


serve(f"faiss {faiss.__version__}", search)
