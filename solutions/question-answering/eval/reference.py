"""The search of question-answering in Python, written to be read: what the program's ranking is held against.

    reference.py --model MODEL.onnx --tokenizer TOKENIZER.json FAQ.jsonl QUERIES.jsonl...

FAQ.jsonl has lines {"question", "answer"}, a file of queries lines {"query", "expected": [questions]}; without expected
questions, a query should be refused. On standard output, one JSON object:

    {"index": {"entries", "vectors"},
     "answers": {MODE: METRICS},                    every question asks for its own answer; the questions are not indexed
     "pairs": {FILE: {MODE: METRICS}},              questions and answers indexed
     "refused": {FILE: share}}                      of the queries of pairs: those whose best cosine is below THRESHOLD

MODE is bm25, dense or hybrid; METRICS are {"queries", "r1", "r5", "r10", "mrr10"}. The ten best of each query and mode
go to the file --hits, a line {"file", "query", "mode", "hits": [[entry, score]]}; entries count from 0. --vectors names
a file to keep the index's vectors in.

The index
    An answer is cut into windows of 256 tokens that overlap by 32. Each window begins with the question, cut to half a
    window; the question is a vector of its own, too. An entry's cosine is that of its best vector.
    BM25 (k1 1.2, b 0.75, Lucene's idf) looks at question and answer as one text of lower-case letters and digits. A word
    that stands twice in the query counts twice.
The hybrid
    score = 0.9 cosine + 0.1 BM25 / the best BM25 of the query, over the 100 best of each; what one part did not find
    counts as 0 there. An entry whose question is the query, word for word, has both parts in full.

The int8 model scales its input by the largest value in a batch. Here each text is a batch of its own, so cosines of other
programs differ in the third digit.
"""

import argparse
import collections
import hashlib
import json
import math
import pathlib
import re
import sys

import numpy as np
import onnxruntime
import tokenizers

WINDOW, OVERLAP = 256, 32
K1, B = 1.2, 0.75
DENSE = 0.9
CANDIDATES = 100
# The best cosine below which no entry answers: it refuses 96 % of offtopic.jsonl and 4 % of what can be answered, but
# only a third of unanswered.jsonl: it tells other topics, not what is missing within a topic.
THRESHOLD = 0.45


class Encoder:
    """Texts to vectors of length 1: the mean of the tokens' states."""

    def __init__(self, model, tokenizer):
        self.session = onnxruntime.InferenceSession(model)
        self.tokenizer = tokenizers.Tokenizer.from_file(tokenizer)
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        self.start, self.end = self.tokenizer.encode("").ids

    def tokens(self, text):
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def vector(self, tokens):
        ids = np.array([[self.start, *tokens[: WINDOW - 2], self.end]])
        inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        mean = self.session.run(None, inputs)[0][0].mean(0)
        return mean / np.linalg.norm(mean)

    def windows(self, question, answer):
        """The vectors of an answer, and of its question if there is one."""
        head = self.tokens(question)[: (WINDOW - 2) // 2] if question else []
        body = self.tokens(answer)
        room = WINDOW - 2 - len(head)
        starts = [0]
        while starts[-1] + room < len(body):
            starts.append(starts[-1] + room - OVERLAP)
        vectors = [self.vector(head + body[start : start + room]) for start in starts]
        return ([self.vector(self.tokens(question))] if question else []) + vectors


def words(text):
    return re.findall(r"[^\W_]+", text.lower())


class Bm25:
    def __init__(self, texts):
        counts = [collections.Counter(words(text)) for text in texts]
        lengths = np.array([sum(count.values()) for count in counts])
        within = collections.defaultdict(list)
        for entry, count in enumerate(counts):
            for word, times in count.items():
                within[word].append((entry, times))
        self.entries, self.postings = len(texts), {}
        for word, found in within.items():
            entries, times = map(np.array, zip(*found))
            idf = math.log(1 + (len(texts) - len(found) + 0.5) / (len(found) + 0.5))
            norm = K1 * (1 - B + B * lengths[entries] / lengths.mean())
            self.postings[word] = entries, idf * times * (K1 + 1) / (times + norm)

    def scores(self, query):
        scores = np.zeros(self.entries)
        for word in words(query):
            if word in self.postings:
                entries, weights = self.postings[word]
                scores[entries] += weights
        return scores


class Index:
    """Entries as vectors and words."""

    def __init__(self, questions, texts, vectors, owners):
        self.plain = [" ".join(words(question)) for question in questions]
        self.bm25 = Bm25(texts)
        self.vectors, self.starts = vectors, np.searchsorted(owners, np.arange(len(texts)))

    def scores(self, query, vector):
        """The scores of all entries, in each mode; -1 where a mode does not find an entry."""
        dense = np.maximum.reduceat(self.vectors @ vector, self.starts)
        lexical = self.bm25.scores(query)
        found_dense, found_lexical = best(dense), best(lexical) & (lexical > 0)
        part = np.where(found_lexical, lexical, 0) / max(lexical.max(), 1e-9)
        cosine = np.where(found_dense, dense, 0)
        same = np.array([plain == " ".join(words(query)) for plain in self.plain])
        part[same] = cosine[same] = 1
        hybrid = DENSE * cosine + (1 - DENSE) * part
        return {
            "bm25": np.where(lexical > 0, lexical, -1),
            "dense": dense,
            "hybrid": np.where(found_dense | found_lexical | same, hybrid, -1),
        }


def best(scores):
    found = np.zeros(len(scores), bool)
    found[np.argsort(-scores, kind="stable")[:CANDIDATES]] = True
    return found


def metrics(ranks):
    """Of the ranks of the first right answers, from 1."""
    ranks = np.array(ranks)
    shares = {f"r{k}": float((ranks <= k).mean()) for k in (1, 5, 10)}
    return {"queries": len(ranks), **shares, "mrr10": float(np.where(ranks <= 10, 1 / ranks, 0).mean())}


def lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def encoded(options, pairs):
    """Vectors of answers alone and of pairs, with the number of each one's entry. Kept in the file --vectors."""
    key = hashlib.sha256(json.dumps([pairs, WINDOW, OVERLAP]).encode()).hexdigest()
    if options.vectors and options.vectors.exists():
        kept = np.load(options.vectors)
        if str(kept["key"]) == key:
            return {name: kept[name] for name in kept.files if name != "key"}
    encoder, made = Encoder(options.model, options.tokenizer), {}
    for name, asked in (("answers", False), ("pairs", True)):
        vectors = [encoder.windows(asked and pair["question"], pair["answer"]) for pair in pairs]
        made[name] = np.array([vector for entry in vectors for vector in entry], "f4")
        made[name + "_owners"] = np.repeat(np.arange(len(vectors)), [len(entry) for entry in vectors])
    if options.vectors:
        options.vectors.parent.mkdir(parents=True, exist_ok=True)
        np.savez(options.vectors, key=key, **made)
    return made


def ask(index, encoder, queries, questions, note):
    """Metrics for each mode, and the best cosine of each query."""
    ranks, cosines = collections.defaultdict(list), []
    for query in queries:
        right = np.isin(questions, query["expected"])
        scores = index.scores(query["query"], encoder.vector(encoder.tokens(query["query"])))
        cosines.append(scores["dense"].max())
        if query["expected"] and not right.any():
            print(f"left out of the metrics: no entry is expected by {query['query']!r}", file=sys.stderr)
        for mode, values in scores.items():
            top = np.argsort(-values, kind="stable")[:10]
            note(query["query"], mode, [[int(entry), round(float(values[entry]), 5)] for entry in top if values[entry] > -1])
            if right.any():
                own = values[right].max()
                ranks[mode].append(int((values > own).sum()) + 1 if own > -1 else math.inf)
    return {mode: metrics(found) for mode, found in ranks.items()}, np.array(cosines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--hits", type=pathlib.Path)
    parser.add_argument("--vectors", type=pathlib.Path)
    parser.add_argument("faq", type=pathlib.Path)
    parser.add_argument("queries", type=pathlib.Path, nargs="*")
    options = parser.parse_args()

    pairs = lines(options.faq)
    questions = np.array([pair["question"] for pair in pairs])
    texts = [pair["answer"] for pair in pairs]
    made = encoded(options, pairs)
    encoder = Encoder(options.model, options.tokenizer)
    hits = []
    out = {"index": {"entries": len(pairs), "vectors": len(made["pairs"])}, "pairs": {}, "refused": {}}

    own = [{"query": question, "expected": [question]} for question in questions]
    # Without the questions: no entry is the query, word for word.
    answers = Index([], texts, made["answers"], made["answers_owners"])
    answers.plain = [None] * len(pairs)
    note = lambda file: lambda query, mode, found: hits.append({"file": file, "query": query, "mode": mode, "hits": found})
    out["answers"], _ = ask(answers, encoder, own, questions, note("answers"))
    both = [f"{question}\n{answer}" for question, answer in zip(questions, texts)]
    index = Index(questions, both, made["pairs"], made["pairs_owners"])
    for path in options.queries:
        found, cosines = ask(index, encoder, lines(path), questions, note(path.stem))
        if found:
            out["pairs"][path.stem] = found
        out["refused"][path.stem] = float((cosines < THRESHOLD).mean())
    if options.hits:
        with open(options.hits, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(hit, ensure_ascii=False) + "\n" for hit in hits)
    print(json.dumps(out, indent=1))


if __name__ == "__main__":
    main()
