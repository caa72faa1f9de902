"""Writes quantised.onnx, a small network that ONNX Runtime's quantiser has put in its QOperator format, and beside it
what ONNX Runtime computes of three images: quantised.npy, one row of 864 input values and 10 results for each.

    python make_quantised.py      # needs numpy, onnx and onnxruntime
"""
import pathlib
import tempfile

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

random = numpy.random.default_rng(11)
initialisers, nodes = [], []


def weights(*shape, gain=1):
    name = f"w{len(initialisers)}"
    values = random.normal(0, gain * (2 / numpy.prod(shape[1:])) ** 0.5, shape).astype(numpy.float32)
    initialisers.append(numpy_helper.from_array(values, name))
    return name


def node(kind, inputs, **attributes):
    nodes.append(helper.make_node(kind, inputs, [f"v{len(nodes)}"], **attributes))
    return f"v{len(nodes) - 1}"


class Images(CalibrationDataReader):
    def __init__(self, images):
        self.images = iter(images)

    def get_next(self):
        image = next(self.images, None)
        return None if image is None else {"image": image}


x = node("Relu", [node("Conv", ["image", weights(8, 6, 3, 3), weights(8)], pads=[1, 1, 1, 1])])
x = node("MaxPool", [x], kernel_shape=[2, 2], strides=[2, 2])
y = node("Conv", [x, weights(8, 1, 3, 3)], pads=[1, 1, 1, 1], group=8)
y = node("LeakyRelu", [y], alpha=0.1)
x = node("Add", [x, y])
gate = node("Sigmoid", [node("Conv", [x, weights(8, 8, 1, 1), weights(8)])])
x = node("Concat", [node("Mul", [x, gate]), node("AveragePool", [x], kernel_shape=[3, 3], pads=[1, 1, 1, 1])], axis=1)
x = node("Flatten", [node("GlobalAveragePool", [x])])
x = node("Gemm", [x, weights(20, 16), weights(20)], transB=1)
x = node("MatMul", [x, weights(20, 10, gain=0.4)])
x = node("Softmax", [x])
graph = helper.make_graph(
    nodes, "quantised", [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 6, 12, 12])],
    [helper.make_tensor_value_info(x, TensorProto.FLOAT, [1, 10])], initialisers)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)

folder = pathlib.Path(__file__).parent
with tempfile.TemporaryDirectory() as scratch:
    path = f"{scratch}/float.onnx"
    onnx.save(model, path)
    images = [random.normal(0, 1, (1, 6, 12, 12)).astype(numpy.float32) for _ in range(8)]
    quantize_static(
        path, folder / "quantised.onnx", Images(images), quant_format=QuantFormat.QOperator, per_channel=True,
        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)
options = onnxruntime.SessionOptions()
options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
session = onnxruntime.InferenceSession(folder / "quantised.onnx", options, providers=["CPUExecutionProvider"])
rows = [numpy.concatenate([image.ravel(), session.run(None, {"image": image})[0].ravel()]) for image in images[:3]]
numpy.save(folder / "quantised.npy", numpy.stack(rows))
