"""Pillow's, NumPy's and SciPy's results for the augmentations of TrainingTests.

    augmentation_reference.py OPERATION WIDTH HEIGHT INPUT OUTPUT ARGUMENTS…

reads and writes raw 8-bit RGB.
"""

import io
import sys

import numpy
from PIL import Image, ImageEnhance


def hue(image, share):
    h, s, v = image.convert("HSV").split()
    values = numpy.array(h, dtype=numpy.uint8)
    with numpy.errstate(over="ignore"):
        values += numpy.int32(int(share * 255)).astype(numpy.uint8)
    return Image.merge("HSV", (Image.fromarray(values, "L"), s, v)).convert("RGB")


def jpeg(image, quality):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=int(quality))
    return Image.open(buffer).convert("RGB")


def webp(image, quality):
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=int(quality))
    return Image.open(buffer).convert("RGB")


def blur(image, sigma):
    from scipy.ndimage import gaussian_filter

    values = numpy.asarray(image).astype(numpy.float64)
    channels = [gaussian_filter(values[:, :, index], sigma) for index in range(3)]
    return Image.fromarray(numpy.clip(numpy.rint(numpy.stack(channels, 2)), 0, 255).astype(numpy.uint8))


def pad(image, side):
    values = numpy.asarray(image)
    missing = [max(0, int(side) - length) for length in values.shape[:2]]
    sides = [(length // 2, length - length // 2) for length in missing]
    return Image.fromarray(numpy.pad(values, sides + [(0, 0)], mode="symmetric"))


OPERATIONS = {
    "brightness": lambda image, x: ImageEnhance.Brightness(image).enhance(x),
    "contrast": lambda image, x: ImageEnhance.Contrast(image).enhance(x),
    "saturation": lambda image, x: ImageEnhance.Color(image).enhance(x),
    "hue": hue,
    "grey": lambda image: image.convert("L").convert("RGB"),
    "jpeg": jpeg,
    "webp": webp,
    "resize": lambda image, width, height: image.resize((int(width), int(height)), Image.BILINEAR),
    "rotate": lambda image, turns: Image.fromarray(numpy.rot90(numpy.asarray(image), int(turns)).copy()),
    "flip": lambda image: image.transpose(Image.FLIP_LEFT_RIGHT),
    "blur": blur,
    "pad": pad,
}

name, width, height, source, target = sys.argv[1:6]
pixels = numpy.fromfile(source, dtype=numpy.uint8).reshape(int(height), int(width), 3)
result = OPERATIONS[name](Image.fromarray(pixels), *map(float, sys.argv[6:]))
numpy.asarray(result).tofile(target)
