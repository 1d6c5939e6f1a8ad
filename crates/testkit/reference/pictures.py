"""The reference for pictures: Pillow's decoding, and its resizing the way torchvision asks for it.

Reads a request as JSON from standard input:

    {"files": [...]}                  each decoded: width and height as u32, then RGB bytes
    {"files": [...], "tower": {...}}  each prepared for a model, as u8 or f32
    {"make": folder}                  writes pictures of every kind into a folder, for the first request
    {"takes": [...]}                  whether Pillow decodes each file: a byte, 1 or 0
"""

import io
import json
import random
import struct
import sys
import zlib
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
    for name, compression in (("raw", None), ("lzw", "tiff_lzw"), ("deflate", "tiff_adobe_deflate"), ("packbits", "packbits")):
        palette.save(folder / f"palette-{name}.tiff", compression=compression)
    picture.quantize(16).save(folder / "palette-16.tiff")
    few = picture.quantize(4)
    tiff(folder / "palette-4-bit.tiff", few, 3, 4, few.getpalette())
    tiff(folder / "palette-2-bit.tiff", few, 3, 2, few.getpalette())
    tiff(folder / "palette-1-bit.tiff", picture.quantize(2), 3, 1, picture.quantize(2).getpalette())
    tiff(folder / "grey-4-bit.tiff", grey.point(lambda value: value // 16), 1, 4)
    tiff(folder / "grey-2-bit.tiff", grey.point(lambda value: value // 64), 1, 2)
    tiff(folder / "white-is-zero-4-bit.tiff", grey.point(lambda value: value // 16), 0, 4)
    tiff(folder / "white-is-zero.tiff", grey, 0, 8)
    grey_clear.save(folder / "grey-alpha.tiff")
    picture.convert("CMYK").save(folder / "cmyk.tiff")
    picture.convert("YCbCr").save(folder / "ycbcr.tiff", compression="tiff_lzw")
    for name, mode in (("rgb", picture), ("ycbcr", picture.convert("YCbCr")), ("grey", grey)):
        mode.save(folder / f"jpeg-within-{name}.tiff", compression="jpeg", quality=92)
    within = io.BytesIO()
    picture.save(within, "JPEG", quality=92, subsampling=2)
    write_tiff(folder / "jpeg-within-halved.tiff", picture.size, within.getvalue(),
               {258: [8, 8, 8], 259: [7], 262: [6], 277: [3], 530: [2, 2]})
    picture.convert("1").save(folder / "fax.tiff", compression="group4")
    for name, mode in (("rgb", picture), ("grey", grey), ("palette", palette)):
        mode.save(folder / f"{name}.bmp")
    white = Image.new("RGBA", picture.size, (255, 255, 255, 0))
    white.paste((255, 255, 255, 255), (40, 30, 300, 200))
    white.paste((255, 255, 255, 90), (350, 230, 500, 320))
    for ending in ("png", "webp", "tiff"):
        white.save(folder / f"white-drawing.{ending}", **({"lossless": True, "exact": True} if ending == "webp" else {}))
    white.convert("LA").save(folder / "white-drawing-grey.png")
    white.quantize(8).save(folder / "white-drawing-palette.png")
    white.convert("P").save(folder / "white-drawing.gif", transparency=0)
    Image.new("RGBA", picture.size, (255, 255, 255, 0)).save(folder / "nothing.png")
    Image.new("RGBA", picture.size, (0, 0, 0, 0)).save(folder / "nothing-black.png")
    clear.save(folder / "animated-alpha.png", save_all=True, append_images=[clear.rotate(90)], duration=50)
    grey.save(folder / "grey-key.png", transparency=grey.getpixel((0, 0)))
    picture.save(folder / "rgb-key.png", transparency=picture.getpixel((0, 0)))
    for name, colour in (("rgb", 2), ("rgba", 6), ("grey-alpha", 4)):
        deep_png(folder / f"16-bit-{name}.png", colour, picture.size, chance)
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


def tiff(path, picture, photometric, bits, palette=None):
    """A TIFF of so many bits a pixel, which Pillow reads and does not write."""
    width, height = picture.size
    rows = np.asarray(picture).astype(np.uint8)
    if bits < 8:
        places = ((rows[:, :, None] >> np.arange(bits - 1, -1, -1)) & 1).reshape(height, width * bits)
        rows = np.packbits(places, axis=1)
    tags = {258: [bits], 259: [1], 262: [photometric], 277: [1]}
    if palette:
        count = 1 << bits
        palette = (palette + [0] * 768)[: 3 * count]
        tags[320] = [palette[3 * at + channel] * 257 for channel in range(3) for at in range(count)]
    write_tiff(path, (width, height), rows.tobytes(), tags)


def write_tiff(path, size, strip, tags):
    """A TIFF of one strip, with all values as 16 bits but for the strip's place and length."""
    width, height = size
    tags = {256: [width], 257: [height], 278: [height], **tags}
    strip += b"\0" * (len(strip) % 2)
    entries, longer = {273: struct.pack("<HHII", 273, 4, 1, 8), 279: struct.pack("<HHII", 279, 4, 1, len(strip))}, b""
    for tag, values in tags.items():
        packed = struct.pack(f"<{len(values)}H", *values)
        if len(packed) > 4:
            place = 8 + len(strip) + len(longer)
            longer, packed = longer + packed, struct.pack("<I", place)
        entries[tag] = struct.pack("<HHI", tag, 3, len(values)) + packed.ljust(4, b"\0")
    directory = struct.pack("<H", len(entries)) + b"".join(entry for _, entry in sorted(entries.items())) + b"\0" * 4
    path.write_bytes(b"II*\0" + struct.pack("<I", 8 + len(strip) + len(longer)) + strip + longer + directory)


def deep_png(path, colour, size, chance):
    """A PNG of 16 bits a channel, which Pillow reads and does not write."""
    (width, height), channels = size, {2: 3, 4: 2, 6: 4}[colour]
    rows = b"".join(b"\0" + chance.randbytes(width * channels * 2) for _ in range(height))
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    framed = (struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(framed))


def takes(path):
    try:
        decoded(path)
    except Exception:
        return False
    return True


if __name__ == "__main__":
    request = json.load(sys.stdin)
    out = sys.stdout.buffer
    if "make" in request:
        make(Path(request["make"]))
    out.write(bytes(takes(path) for path in request.get("takes", [])))
    for path in request.get("files", []):
        if "tower" in request:
            out.write(prepared(path, request["tower"]).tobytes())
        else:
            picture = decoded(path)
            out.write(np.array(picture.size, "<u4").tobytes() + picture.tobytes())
