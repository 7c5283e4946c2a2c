"""A staypos model of the EfficientNet-Lite family as an ONNX graph."""

import json

from graph import Graph


def same(kernel, stride):
    """TensorFlow's padding of an even image: the odd pixel behind."""
    total = max(kernel - stride, 0)
    return total // 2, total - total // 2


def write_onnx(metadata, tensors, path):
    architecture = json.loads(metadata["architecture"])
    graph = Graph(tensors, epsilon=1e-3)
    stem = architecture["stem"]
    value = graph.convolution(
        "image", "_conv_stem", "_bn0", stem["stride"], same(stem["kernel"], stem["stride"]), "Relu6")
    width, index = stem["width"], 0
    for stage in architecture["blocks"]:
        for repetition in range(stage["repeats"]):
            name, stride = f"_blocks.{index}", stage["stride"] if repetition == 0 else 1
            inner = value
            if stage["expand"] != 1:
                inner = graph.convolution(inner, f"{name}._expand_conv", f"{name}._bn0", activation="Relu6")
            inner = graph.convolution(
                inner, f"{name}._depthwise_conv", f"{name}._bn1", stride, same(stage["kernel"], stride), "Relu6")
            inner = graph.convolution(inner, f"{name}._project_conv", f"{name}._bn2")
            value = graph.node("Add", [inner, value]) if stride == 1 and width == stage["width"] else inner
            width, index = stage["width"], index + 1
    graph.write(graph.convolution(value, "_conv_head", "_bn1", activation="Relu6"), path)
