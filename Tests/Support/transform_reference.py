"""transform_reference.py DIRECTORY IMAGE OPERATION...: what Pillow, SciPy and NumPy make of an image.

An operation is a name and a number: jpeg420:75, webp:50, bicubic:100x70, blur:1.5, lowpass:0.5. For each one a line is
printed: the operation, width, height and the file that holds the RGB pixels. The first line is the image itself: the
middle of the file's, at most 151x107, since tests run without optimization.
"""
import io
import os
import sys

import numpy
from PIL import Image
from scipy import ndimage


def recompressed(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return Image.open(stream).convert("RGB")


def blurred(image, sigma):
    pixels = numpy.asarray(image).astype(float)
    planes = [ndimage.gaussian_filter(pixels[..., channel], sigma) for channel in range(3)]
    return Image.fromarray(numpy.clip(numpy.rint(numpy.stack(planes, -1)), 0, 255).astype(numpy.uint8))


def low_passed(image, cutoff):
    pixels = numpy.asarray(image).astype(float)
    down, across = numpy.fft.fftfreq(pixels.shape[0]), numpy.fft.fftfreq(pixels.shape[1])
    keep = numpy.hypot(down[:, None], across[None, :]) <= cutoff / 2
    filtered = numpy.fft.ifft2(numpy.fft.fft2(pixels, axes=(0, 1)) * keep[..., None], axes=(0, 1)).real
    return Image.fromarray(numpy.clip(numpy.rint(filtered), 0, 255).astype(numpy.uint8))


def size(text):
    return tuple(int(side) for side in text.split("x"))


OPERATIONS = {
    "jpeg444": lambda image, value: recompressed(image, "JPEG", quality=int(value), subsampling=0),
    "jpeg422": lambda image, value: recompressed(image, "JPEG", quality=int(value), subsampling=1),
    "jpeg420": lambda image, value: recompressed(image, "JPEG", quality=int(value), subsampling=2),
    "webp": lambda image, value: recompressed(image, "WEBP", quality=int(value)),
    "bicubic": lambda image, value: image.resize(size(value), Image.BICUBIC),
    "bilinear": lambda image, value: image.resize(size(value), Image.BILINEAR),
    "blur": lambda image, value: blurred(image, float(value)),
    "lowpass": lambda image, value: low_passed(image, float(value)),
}

directory, path = sys.argv[1:3]
original = Image.open(path).convert("RGB")
width, height = min(original.width, 151), min(original.height, 107)
left, top = (original.width - width) // 2, (original.height - height) // 2
original = original.crop((left, top, left + width, top + height))
for number, operation in enumerate(["image:"] + sys.argv[3:]):
    name, value = operation.split(":")
    result = OPERATIONS[name](original, value) if name in OPERATIONS else original
    file = os.path.join(directory, "%d.rgb" % number)
    open(file, "wb").write(result.tobytes())
    print(operation, *result.size, file, sep="\t")
