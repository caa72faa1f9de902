"""ResNet-18, MobileNetV3-Large and EfficientNet-Lite0 with random weights, as ONNX at 224x224."""
import numpy

from .graph import Graph
from .supernet import divisible


class Classifier:
    def __init__(self, seed):
        self.graph, self.random = Graph([3, 224, 224]), numpy.random.default_rng(seed)

    def convolution(self, x, inputs, outputs, kernel=1, stride=1, groups=1, activation=None, gain=1.0):
        fan_in = inputs // groups * kernel * kernel
        weight = self.random.standard_normal((outputs, inputs // groups, kernel, kernel))
        return self.graph.convolution(
            x, weight * gain * (2 / fan_in) ** 0.5, 0.1 * self.random.standard_normal(outputs), activation, stride,
            groups)

    def linear(self, x, inputs, outputs):
        weight = self.random.standard_normal((outputs, inputs)) * inputs ** -0.5
        return self.graph.linear(x, weight.astype(numpy.float32), numpy.zeros(outputs, numpy.float32))

    def inverted_bottleneck(self, x, inputs, mid, outputs, kernel, stride, activation, has_squeeze):
        y = self.convolution(x, inputs, mid, activation=activation) if mid != inputs else x
        y = self.convolution(y, mid, mid, kernel, stride, groups=mid, activation=activation)
        if has_squeeze:
            squeeze = divisible(mid / 4)
            gate = self.convolution(self.graph.pool(y), mid, squeeze, activation="Relu")
            y = self.graph.node("Mul", [y, self.convolution(gate, squeeze, mid, activation="HardSigmoid")])
        y = self.convolution(y, mid, outputs, gain=0.4)
        return self.graph.node("Add", [x, y]) if stride == 1 and inputs == outputs else y


def resnet18(path):
    """He et al. 2016, table 1."""
    c = Classifier(18)
    x = c.convolution(c.graph.input, 3, 64, 7, 2, activation="Relu")
    x = c.graph.node("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    inputs = 64
    for width, first in ((64, 1), (128, 2), (256, 2), (512, 2)):
        for stride in (first, 1):
            y = c.convolution(x, inputs, width, 3, stride, activation="Relu")
            y = c.convolution(y, width, width, 3, gain=0.4)
            skip = c.convolution(x, inputs, width, 1, stride) if stride != 1 or inputs != width else x
            x = c.graph.node("Relu", [c.graph.node("Add", [y, skip])])
            inputs = width
    c.graph.write(path, c.linear(c.graph.pool(x), 512, 1000))


# Kernel, mid, output, squeeze-and-excite, hard swish, stride: Howard et al. 2019, table 1.
MOBILENET_V3_LARGE = [
    (3, 16, 16, 0, 0, 1), (3, 64, 24, 0, 0, 2), (3, 72, 24, 0, 0, 1), (5, 72, 40, 1, 0, 2), (5, 120, 40, 1, 0, 1),
    (5, 120, 40, 1, 0, 1), (3, 240, 80, 0, 1, 2), (3, 200, 80, 0, 1, 1), (3, 184, 80, 0, 1, 1), (3, 184, 80, 0, 1, 1),
    (3, 480, 112, 1, 1, 1), (3, 672, 112, 1, 1, 1), (5, 672, 160, 1, 1, 2), (5, 960, 160, 1, 1, 1),
    (5, 960, 160, 1, 1, 1),
]


def mobilenet_v3_large(path):
    c = Classifier(3)
    x, inputs = c.convolution(c.graph.input, 3, 16, 3, 2, activation="HardSwish"), 16
    for kernel, mid, outputs, squeeze, swish, stride in MOBILENET_V3_LARGE:
        x = c.inverted_bottleneck(
            x, inputs, mid, outputs, kernel, stride, "HardSwish" if swish else "Relu", bool(squeeze))
        inputs = outputs
    x = c.convolution(x, 160, 960, activation="HardSwish")
    x = c.convolution(c.graph.pool(x), 960, 1280, activation="HardSwish")
    c.graph.write(path, c.linear(x, 1280, 1000))


# Expand ratio, kernel, output, blocks, stride of the first: Tan and Le 2019, table 1, without squeeze-and-excite.
EFFICIENTNET_LITE0 = [
    (1, 3, 16, 1, 1), (6, 3, 24, 2, 2), (6, 5, 40, 2, 2), (6, 3, 80, 3, 2), (6, 5, 112, 3, 1), (6, 5, 192, 4, 2),
    (6, 3, 320, 1, 1),
]


def efficientnet_lite0(path):
    c = Classifier(0)
    x, inputs = c.convolution(c.graph.input, 3, 32, 3, 2, activation="Relu6"), 32
    for expand, kernel, outputs, blocks, first in EFFICIENTNET_LITE0:
        for block in range(blocks):
            x = c.inverted_bottleneck(
                x, inputs, expand * inputs, outputs, kernel, first if block == 0 else 1, "Relu6", False)
            inputs = outputs
    x = c.convolution(x, 320, 1280, activation="Relu6")
    c.graph.write(path, c.linear(c.graph.pool(x), 1280, 1000))


ALL = {"resnet18": resnet18, "mobilenet-v3-large": mobilenet_v3_large, "efficientnet-lite0": efficientnet_lite0}
