"""faiss's HNSW graph over floats under squared L2."""

import faiss
from common import Task, build_once, serve

task = Task()


def build(path):
    base = task.read("base", "<f4")
    index = faiss.IndexHNSWFlat(base.shape[1], task.m)
    index.hnsw.efConstruction = task.ef_construction
    index.add(base)
    faiss.write_index(index, str(path))


path = task.index_file("faiss", faiss.__version__)
build_once(path, build)
index = faiss.read_index(str(path))
queries = task.read("queries", "<f4")
faiss.omp_set_num_threads(1)


def search(ef):
    index.hnsw.efSearch = ef
    return index.search(queries, task.k)[1], []


serve(f"faiss {faiss.__version__}", search)
