"""FiftyOne's side of `scripts/interop-fiftyone`: makes datasets and indexes with the real thing, and reads ours.

Needs FIFTYONE_DATABASE_URI and, for indexes, FIFTYONE_BRAIN_SIMILARITY_MILVUS_URI. Each step prints one line of JSON.

The dataset of `make-dataset` has sixty small pictures with every kind of field that both sides hold. Its vectors follow a
formula, so that either side can make them without the other: number `j` of vector `i` is `sin((i + 1) * (j + 1) * 0.37)`,
for samples in the dataset's order and for patches in the order of samples and of their labels, as f32.
"""

import argparse
import concurrent.futures
import datetime
import json
import os
import pathlib
import shutil
import sys
import time

import numpy as np
from PIL import Image, ImageDraw

import fiftyone as fo
import fiftyone.brain as fob
import fiftyone.core.labels as fol
import fiftyone.types as fot

NAME = "interop"
DIMENSION = 16
KINDS = ["disc", "square", "stripe"]
COLOURS = [(200, 40, 40), (40, 160, 60), (50, 80, 200), (230, 180, 40)]
# Formats by name, with the field of labels that one exports. What a format cannot hold is not written.
FORMATS = {
    "FiftyOneDataset": (fot.FiftyOneDataset, None),
    "FiftyOneImageDetection": (fot.FiftyOneImageDetectionDataset, "objects"),
    "FiftyOneImageClassification": (fot.FiftyOneImageClassificationDataset, "kind"),
    "COCO": (fot.COCODetectionDataset, "objects"),
    "VOC": (fot.VOCDetectionDataset, "objects"),
    "YOLOv5": (fot.YOLOv5Dataset, "objects"),
    "CSV": (fot.CSVDataset, None),
    "ImageDirectory": (fot.ImageDirectory, None),
    "ImageClassificationDirectoryTree": (fot.ImageClassificationDirectoryTree, "kind"),
}
CSV_FIELDS = ["filepath", "tags", "kind.label", "kind.confidence", "weather", "score", "count", "checked"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    steps = parser.add_subparsers(required=True, metavar="STEP")

    def step(function, *arguments, **options):
        sub = steps.add_parser(function.__name__.replace("_", "-"), help=function.__doc__)
        sub.set_defaults(function=function)
        for argument in arguments:
            sub.add_argument(argument)
        for name, settings in options.items():
            sub.add_argument("--" + name.replace("_", "-"), **settings)

    dataset = {"default": NAME}
    step(make_dataset, "folder", more={"action": "store_true"}, dataset=dataset)
    step(dump, dataset=dataset)
    step(export, "folder", formats={"nargs": "*", "default": list(FORMATS)}, dataset=dataset)
    step(read, "format", "folder", dataset={"default": None})
    index = {"brain_key": {"required": True}, "dataset": dataset, "patches_field": {}}
    step(compute, **index, metric={"default": "dotproduct"}, collection_name={})
    step(attach, **index, metric={"default": "dotproduct"}, collection_name={"required": True})
    step(query, brain_key={"required": True}, dataset=dataset, ids={"nargs": "+"}, k={"type": int, "default": 10})
    step(change, brain_key={"required": True}, dataset=dataset, ids={"nargs": "+", "required": True})
    step(delete, brain_key={"required": True}, dataset=dataset)
    step(wait_for_milvus)
    step(make_vectors, "file", count={"type": int, "default": 10_000}, dimension={"type": int, "default": 512})
    step(bench, "vectors", metric={"default": "cosine"}, queries={"type": int, "default": 1000},
         threads={"type": int, "default": 8})
    arguments = vars(parser.parse_args())
    print(json.dumps(arguments.pop("function")(**arguments)))


# --- datasets -----------------------------------------------------------------------------------------------------------


def make_dataset(folder: str, more: bool, dataset: str) -> dict:
    """Draws sixty pictures and labels them; --more: with what only FiftyOne holds, too."""
    pictures = pathlib.Path(folder)
    pictures.mkdir(parents=True, exist_ok=True)
    if fo.dataset_exists(dataset):
        fo.delete_dataset(dataset)
    made = fo.Dataset(dataset, persistent=True)
    made.info = {"source": "interop", "version": 1}
    made.add_samples([make_sample(pictures, i) for i in range(60)], progress=False)
    made.compute_metadata(progress=False)
    made.default_classes = KINDS
    made.save()
    if more:
        add_what_is_only_there(made)
    return {"dataset": dataset, "samples": len(made), "labels": len(all_labels(made, "objects"))}


def make_sample(folder: pathlib.Path, i: int) -> fo.Sample:
    """Sample `i`: 0 to 3 objects, and now and then a field that is missing, empty or not ASCII."""
    width, height = 96 + 8 * (i % 3), 72
    path = folder / f"picture-{i:02}.{'png' if i % 4 == 0 else 'jpg'}"
    picture = Image.new("RGB", (width, height), COLOURS[i % 4])
    draw = ImageDraw.Draw(picture)
    objects = []
    for n in range(i % 4):
        x, y, w, h = 4 + 30 * n, 6 + (7 * i + 5 * n) % 30, 20 + i % 5, 16 + n
        colour = COLOURS[(i + n + 1) % 4]
        kind = KINDS[(i + n) % 3]
        (draw.ellipse if kind == "disc" else draw.rectangle)([x, y, x + w - 1, y + h - 1], fill=colour)
        label = fo.Detection(label=kind, bounding_box=[x / width, y / height, w / width, h / height])
        if n != 1:
            label.confidence = round(0.5 + 0.005 * i + 0.1 * n, 4)
        if n == 0:
            label.tags = ["first", "checked"] if i % 8 == 1 else ["first"]
        label["occluded"] = n == 2
        label["truncation"] = 0.25 * n
        label["colour"] = "#%02x%02x%02x" % colour
        label.index = n
        objects.append(label)
    if i % 4 == 0:
        picture.save(path)
    else:
        picture.save(path, quality=90)

    sample = fo.Sample(filepath=str(path), tags=[["train", "val", "test"][i % 3]] + (["odd"] if i % 2 else []))
    sample["kind"] = fo.Classification(label=KINDS[i % 3])
    if i % 2:
        sample["kind"].confidence = 0.25 + i / 128
        sample["kind"].tags = ["sure"]
    sample["marks"] = fo.Classifications(classifications=[fo.Classification(label=f"mark {n}") for n in range(i % 3)])
    # No detections at all is not the same as an empty list of them.
    sample["objects"] = None if i % 12 == 0 else fo.Detections(detections=objects)
    sample["main"] = fo.Detection(label="main", bounding_box=[0.125, 0.25, 0.5, 0.5], confidence=1.0)
    triangle = [(0.125, 0.125), (0.875, 0.25), (0.5, 0.875)]
    lines = [fo.Polyline(label="triangle", points=[triangle], closed=True, filled=i % 2 == 0, confidence=0.5)]
    if i % 5 == 0:
        lines.append(fo.Polyline(label="two strokes", points=[[(0, 0), (0.5, 0.25)], [(1, 1), (0.5, 0.75)]], tags=["line"]))
    sample["outlines"] = fo.Polylines(polylines=lines)
    sample["weather"] = ["sunny", "rain", 'snow, "heavy"', "Föhn ☀"][i % 4]
    sample["score"] = i / 7
    sample["whole"] = float(i)
    sample["count"] = i * 1_000_000_007
    sample["checked"] = i % 2 == 0
    sample["words"] = [f"word{n}" for n in range((i + 1) % 3)]
    sample["numbers"] = [i / 2, -1.5, 1e-9]
    sample["note"] = f"note {i}" if i % 10 == 3 else None
    sample["embedding"] = vectors(i + 1)[i]
    return sample


def add_what_is_only_there(dataset: fo.Dataset) -> None:
    """Fields that ours does not hold and has to name: keypoints, masks, times, dictionaries, labels' vectors."""
    for i, sample in enumerate(dataset.iter_samples(autosave=True)):
        sample["joints"] = fo.Keypoints(keypoints=[fo.Keypoint(label="joint", points=[(0.25, 0.5), (0.75, 0.5)])])
        sample["mask"] = fo.Segmentation(mask=np.full((4, 6), i % 3, dtype=np.uint8))
        sample["when"] = datetime.datetime(2026, 1, 1 + i % 28, 12, 30, tzinfo=datetime.timezone.utc)
        sample["day"] = datetime.date(2026, 2, 1 + i % 28)
        sample["extra"] = {"a": i, "b": {"c": [1, 2, 3]}}
        if sample.objects is not None:
            for label in sample.objects.detections:
                label.mask = np.eye(4, dtype=bool)
                label["embedding"] = vectors(1)[0]


def vectors(count: int) -> np.ndarray:
    """The formula's vectors 0 to `count`."""
    i, j = np.arange(1, count + 1)[:, None], np.arange(1, DIMENSION + 1)[None, :]
    return np.sin(i * j * 0.37).astype(np.float32)


def export(folder: str, formats: list[str], dataset: str) -> dict:
    """Exports the dataset, one subfolder a format, with what is in it as expected.json."""
    source, root = fo.load_dataset(dataset), pathlib.Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    for name in formats:
        kind, field = FORMATS[name]
        shutil.rmtree(root / name, ignore_errors=True)
        options = {"export_dir": str(root / name), "dataset_type": kind, "progress": False}
        if name == "CSV":
            options |= {"fields": CSV_FIELDS, "export_media": True}
        elif field is not None:
            options["label_field"] = field
        if name == "COCO":
            # Else what an object is known by, besides its class, is not written.
            options["extra_attrs"] = True
        if name == "FiftyOneImageDetection":
            options |= {"include_confidence": True, "include_attributes": True}
        if name == "YOLOv5":
            for split in ("train", "val"):
                source.match_tags(split).export(**options, split=split, classes=KINDS)
        else:
            source.export(**options)
    (root / "expected.json").write_text(json.dumps(dump(dataset), indent=1, ensure_ascii=False) + "\n")
    return {"formats": formats, "samples": len(source)}


def read(format: str, folder: str, dataset: str | None) -> dict:
    """Loads an export, and prints what FiftyOne makes of it; keeps it with --dataset."""
    kind, field = FORMATS[format]
    name = dataset or "interop-read"
    if fo.dataset_exists(name):
        fo.delete_dataset(name)
    options = {"dataset_dir": folder, "dataset_type": kind, "name": name, "progress": False}
    if field is not None:
        options["label_field"] = field
    if format == "COCO":
        options |= {"extra_attrs": True, "label_types": "detections", "use_polylines": False}
    if format == "YOLOv5":
        options["split"] = "train"
    if format == "CSV":
        # It takes every column for a string, and cannot put a label together.
        options["fields"] = {
            "tags": lambda text: text.split(","), "weather": str, "score": float, "count": int,
            "checked": lambda text: text.lower() == "true",
        }
    loaded = fo.Dataset.from_dir(**options)
    if format == "YOLOv5":
        options.pop("name")
        loaded.add_dir(**options | {"split": "val"})
    if format == "COCO" and "detections" in loaded.get_field_schema():
        loaded.rename_sample_field("detections", "objects")
    loaded.persistent = dataset is not None
    shown = dump(name)
    if dataset is None:
        fo.delete_dataset(name)
    return shown


def dump(dataset: str) -> dict:
    """Everything that a dataset holds, in plain JSON, with empty fields left out."""
    loaded = fo.load_dataset(dataset)
    common = ("id", "filepath", "tags", "metadata", "created_at", "last_modified_at")
    fields = {name: str(field) for name, field in loaded.get_field_schema().items() if name not in common}
    samples = []
    for sample in loaded.iter_samples():
        shown = {"id": sample.id, "file": os.path.basename(sample.filepath), "tags": sample.tags}
        if sample.metadata is not None:
            shown["metadata"] = plain(sample.metadata)
        shown |= {name: plain(sample[name]) for name in fields if sample[name] is not None}
        samples.append(shown)
    return {"info": loaded.info, "fields": fields, "samples": samples}


def plain(value):
    """A field's value as JSON; labels as their attributes with the class, empty attributes left out."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    if isinstance(value, (fol.Label, fo.Metadata)):
        known = {name: plain(value[name]) for name in value.field_names}
        return {"_cls": type(value).__name__} | {k: v for k, v in known.items() if v is not None and v != [] and v != {}}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def all_labels(dataset, field: str) -> list:
    """The labels of a field of all samples, in order."""
    return [label for labels in dataset.values(f"{field}.detections") for label in labels or []]


# --- indexes ------------------------------------------------------------------------------------------------------------


def compute(brain_key: str, dataset: str, patches_field: str | None, metric: str, collection_name: str | None) -> dict:
    """Makes an index of the formula's vectors in Milvus, and tells what the collection looks like."""
    loaded = fo.load_dataset(dataset)
    settings = {} if collection_name is None else {"collection_name": collection_name}
    index = fob.compute_similarity(
        loaded, backend="milvus", brain_key=brain_key, patches_field=patches_field, metric=metric, progress=False,
        embeddings=given(loaded, patches_field), **settings,
    )
    return describe(index)


def given(dataset, patches_field: str | None):
    """The formula's vectors: an array for samples, and for patches one a sample that has any, by its id."""
    if patches_field is None:
        return vectors(len(dataset))
    counts = [len(labels or []) for labels in dataset.values(f"{patches_field}.detections")]
    parts = np.split(vectors(sum(counts)), np.cumsum(counts)[:-1])
    return {id: part for id, part in zip(dataset.values("id"), parts) if len(part)}


def attach(brain_key: str, dataset: str, patches_field: str | None, metric: str, collection_name: str) -> dict:
    """Takes a collection that is there as the dataset's index."""
    index = fob.compute_similarity(
        fo.load_dataset(dataset), backend="milvus", brain_key=brain_key, patches_field=patches_field, metric=metric,
        embeddings=False, collection_name=collection_name, progress=False,
    )
    return describe(index)


def change(brain_key: str, dataset: str, ids: list[str]) -> dict:
    """Takes samples out of an index and puts them back with the vectors that they had."""
    index = fo.load_dataset(dataset).load_brain_results(brain_key)
    embeddings, sample_ids, _ = index.get_embeddings(sample_ids=ids)
    index.remove_from_index(sample_ids=list(sample_ids))
    left = index.get_embeddings(sample_ids=ids)[1]
    index.add_to_index(embeddings, sample_ids)
    return {"changed": len(sample_ids), "left": len(left)}


def describe(index) -> dict:
    collection = index.collection
    return {
        "collection": collection.name,
        "size": index.total_index_size,
        "schema": collection.schema.to_dict(),
        "indexes": [one.to_dict() for one in collection.indexes],
        "consistency_level": collection.describe().get("consistency_level"),
    }


def query(brain_key: str, dataset: str, ids: list[str] | None, k: int) -> dict:
    """The k most similar of each id (all that are indexed without --ids), with scores as Milvus gives them."""
    loaded = fo.load_dataset(dataset)
    index = loaded.load_brain_results(brain_key)
    patches = index.config.patches_field
    if ids is None:
        ids = [label.id for label in all_labels(loaded, patches)] if patches else loaded.values("id")
    answers = {}
    for id in ids:
        view = (loaded.to_patches(patches) if patches else loaded).sort_by_similarity(id, k=k, brain_key=brain_key)
        hits = view.values(f"{patches}.id" if patches else "id")
        _, labels, scores = index._kneighbors(query=id, k=k, return_dists=True) if patches else (
            None, *index._kneighbors(query=id, k=k, return_dists=True)[::2])
        answers[id] = {"hits": hits, "scores": [float(score) for score in scores]}
    return answers


def delete(brain_key: str, dataset: str) -> dict:
    """Drops an index's collection and forgets the run."""
    loaded = fo.load_dataset(dataset)
    loaded.load_brain_results(brain_key).cleanup()
    loaded.delete_brain_run(brain_key)
    return {"runs": loaded.list_brain_runs()}


def wait_for_milvus() -> dict:
    """Waits until Milvus makes a collection and searches it: its port is open long before."""
    import pymilvus

    uri, end = os.environ["FIFTYONE_BRAIN_SIMILARITY_MILVUS_URI"], time.monotonic() + 120
    while True:
        try:
            client = pymilvus.MilvusClient(uri, timeout=10)
            client.create_collection("interop_probe", dimension=2)
            client.insert("interop_probe", [{"id": 1, "vector": [1.0, 2.0]}])
            client.search("interop_probe", [[1.0, 2.0]], limit=1)
            client.drop_collection("interop_probe")
            return {"version": client.get_server_version()}
        except pymilvus.MilvusException:
            if time.monotonic() > end:
                raise
            time.sleep(1)


def make_vectors(file: str, count: int, dimension: int) -> dict:
    """Writes vectors in a hundred groups to a file (.npy, f32), as embeddings of pictures lie."""
    random = np.random.default_rng(7)
    groups = random.standard_normal((100, dimension))
    near = groups[random.integers(100, size=count)] + 0.7 * random.standard_normal((count, dimension))
    np.save(file, near.astype(np.float32))
    return {"count": count, "dimension": dimension}


def bench(vectors: str, metric: str, queries: int, threads: int) -> dict:
    """Adds a file's vectors (.npy, f32) to a new index, and asks for the ten most similar of the first ones, in turn and
    from threads. `exact` is what they should be, by comparing all, with the cosine."""
    embeddings = np.load(vectors)
    name = "interop-bench"
    if fo.dataset_exists(name):
        fo.delete_dataset(name)
    dataset = fo.Dataset(name)
    dataset.add_samples([fo.Sample(filepath=f"/bench/{i:07}.jpg") for i in range(len(embeddings))], progress=False)
    start = time.perf_counter()
    index = fob.compute_similarity(
        dataset, backend="milvus", brain_key="bench", metric=metric, embeddings=embeddings, progress=False
    )
    add = time.perf_counter() - start
    ids = dataset.values("id")[:queries]

    def ask(id: str) -> list[int]:
        found = dataset.sort_by_similarity(id, k=10, brain_key="bench").values("filepath")
        return [int(path[-11:-4]) for path in found]

    # Neither side pays for its first query.
    ask(ids[0])
    start = time.perf_counter()
    hits = [ask(id) for id in ids]
    in_turn = time.perf_counter() - start
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        start = time.perf_counter()
        hits_at_once = list(pool.map(ask, ids))
        at_once = time.perf_counter() - start
    index.cleanup()
    fo.delete_dataset(name)
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    exact = np.argsort(-(unit[:queries] @ unit.T), axis=1, kind="stable")[:, :10].tolist()
    times = {"add": add, "in_turn": in_turn, "at_once": at_once}
    return times | {"hits": hits, "hits_at_once": hits_at_once, "exact": exact}


if __name__ == "__main__":
    sys.exit(main())
