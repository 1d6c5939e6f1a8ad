"""Image search as one writes it in Python in an afternoon: what `image-search` is held against.

    image.py '{"task": "import", "model": path, "threads": n, "folder": path, "store": path}'
    image.py '{"task": "edit", "pictures": [...], "folder": path}'
    image.py '{"task": "search", "model": path, "threads": n, "pictures": [...], "edits": {name: path}}'

Each prints a line of JSON. `import` finds the pictures of a folder, decodes them with Pillow, runs them through the
model with onnxruntime in batches of 32, writes thumbnails as ours does (at most 256 pixels, JPEG of quality 85), and
inserts id, vector, path and label into Milvus Lite. It does not look up what is there already, hash files, read
captions, keep width and height, replace thumbnails atomically, or go on when a picture is broken; ours does.
"""

import hashlib
import json
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

SIZE = (288, 288)
BATCH = 32
THUMBNAIL = 256


def open_picture(path):
    picture = Image.open(path)
    if picture.mode in ("RGBA", "LA", "P"):
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert("RGB")


def to_tensor(picture):
    return np.asarray(picture.resize(SIZE, Image.Resampling.BILINEAR))


def load(task):
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = task["threads"]
    return onnxruntime.InferenceSession(task["model"], settings)


def find(folder):
    return sorted(path for path in Path(folder).rglob("*") if path.suffix in (".png", ".jpg"))


def import_folder(task):
    from pymilvus import DataType, MilvusClient

    session = load(task)
    store = Path(task["store"])
    client = MilvusClient(str(store / "milvus.db"))
    schema = client.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("embedding", DataType.FLOAT_VECTOR, dim=512)
    schema.add_field("path", DataType.VARCHAR, max_length=1024)
    schema.add_field("label", DataType.VARCHAR, max_length=256)
    index = client.prepare_index_params()
    index.add_index("embedding", index_type="HNSW", metric_type="COSINE", params={"M": 16, "efConstruction": 128})
    client.create_collection("pictures", schema=schema, index_params=index)
    thumbnails = store / "thumbnails"
    thumbnails.mkdir()
    # What comes before is the start, which a larger import has once, too.
    start = time.perf_counter()
    paths = find(task["folder"])
    for at in range(0, len(paths), BATCH):
        batch, tensors = paths[at : at + BATCH], []
        for number, path in enumerate(batch, at):
            picture = open_picture(path)
            tensors.append(to_tensor(picture))
            picture.thumbnail((THUMBNAIL, THUMBNAIL))
            picture.save(thumbnails / f"{number}.jpg", quality=85)
        vectors = session.run(None, {"image": np.stack(tensors)})[0]
        rows = [
            {"id": number, "embedding": vector, "path": str(path), "label": path.parent.name}
            for number, (vector, path) in enumerate(zip(vectors, batch), at)
        ]
        client.insert("pictures", rows)
    client.flush("pictures")
    return {"seconds": time.perf_counter() - start, "count": len(paths)}


def warmer(picture):
    """The hue turned by an eighth of the circle, and a fifth more light."""
    hue, saturation, value = picture.convert("HSV").split()
    turned = Image.merge("HSV", (hue.point(lambda level: (level + 32) % 256), saturation, value)).convert("RGB")
    return ImageEnhance.Brightness(turned).enhance(1.2)


def crop(picture):
    """The middle, eight tenths of each side."""
    width, height = picture.size
    return picture.crop((round(width * 0.1), round(height * 0.1), round(width * 0.9), round(height * 0.9)))


def half(picture):
    width, height = picture.size
    return picture.resize((max(1, width // 2), max(1, height // 2)), Image.Resampling.BILINEAR)


def turned(degrees):
    return lambda picture: picture.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor="white")


EDITS = {
    "crop to 80 %": crop,
    "flip": ImageOps.mirror,
    "half the size": half,
    "turn by +5°": turned(5),
    "turn by −5°": turned(-5),
    "JPEG of quality 30": lambda picture: picture,
    "hue and brightness": warmer,
}


def edit(task):
    """Makes an edited copy of each picture, by kind of edit. Made once: the same pictures give the same copies."""
    made = {}
    for kind, (name, work) in enumerate(EDITS.items()):
        folder = Path(task["folder"]) / str(kind)
        folder.mkdir(parents=True, exist_ok=True)
        is_jpeg = name.startswith("JPEG")
        made[name] = []
        for source in task["pictures"]:
            named = hashlib.sha256(source.encode()).hexdigest()[:16]
            path = folder / f"{named}.{'jpg' if is_jpeg else 'png'}"
            if not path.exists():
                unfinished = folder / "unfinished"
                options = {"format": "JPEG", "quality": 30} if is_jpeg else {"format": "PNG"}
                work(open_picture(source)).save(unfinished, **options)
                unfinished.rename(path)
            made[name].append(str(path))
    return {"made": made}


def embed(session, paths):
    batches = [paths[at : at + BATCH] for at in range(0, len(paths), BATCH)]
    tensors = (np.stack([to_tensor(open_picture(path)) for path in batch]) for batch in batches)
    return np.concatenate([session.run(None, {"image": batch})[0] for batch in tensors])


def search(task):
    """For each picture, and for each edited copy, the numbers of the ten pictures most like it, itself left out for
    pictures: exactly, by all products."""
    session = load(task)
    known = embed(session, task["pictures"])
    known /= np.linalg.norm(known, axis=1, keepdims=True)
    nearest = lambda scores: np.argsort(-scores, axis=1, kind="stable")[:, :10].tolist()
    among = known @ known.T
    np.fill_diagonal(among, -2)
    edits = {name: nearest(embed(session, paths) @ known.T) for name, paths in task["edits"].items()}
    return {"pictures": nearest(among), "edits": edits}


task = json.loads(sys.argv[1])
answer = {"import": import_folder, "edit": edit, "search": search}[task["task"]](task)
print(json.dumps(answer), flush=True)
