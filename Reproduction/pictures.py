"""What has to happen to pixels before staypos sees them: tiles, WEBP on purpose, pasted regions. Pillow does it.

Everything that is random depends on a file's name and a seed alone, so that it is the same in every run.
"""

import hashlib
import io
import math
import os
import pathlib
import random
import re
import warnings

import numpy
from PIL import Image, JpegImagePlugin

Image.MAX_IMAGE_PIXELS = None
# Transparency is dropped, as staypos drops it.
warnings.filterwarnings("ignore", message="Palette images with Transparency")
# A tile whose grey values differ less than this (standard deviation, of 255) shows next to nothing.
FLAT = 4


def generator(seed, *names):
    return random.Random(hashlib.sha256("\0".join([str(seed), *map(str, names)]).encode()).digest())


def save(image, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    image.save(part, "PNG")
    os.replace(part, path)


def source_name(row):
    """A directory's name for a row's package or repository."""
    return row["source"].split("=")[0].split("@")[0].replace(":", "-").replace("/", "+")


def row_name(row):
    """What the squares of a row of a manifest are called: after its source and its file, and its place in a grid."""
    return f"{source_name(row)}-{row['sha256'][:12]}" + (f".{row['tile']}" if row.get("tile") else "")


def area(row):
    """The picture's rectangle (left, top, right, bottom) in its file: of a grid's tile, WIDTHxHEIGHT+X+Y, or all of it."""
    if not row.get("tile"):
        return 0, 0, int(row["width"]), int(row["height"])
    width, height, x, y = map(int, re.fullmatch(r"(\d+)x(\d+)\+(\d+)\+(\d+)", row["tile"]).groups())
    return x, y, x + width, y + height


def picture_name(square):
    """What the squares of one picture have in common, of the name of one, or of what was made of it."""
    return pathlib.PurePath(square).name.removesuffix(".png").removesuffix(".png").rsplit("-", 2)[0]


def tiles(row, data, folder, side, count, seed):
    """Cuts up to `count` squares that do not overlap, at multiples of 16 pixels (a JPEG's blocks stay whole, those of
    halved colours too), without resizing. Their paths; a picture that is too small has none. What is there is not made
    again."""
    name = row_name(row)
    target = pathlib.Path(folder) / source_name(row)
    done = pathlib.Path(f"{folder}.done", name)
    if done.exists():
        return sorted(target.glob(f"{name}-*.png"))
    image = Image.open(pathlib.Path(data) / row["path"]).convert("RGB")
    left, top, right, bottom = area(row)
    left, top = -(-left // 16) * 16, -(-top // 16) * 16
    size = right - left, bottom - top
    places = [(x, y) for y in range(0, size[1] - side + 1, side) for x in range(0, size[0] - side + 1, side)]
    chance = generator(seed, row["sha256"])
    slack = [(length % side) // 16 for length in size]
    shift = [16 * chance.randint(0, room) if length >= side else 0 for room, length in zip(slack, size)]
    chance.shuffle(places)
    made = []
    for x, y in ((left + x + shift[0], top + y + shift[1]) for x, y in places):
        tile = image.crop((x, y, x + side, y + side))
        if numpy.asarray(tile.convert("L")).std() >= FLAT:
            path = target / f"{name}-{x}-{y}.png"
            save(tile, path)
            made.append(path)
        if len(made) == count:
            break
    done.parent.mkdir(parents=True, exist_ok=True)
    done.touch()
    return sorted(made)


def reduced(row, data, folder, side, seed):
    """A square of the picture made smaller: its shorter side between one and two squares then, three quarters of what it
    was at most. Its path in a list; of a picture that is too small none. What is there is not made again."""
    name = row_name(row)
    target = pathlib.Path(folder) / source_name(row)
    done = pathlib.Path(f"{folder}.done", name)
    if done.exists():
        return sorted(target.glob(f"{name}-*.png"))
    left, top, right, bottom = area(row)
    shorter = min(right - left, bottom - top)
    made = []
    if 0.75 * shorter >= side:
        chance = generator(seed, "reduced", name)
        scale = math.exp(chance.uniform(math.log(side), math.log(min(2 * side, 0.75 * shorter)))) / shorter
        picture = Image.open(pathlib.Path(data) / row["path"]).convert("RGB").crop((left, top, right, bottom))
        size = tuple(max(side, round(length * scale)) for length in picture.size)
        picture = picture.resize(size, chance.choice((Image.BILINEAR, Image.BICUBIC, Image.LANCZOS)))
        x, y = (chance.randint(0, length - side) for length in size)
        square = picture.crop((x, y, x + side, y + side))
        if numpy.asarray(square.convert("L")).std() >= FLAT:
            made.append(target / f"{name}-{size[0]}x{size[1]}-{x}+{y}.png")
            save(square, made[0])
    done.parent.mkdir(parents=True, exist_ok=True)
    done.touch()
    return made


def jpeg_history(path):
    """What left traces in a JPEG's pixels: its quantization tables, and the subsampling of its colours as Pillow counts
    it (-1: as libjpeg does it). None for other formats."""
    with Image.open(path) as image:
        if not getattr(image, "quantization", None):
            return None
        tables = [list(image.quantization[key]) for key in sorted(image.quantization)]
        return {"tables": tables, "subsampling": JpegImagePlugin.get_sampling(image)}


def repeat_history(image, history):
    """Compresses and decodes an image as a JPEG of that history was."""
    memory = io.BytesIO()
    image.save(memory, "JPEG", qtables=history["tables"], subsampling=history["subsampling"])
    return Image.open(memory).convert("RGB")


def webp(source, target, qualities, seed):
    """Compresses and decodes an image, at a quality that its name decides."""
    if target.exists():
        return
    quality = generator(seed, "webp", target.name).randint(*qualities)
    memory = io.BytesIO()
    Image.open(source).convert("RGB").save(memory, "WEBP", quality=quality)
    save(Image.open(memory).convert("RGB"), target)


def inpaint(real, fake, target, mask, share, seed):
    """Pastes one rectangle of `fake`, with a share of the pixels, over `real`."""
    if target.exists() and mask.exists():
        return
    below, above = Image.open(real).convert("RGB"), Image.open(fake).convert("RGB")
    chance = generator(seed, "inpaint", target.name)
    ratio = chance.uniform(0.6, 1.0 / 0.6)
    width = min(below.width, round((share * below.width * below.height * ratio) ** 0.5))
    height = min(below.height, round(share * below.width * below.height / width))
    x, y = chance.randint(0, below.width - width), chance.randint(0, below.height - height)
    box = (x, y, x + width, y + height)
    below.paste(above.crop(box), box)
    marks = Image.new("L", below.size, 0)
    marks.paste(255, box)
    save(marks, mask)
    save(below, target)
