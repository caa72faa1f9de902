"""The OFA-MobileNetV3 w1.0 ImageNet supernet with random weights: its state dictionary, and its subnets as ONNX.

Run as a program it writes the checkpoint that `shoal import` reads.
"""
import argparse
import json
import pathlib

import numpy

from . import checkpoint
from .graph import Graph

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAYOUT = ROOT / "Tests/ModelImportTests/Fixtures/ofa_mbv3_w1.0_tensor_names.tsv"
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
STRIDES = [2, 2, 2, 1, 2]
WIDTHS = [24, 40, 80, 112, 160]
HARD_SWISH = [False, False, True, True, True]
SQUEEZE_EXCITE = [False, True, False, True, True]
POSITIONS = 4


def configuration(resolution, depth, kernel, expand):
    """A uniform subnet, as `--subnet` takes it."""
    count = POSITIONS * len(STRIDES)
    return {"resolution": resolution, "depths": [depth] * len(STRIDES), "kernelSizes": [kernel] * count,
            "expandRatios": [expand] * count}


def largest(resolution):
    return configuration(resolution, 4, 7, 6)


def smallest(resolution):
    return configuration(resolution, 2, 3, 3)


def random_subnets(count, seed=1, resolutions=(160, 224)):
    """The largest, the smallest, and others of random dimensions."""
    random = numpy.random.default_rng(seed)
    subnets = [largest(resolutions[-1]), smallest(resolutions[0])]
    positions = POSITIONS * len(STRIDES)
    while len(subnets) < count:
        subnets.append({"resolution": int(random.choice(resolutions)),
                        "depths": random.choice([2, 3, 4], len(STRIDES)).tolist(),
                        "kernelSizes": random.choice([3, 5, 7], positions).tolist(),
                        "expandRatios": random.choice([3, 4, 6], positions).tolist()})
    return subnets


def state_dictionary(seed=1):
    """Random weights whose activations stay near unit size through the network."""
    random = numpy.random.default_rng(seed)
    arrays = {}
    for line in LAYOUT.read_text().splitlines():
        name, kind, dimensions = line.rstrip("\n").split("\t")
        shape = tuple(int(part) for part in dimensions.split("x")) if dimensions else ()
        arrays[name] = value(name, kind, shape, random)
    return arrays


def value(name, kind, shape, random):
    if kind == "int64":
        return numpy.zeros(shape, numpy.int64)
    if name.endswith("_matrix"):
        result = numpy.eye(shape[0]) + 0.02 * random.standard_normal(shape)
    elif name.endswith("running_var"):
        result = random.uniform(0.5, 1.5, shape)
    elif name.endswith("bn.weight"):
        # A residual branch adds little, else the sum of many would grow without bound.
        result = random.uniform(0.8, 1.2, shape) * (0.4 if "point_linear" in name else 1)
    elif name.endswith((".bias", "running_mean")):
        result = 0.1 * random.standard_normal(shape)
    else:
        fan_in = int(numpy.prod(shape[1:]))
        result = random.standard_normal(shape)
        if fan_in > 49:
            # Activations have a mean; filters that pass it on would in the end answer the same to every image.
            result -= result.mean(axis=1, keepdims=True)
        result *= (2.5 / fan_in) ** 0.5
    return result.astype(numpy.float32)


def divisible(number, divisor=8):
    rounded = max(divisor, int(number + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * number else rounded


class Subnet:
    """Writes one subnet with batch normalisation folded into the weights, as exporters do."""

    def __init__(self, arrays, subnet):
        self.arrays, self.subnet = arrays, subnet
        self.graph = Graph([3, subnet["resolution"], subnet["resolution"]])

    def folded(self, weight, norm):
        channels = weight.shape[0]
        gamma, beta, mean, variance = (
            self.arrays[f"{norm}.{part}"][:channels].astype(numpy.float64)
            for part in ("weight", "bias", "running_mean", "running_var"))
        factor = gamma / numpy.sqrt(variance + 1e-5)
        return weight * factor.reshape(-1, 1, 1, 1), beta - mean * factor

    def convolution(self, x, weight, norm, **options):
        weight, bias = self.folded(weight, norm)
        return self.graph.convolution(x, weight, bias, **options)

    def depthwise_weight(self, prefix, kernel, channels):
        weight = self.arrays[prefix + ".conv.weight"]
        for size, smaller in ((7, 5), (5, 3)):
            if kernel < size:
                margin = (size - smaller) // 2
                centre = weight[:, :, margin:size - margin, margin:size - margin]
                matrix = self.arrays[f"{prefix}.{size}to{smaller}_matrix"]
                weight = (centre.reshape(-1, smaller ** 2) @ matrix.T).reshape(-1, 1, smaller, smaller)
        return weight[:channels]

    def squeeze_excite(self, x, prefix, mid):
        squeeze = divisible(mid / 4)
        reduce, expand = (self.arrays[f"{prefix}.{part}.weight"] for part in ("reduce", "expand"))
        gate = self.graph.convolution(
            self.graph.pool(x), reduce[:squeeze, :mid], self.arrays[prefix + ".reduce.bias"][:squeeze], "Relu")
        gate = self.graph.convolution(
            gate, expand[:mid, :squeeze], self.arrays[prefix + ".expand.bias"][:mid], "HardSigmoid")
        return self.graph.node("Mul", [x, gate])

    def block(self, x, stage, position, entry):
        index = stage * POSITIONS + position
        prefix = f"blocks.{index + 1}.conv"
        kernel = self.subnet["kernelSizes"][index]
        mid = divisible(entry * self.subnet["expandRatios"][index])
        activation = "HardSwish" if HARD_SWISH[stage] else "Relu"
        stride = STRIDES[stage] if position == 0 else 1
        name = prefix + ".inverted_bottleneck"
        y = self.convolution(x, self.arrays[name + ".conv.conv.weight"][:mid], name + ".bn.bn", activation=activation)
        name = prefix + ".depth_conv"
        y = self.convolution(y, self.depthwise_weight(name + ".conv", kernel, mid), name + ".bn.bn",
                             activation=activation, stride=stride, groups=mid)
        if SQUEEZE_EXCITE[stage]:
            y = self.squeeze_excite(y, name + ".se.fc", mid)
        name = prefix + ".point_linear"
        y = self.convolution(y, self.arrays[name + ".conv.conv.weight"][:, :mid], name + ".bn.bn")
        return self.graph.node("Add", [x, y]) if stride == 1 and entry == WIDTHS[stage] else y

    def write(self, path):
        x = self.convolution(self.graph.input, self.arrays["first_conv.conv.weight"], "first_conv.bn",
                             activation="HardSwish", stride=2)
        name = "blocks.0.conv.depth_conv"
        y = self.convolution(x, self.arrays[name + ".conv.weight"], name + ".bn", activation="Relu", groups=16)
        name = "blocks.0.conv.point_linear"
        x = self.graph.node("Add", [x, self.convolution(y, self.arrays[name + ".conv.weight"], name + ".bn")])
        entry = 16
        for stage, depth in enumerate(self.subnet["depths"]):
            for position in range(depth):
                x = self.block(x, stage, position, entry)
                entry = WIDTHS[stage]
        x = self.convolution(x, self.arrays["final_expand_layer.conv.weight"], "final_expand_layer.bn",
                             activation="HardSwish")
        x = self.graph.convolution(
            self.graph.pool(x), self.arrays["feature_mix_layer.conv.weight"], None, "HardSwish")
        x = self.graph.linear(x, self.arrays["classifier.linear.weight"], self.arrays["classifier.linear.bias"])
        self.graph.write(path, x)


def write_onnx(arrays, subnet, path):
    Subnet(arrays, subnet).write(path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", help="the checkpoint to write (.pth)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--subnets", type=pathlib.Path, help="also write random subnets for `shoal bench --subnets`")
    parser.add_argument("--count", type=int, default=20)
    options = parser.parse_args()
    checkpoint.write(options.output, state_dictionary(options.seed))
    if options.subnets:
        options.subnets.write_text(json.dumps(random_subnets(options.count, options.seed)))
