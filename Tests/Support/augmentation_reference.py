"""Pillow's and NumPy's results for the augmentations of TrainingTests.

    augmentation_reference.py OPERATION WIDTH HEIGHT INPUT OUTPUT ARGUMENTS…

reads and writes raw 8-bit RGB.
"""

import sys

import numpy
from PIL import Image, ImageEnhance


def hue(image, share):
    h, s, v = image.convert("HSV").split()
    values = numpy.array(h, dtype=numpy.uint8)
    with numpy.errstate(over="ignore"):
        values += numpy.int32(int(share * 255)).astype(numpy.uint8)
    return Image.merge("HSV", (Image.fromarray(values, "L"), s, v)).convert("RGB")


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
    "rotate": lambda image, turns: Image.fromarray(numpy.rot90(numpy.asarray(image), int(turns)).copy()),
    "flip": lambda image: image.transpose(Image.FLIP_LEFT_RIGHT),
    "pad": pad,
}

name, width, height, source, target = sys.argv[1:6]
pixels = numpy.fromfile(source, dtype=numpy.uint8).reshape(int(height), int(width), 3)
result = OPERATIONS[name](Image.fromarray(pixels), *map(float, sys.argv[6:]))
numpy.asarray(result).tofile(target)
