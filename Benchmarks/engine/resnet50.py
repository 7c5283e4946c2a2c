"""resnet50-nodown with random weights: as a staypos model and as an ONNX graph."""

import json
import struct

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from peers import MEAN, STD

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
            "preprocessing": json.dumps({"mean": MEAN, "std": STD}),
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
    """Convolution, BatchNorm, ReLU, addition as PyTorch exports them; the runtime folds and fuses what it likes."""
    nodes = []

    def node(kind, inputs, **attributes):
        output = f"v{len(nodes)}"
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def convolution(source, name, normalization, kernel, stride=1, relu=True):
        padding = kernel // 2
        value = node(
            "Conv", [source, f"{name}.weight"], kernel_shape=[kernel, kernel], strides=[stride, stride],
            pads=[padding] * 4)
        parameters = [f"{normalization}.{part}" for part in ("weight", "bias", "running_mean", "running_var")]
        value = node("BatchNormalization", [value, *parameters], epsilon=1e-5)
        return node("Relu", [value]) if relu else value

    value = convolution("image", "conv1", "bn1", 7)
    value = node("MaxPool", [value], kernel_shape=[3, 3], strides=[1, 1], pads=[1] * 4)
    for stage, (depth, stride) in enumerate(zip(ARCHITECTURE["depths"], ARCHITECTURE["strides"]), start=1):
        for block in range(depth):
            name = f"layer{stage}.{block}"
            step = stride if block == 0 else 1
            shortcut = value
            if block == 0:
                shortcut = convolution(value, f"{name}.downsample.0", f"{name}.downsample.1", 1, step, relu=False)
            inner = convolution(value, f"{name}.conv1", f"{name}.bn1", 1)
            inner = convolution(inner, f"{name}.conv2", f"{name}.bn2", 3, step)
            inner = convolution(inner, f"{name}.conv3", f"{name}.bn3", 1, relu=False)
            value = node("Relu", [node("Add", [inner, shortcut])])
    value = node("Flatten", [node("GlobalAveragePool", [value])])
    nodes.append(helper.make_node("Gemm", [value, "fc.weight", "fc.bias"], ["logit"], transB=1))

    graph = helper.make_graph(
        nodes, "resnet50-nodown",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, "height", "width"])],
        [helper.make_tensor_value_info("logit", TensorProto.FLOAT, [1, 1])],
        [numpy_helper.from_array(values, name) for name, values in tensors.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, path)
