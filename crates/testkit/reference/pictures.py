"""The reference for pictures: Pillow's decoding, and its resizing the way torchvision asks for it.

Reads a request as JSON from standard input:

    {"files": [...]}                  each decoded: width and height as u32, then RGB bytes
    {"files": [...], "tower": {...}}  each prepared for a model, as u8 or f32
    {"make": folder}                  writes pictures of every kind into a folder, for the first request
"""

import json
import random
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from vectors import decoded, prepared


def make(folder):
    """One picture in every dress: formats, modes, orientations."""
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(3)
    picture = Image.new("RGB", (61, 40), (250, 240, 230))
    for _ in range(30):
        x, y, colour = chance.randrange(50), chance.randrange(30), tuple(chance.randrange(256) for _ in range(3))
        picture.paste(colour, (x, y, x + chance.randrange(3, 20), y + chance.randrange(3, 15)))
    picture = picture.resize((610, 400), Image.Resampling.BICUBIC)
    alpha = Image.linear_gradient("L").resize(picture.size)
    clear = picture.copy()
    clear.putalpha(alpha)
    grey = picture.convert("L")
    grey_clear = Image.merge("LA", (grey, alpha))
    palette = picture.quantize(64)
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)

    for name, mode in (("rgb", picture), ("grey", grey), ("rgba", clear), ("grey-alpha", grey_clear), ("palette", palette),
                       ("one-bit", picture.convert("1")), ("16-bit-grey", deep)):
        mode.save(folder / f"{name}.png")
    palette.save(folder / "palette-transparent.png", transparency=palette.getpixel((0, 0)))
    for name, mode in (("rgb", picture), ("grey", grey), ("rgba", clear), ("16-bit-grey", deep), ("one-bit", picture.convert("1"))):
        mode.save(folder / f"{name}.tiff")
    picture.save(folder / "lzw.tiff", compression="tiff_lzw")
    for name, mode in (("rgb", picture), ("grey", grey), ("palette", palette)):
        mode.save(folder / f"{name}.bmp")
    picture.save(folder / "lossless.webp", lossless=True)
    clear.save(folder / "rgba-lossless.webp", lossless=True, exact=True)
    picture.save(folder / "lossy.webp", quality=90)
    palette.save(folder / "one-frame.gif")
    others = [picture.rotate(angle).quantize(64) for angle in (90, 180)]
    palette.save(folder / "animated.gif", save_all=True, append_images=others, duration=50)
    picture.save(folder / "animated.webp", save_all=True, append_images=[picture.rotate(90)], lossless=True)

    picture.save(folder / "rgb.jpg", quality=92)
    picture.save(folder / "444.jpg", quality=92, subsampling=0)
    picture.save(folder / "progressive.jpg", quality=92, progressive=True)
    picture.save(folder / "restarts.jpg", quality=92, restart_marker_rows=1)
    grey.save(folder / "grey.jpg", quality=92)
    picture.convert("CMYK").save(folder / "cmyk.jpg", quality=92)
    picture.resize((1, 1)).save(folder / "one-pixel.png")
    picture.resize((611, 3)).save(folder / "long.jpg", quality=92)
    picture.save(folder / "a png by name.png", format="JPEG", quality=92)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        picture.save(folder / f"orientation-{orientation}.jpg", quality=92, exif=exif)
        for ending in ("png", "webp", "tiff"):
            options = {"lossless": True} if ending == "webp" else {}
            picture.save(folder / f"orientation-{orientation}.{ending}", exif=exif, **options)


if __name__ == "__main__":
    request = json.load(sys.stdin)
    out = sys.stdout.buffer
    if "make" in request:
        make(Path(request["make"]))
    for path in request.get("files", []):
        if "tower" in request:
            out.write(prepared(path, request["tower"]).tobytes())
        else:
            picture = decoded(path)
            out.write(np.array(picture.size, "<u4").tobytes() + picture.tobytes())
