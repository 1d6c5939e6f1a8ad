"""The same work as question-answering's, in Python: onnxruntime, tokenizers, and Milvus Lite's hybrid search.

    peer.py --model MODEL.onnx --tokenizer TOKENIZER.json --lite SITE_PACKAGES PASSAGES.jsonl QUERIES.jsonl

PASSAGES.jsonl has lines {"text"}, QUERIES.jsonl lines {"query"}. On standard output, one JSON object: seconds and passages
of the model alone and of the whole import, and milliseconds of each query: all of it, and without its embedding.

Batches of 32 texts of like length, on all cores; 2,000 rows an insert; dense and BM25 searches of 100 each, fused by
weights in the server's own way.
"""

import argparse
import json
import pathlib
import statistics
import sys
import tempfile
import time

import numpy as np
import onnxruntime
import tokenizers

BATCH, ROWS, CANDIDATES = 32, 2_000, 100


class Encoder:
    def __init__(self, model: str, tokenizer: str):
        self.session = onnxruntime.InferenceSession(model)
        self.tokenizer = tokenizers.Tokenizer.from_file(tokenizer)
        self.tokenizer.enable_padding()
        self.tokenizer.enable_truncation(256)

    def embed(self, texts: list[str]) -> np.ndarray:
        order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
        vectors = np.empty((len(texts), 384), np.float32)
        for start in range(0, len(order), BATCH):
            at = order[start : start + BATCH]
            encoded = self.tokenizer.encode_batch_fast([texts[i] for i in at])
            ids = np.array([one.ids for one in encoded])
            mask = np.array([one.attention_mask for one in encoded])
            states = self.session.run(None, {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)})[0]
            mean = (states * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
            vectors[at] = mean / np.linalg.norm(mean, axis=1, keepdims=True)
        return vectors


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("--model", "--tokenizer", "--lite"):
        parser.add_argument(name, required=True)
    parser.add_argument("passages")
    parser.add_argument("queries")
    given = parser.parse_args()
    # After this interpreter's own, which has what both need.
    sys.path.append(given.lite)
    from pymilvus import AnnSearchRequest, DataType, Function, FunctionType, MilvusClient, WeightedRanker

    texts = [json.loads(line)["text"] for line in pathlib.Path(given.passages).read_text().splitlines()]
    queries = [json.loads(line)["query"] for line in pathlib.Path(given.queries).read_text().splitlines()]
    encoder = Encoder(given.model, given.tokenizer)
    encoder.embed(texts[:BATCH])
    start = time.perf_counter()
    encoder.embed(texts)
    told = {"passages": len(texts), "model_s": time.perf_counter() - start}
    with tempfile.TemporaryDirectory() as folder:
        client = MilvusClient(f"{folder}/peer.db")
        schema = client.create_schema(auto_id=False)
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("text", DataType.VARCHAR, max_length=65_535, enable_analyzer=True)
        schema.add_field("dense", DataType.FLOAT_VECTOR, dim=384)
        schema.add_field("sparse", DataType.SPARSE_FLOAT_VECTOR)
        schema.add_function(Function(name="bm25", function_type=FunctionType.BM25, input_field_names=["text"], output_field_names=["sparse"]))
        index = client.prepare_index_params()
        index.add_index("dense", index_type="HNSW", metric_type="COSINE", params={"M": 16, "efConstruction": 128})
        index.add_index("sparse", index_type="SPARSE_INVERTED_INDEX", metric_type="BM25")
        client.create_collection("passages", schema=schema, index_params=index)
        start = time.perf_counter()
        for at in range(0, len(texts), ROWS):
            some = texts[at : at + ROWS]
            rows = [{"id": at + i, "text": text, "dense": vector} for i, (text, vector) in enumerate(zip(some, encoder.embed(some)))]
            client.insert("passages", rows)
        client.load_collection("passages")
        told["import_s"] = time.perf_counter() - start
        total, search = [], []
        for query in [*queries[:20], *queries]:
            start = time.perf_counter()
            vector = encoder.embed([query])
            encoded = time.perf_counter()
            dense = AnnSearchRequest(vector, "dense", {"metric_type": "COSINE", "params": {"ef": 100}}, limit=CANDIDATES)
            words = AnnSearchRequest([query], "sparse", {"metric_type": "BM25"}, limit=CANDIDATES)
            client.hybrid_search("passages", [dense, words], WeightedRanker(0.9, 0.1), limit=10, output_fields=["text"])
            total.append((time.perf_counter() - start) * 1e3)
            search.append((time.perf_counter() - encoded) * 1e3)
        # The first ones warm up.
        told |= {"ask_ms": statistics.median(total[20:]), "search_ms": statistics.median(search[20:])}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
