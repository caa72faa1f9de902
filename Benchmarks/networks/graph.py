"""A small writer of convolutional networks as ONNX: opset 17, float32, batch 1."""
import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17


class Graph:
    def __init__(self, shape):
        """`shape`: channels, height, width of the image."""
        self.input, self.nodes, self.constants = "image", [], []
        self.shape = [1, *shape]

    def constant(self, array):
        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(numpy.ascontiguousarray(array), name))
        return name

    def node(self, kind, inputs, **attributes):
        name = f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def activation(self, x, kind):
        if kind is None:
            return x
        if kind == "HardSigmoid":
            return self.node(kind, [x], alpha=1 / 6, beta=0.5)
        if kind == "Relu6":
            return self.node("Clip", [x, self.constant(numpy.float32(0)), self.constant(numpy.float32(6))])
        return self.node(kind, [x])

    def convolution(self, x, weight, bias=None, activation=None, stride=1, groups=1):
        kernel = weight.shape[2]
        inputs = [x, self.constant(weight.astype(numpy.float32))]
        if bias is not None:
            inputs.append(self.constant(bias.astype(numpy.float32)))
        y = self.node("Conv", inputs, kernel_shape=[kernel, kernel], strides=[stride, stride],
                      pads=[(kernel - 1) // 2] * 4, group=groups)
        return self.activation(y, activation)

    def pool(self, x):
        return self.node("GlobalAveragePool", [x])

    def linear(self, x, weight, bias):
        flat = self.node("Flatten", [x], axis=1)
        return self.node("Gemm", [flat, self.constant(weight), self.constant(bias)], transB=1)

    def write(self, path, output):
        self.nodes.append(helper.make_node("Identity", [output], ["logits"]))
        graph = helper.make_graph(
            self.nodes, "network", [helper.make_tensor_value_info(self.input, TensorProto.FLOAT, self.shape)],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, None)], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
        model = onnx.shape_inference.infer_shapes(model)
        onnx.checker.check_model(model)
        onnx.save(model, path)
