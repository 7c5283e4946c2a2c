"""ONNX graphs of staypos models."""

import onnx
from onnx import TensorProto, helper, numpy_helper


class Graph:
    """Convolution, BatchNorm, activation, addition as PyTorch exports them; the runtime folds and fuses what it likes."""

    def __init__(self, tensors, epsilon):
        self.tensors = dict(tensors)
        self.epsilon = epsilon
        self.nodes = []
        self.constants = {}

    def node(self, kind, inputs, **attributes):
        output = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def convolution(self, source, name, normalization, stride=1, padding=(0, 0), activation=None):
        """padding: rows (and columns) of zeros before and after."""
        weight = self.tensors[f"{name}.weight"]
        groups = weight.shape[0] if weight.shape[1] == 1 else 1
        value = self.node(
            "Conv", [source, f"{name}.weight"], kernel_shape=list(weight.shape[2:]), strides=[stride] * 2,
            pads=[padding[0]] * 2 + [padding[1]] * 2, group=groups)
        parameters = [f"{normalization}.{part}" for part in ("weight", "bias", "running_mean", "running_var")]
        value = self.node("BatchNormalization", [value, *parameters], epsilon=self.epsilon)
        if activation == "Relu6":
            self.constants = {"zero": 0, "six": 6}
            return self.node("Clip", [value, *self.constants])
        return self.node(activation, [value]) if activation else value

    def write(self, features, path):
        """Pools the features, applies the head, and writes the file."""
        value = self.node("Flatten", [self.node("GlobalAveragePool", [features])])
        self.nodes.append(helper.make_node("Gemm", [value, "fc.weight", "fc.bias"], ["logit"], transB=1))
        constants = [helper.make_tensor(name, TensorProto.FLOAT, [], [value]) for name, value in self.constants.items()]
        graph = helper.make_graph(
            self.nodes, "staypos",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, "height", "width"])],
            [helper.make_tensor_value_info("logit", TensorProto.FLOAT, [1, 1])],
            [numpy_helper.from_array(values, name) for name, values in self.tensors.items()] + constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        onnx.checker.check_model(model)
        onnx.save(model, path)
