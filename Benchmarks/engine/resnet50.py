"""resnet50-nodown with random weights: as a staypos model and as an ONNX graph."""

import json
import struct

import numpy as np

from graph import Graph

ARCHITECTURE = {
    "family": "resnet",
    "block": "bottleneck",
    "stem": {"kernel": 7, "stride": 1, "padding": 3, "pool": {"kernel": 3, "stride": 1, "padding": 1}},
    "widths": [64, 128, 256, 512],
    "depths": [3, 4, 6, 3],
    "strides": [1, 2, 2, 2],
}


def convolutions():
    """(name, BatchNorm's name, inputs, outputs, kernel) in the order of torchvision's state_dict."""
    yield "conv1", "bn1", 3, 64, 7
    inputs = 64
    for stage, (width, depth) in enumerate(zip(ARCHITECTURE["widths"], ARCHITECTURE["depths"]), start=1):
        for block in range(depth):
            name = f"layer{stage}.{block}"
            yield f"{name}.conv1", f"{name}.bn1", inputs, width, 1
            yield f"{name}.conv2", f"{name}.bn2", width, width, 3
            yield f"{name}.conv3", f"{name}.bn3", width, 4 * width, 1
            if block == 0:
                yield f"{name}.downsample.0", f"{name}.downsample.1", inputs, 4 * width, 1
            inputs = 4 * width


def weights(seed=0):
    random = np.random.default_rng(seed)
    tensors = {}
    for convolution, normalization, inputs, outputs, kernel in convolutions():
        deviation = np.sqrt(2 / (inputs * kernel * kernel))
        shape = (outputs, inputs, kernel, kernel)
        tensors[f"{convolution}.weight"] = random.normal(0, deviation, shape)
        # The last one of a branch is small, so that sums do not grow from block to block.
        last = normalization.endswith("bn3")
        tensors[f"{normalization}.weight"] = random.uniform(0.1, 0.3, outputs) if last else random.uniform(0.8, 1.2, outputs)
        tensors[f"{normalization}.bias"] = random.normal(0, 0.05, outputs)
        tensors[f"{normalization}.running_mean"] = random.normal(0, 0.1, outputs)
        tensors[f"{normalization}.running_var"] = random.uniform(0.8, 1.2, outputs)
    tensors["fc.weight"] = random.uniform(0, 0.01, (1, 2048))
    tensors["fc.bias"] = np.array([-1.0])
    return {name: values.astype("<f4") for name, values in tensors.items()}


def write_safetensors(tensors, path):
    header = {
        "__metadata__": {
            "format": "staypos-model",
            "format_version": "1",
            "name": "resnet50-nodown, random",
            "head": "positive",
            "threshold": "0.5",
            "architecture": json.dumps(ARCHITECTURE),
            "preprocessing": json.dumps({"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}),
        }
    }
    offset = 0
    for name, values in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [offset, offset + values.nbytes]}
        offset += values.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for values in tensors.values():
            file.write(values.tobytes())


def write_onnx(tensors, path):
    graph = Graph(tensors, epsilon=1e-5)
    value = graph.convolution("image", "conv1", "bn1", padding=(3, 3), activation="Relu")
    value = graph.node("MaxPool", [value], kernel_shape=[3, 3], strides=[1, 1], pads=[1] * 4)
    for stage, (depth, stride) in enumerate(zip(ARCHITECTURE["depths"], ARCHITECTURE["strides"]), start=1):
        for block in range(depth):
            name = f"layer{stage}.{block}"
            step = stride if block == 0 else 1
            shortcut = value
            if block == 0:
                shortcut = graph.convolution(value, f"{name}.downsample.0", f"{name}.downsample.1", step)
            inner = graph.convolution(value, f"{name}.conv1", f"{name}.bn1", activation="Relu")
            inner = graph.convolution(inner, f"{name}.conv2", f"{name}.bn2", step, (1, 1), activation="Relu")
            inner = graph.convolution(inner, f"{name}.conv3", f"{name}.bn3")
            value = graph.node("Relu", [graph.node("Add", [inner, shortcut])])
    graph.write(value, path)
