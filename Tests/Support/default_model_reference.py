"""What PyTorch makes of images with an EfficientNet-Lite model of ours.

    python3 default_model_reference.py MODEL IMAGE…

prints the logit of each whole image, a line each. Decoded by Pillow, alpha dropped; the network of torch_reference.py.
"""

import json
import struct
import sys

import numpy
import torch
from PIL import Image

import torch_reference


def read_safetensors(path):
    """(tensors of float32 by name, metadata)."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            first, last = entry["data_offsets"]
            values = numpy.frombuffer(data[first:last], "<f4").reshape(entry["shape"])
            tensors[name] = torch.from_numpy(values.copy())
    return tensors, header["__metadata__"]


def main(path, images):
    tensors, metadata = read_safetensors(path)
    weights, bias = tensors.pop("fc.weight")[0].double(), tensors.pop("fc.bias").double()
    network = torch_reference.EfficientNetLite(json.loads(metadata["architecture"])).eval()
    missing, unexpected = network.load_state_dict(tensors, strict=False)
    if unexpected or not all(name.endswith("num_batches_tracked") for name in missing):
        sys.exit(f"{path}: {missing} are missing, {unexpected} are not known")
    preprocessing = json.loads(metadata["preprocessing"])
    mean, std = (torch.tensor(preprocessing[key])[:, None, None] for key in ("mean", "std"))
    with torch.no_grad():
        for image in images:
            pixels = torch.from_numpy(numpy.array(Image.open(image).convert("RGB"))).permute(2, 0, 1)
            features = network(((pixels.float() / 255 - mean) / std)[None])[0].double().mean((1, 2))
            print(float(features @ weights + bias))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
