"""Convolutional networks and a transformer of many kinds with random weights, as ONNX at 224x224."""
import numpy

from .classifiers import Classifier


def pool(c, x, kernel=3, stride=2, pad=0, rounds_up=False):
    return c.graph.node("MaxPool", [x], kernel_shape=[kernel, kernel], strides=[stride, stride], pads=[pad] * 4,
                        ceil_mode=int(rounds_up))


def average(c, x, kernel=2):
    return c.graph.node("AveragePool", [x], kernel_shape=[kernel, kernel], strides=[kernel, kernel])


def concat(c, parts):
    return c.graph.node("Concat", parts, axis=1)


def numbers(c, *values):
    return c.graph.constant(numpy.array(values, numpy.int64))


def normal(c, *shape, size=1.0):
    return c.graph.constant((c.random.standard_normal(shape) * size).astype(numpy.float32))


def batch_norm(c, x, channels):
    positive = c.graph.constant((0.75 + c.random.random(channels)).astype(numpy.float32))
    return c.graph.node("BatchNormalization", [x, positive, normal(c, channels, size=0.1),
                                               normal(c, channels, size=0.1), positive])


def head(c, x, channels, classes=1000):
    return c.linear(c.graph.pool(x), channels, classes)


def squeezenet(c):
    """SqueezeNet 1.1, Iandola et al. 2016, with its softmax."""
    x = pool(c, c.convolution(c.graph.input, 3, 64, 3, 2, activation="Relu"), rounds_up=True)
    inputs = 64
    for index, (squeezed, expanded) in enumerate(
            [(16, 64)] * 2 + [(32, 128)] * 2 + [(48, 192)] * 2 + [(64, 256)] * 2):
        if index in (2, 4):
            x = pool(c, x, rounds_up=True)
        y = c.convolution(x, inputs, squeezed, activation="Relu")
        x = concat(c, [c.convolution(y, squeezed, expanded, kernel, activation="Relu") for kernel in (1, 3)])
        inputs = 2 * expanded
    x = c.graph.node("Flatten", [c.graph.pool(c.convolution(x, inputs, 1000, activation="Relu"))])
    return c.graph.node("Softmax", [x], axis=1)


def densenet121(c):
    """Huang et al. 2017, table 1; batch normalisation before the 1x1 convolutions as its own node."""
    x = pool(c, c.convolution(c.graph.input, 3, 64, 7, 2, activation="Relu"), pad=1)
    channels = 64
    for block, layers in enumerate((6, 12, 24, 16)):
        parts, count = [x], channels
        for _ in range(layers):
            y = concat(c, parts) if len(parts) > 1 else parts[0]
            y = c.graph.node("Relu", [batch_norm(c, y, count)])
            y = c.convolution(y, count, 128, activation="Relu")
            parts.append(c.convolution(y, 128, 32, 3))
            count += 32
        x = c.graph.node("Relu", [batch_norm(c, concat(c, parts), count)])
        channels = count
        if block < 3:
            channels = count // 2
            x = average(c, c.convolution(x, count, channels))
    return head(c, x, channels)


def googlenet(c):
    """Szegedy et al. 2015, table 1, without response normalisation and with batch normalisation folded."""
    x = pool(c, c.convolution(c.graph.input, 3, 64, 7, 2, activation="Relu"), rounds_up=True)
    x = c.convolution(c.convolution(x, 64, 64, activation="Relu"), 64, 192, 3, activation="Relu")
    x = pool(c, x, rounds_up=True)
    inputs = 192
    for index, (one, r3, three, r5, five, pooled) in enumerate((
            (64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64), (192, 96, 208, 16, 48, 64),
            (160, 112, 224, 24, 64, 64), (128, 128, 256, 24, 64, 64), (112, 144, 288, 32, 64, 64),
            (256, 160, 320, 32, 128, 128), (256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128))):
        if index in (2, 7):
            x = pool(c, x, rounds_up=True)
        x = concat(c, [
            c.convolution(x, inputs, one, activation="Relu"),
            c.convolution(c.convolution(x, inputs, r3, activation="Relu"), r3, three, 3, activation="Relu"),
            c.convolution(c.convolution(x, inputs, r5, activation="Relu"), r5, five, 5, activation="Relu"),
            c.convolution(pool(c, x, 3, 1, 1), inputs, pooled, activation="Relu")])
        inputs = one + three + five + pooled
    return head(c, x, inputs)


def shuffle(c, x, channels, side):
    x = c.graph.node("Reshape", [x, numbers(c, 1, 2, channels // 2, side, side)])
    x = c.graph.node("Transpose", [x], perm=[0, 2, 1, 3, 4])
    return c.graph.node("Reshape", [x, numbers(c, 1, channels, side, side)])


def shufflenetv2(c):
    """ShuffleNetV2 1x, Ma et al. 2018, table 5."""
    x = pool(c, c.convolution(c.graph.input, 3, 24, 3, 2, activation="Relu"), pad=1)
    inputs, side = 24, 56
    for width, repeats in ((116, 4), (232, 8), (464, 4)):
        half, side = width // 2, side // 2
        left = c.convolution(x, inputs, inputs, 3, 2, groups=inputs)
        left = c.convolution(left, inputs, half, activation="Relu")
        right = c.convolution(x, inputs, half, activation="Relu")
        right = c.convolution(right, half, half, 3, 2, groups=half)
        x = shuffle(c, concat(c, [left, c.convolution(right, half, half, activation="Relu")]), width, side)
        for _ in range(repeats - 1):
            kept = c.graph.node("Slice", [x, numbers(c, 0), numbers(c, half), numbers(c, 1)])
            y = c.graph.node("Slice", [x, numbers(c, half), numbers(c, width), numbers(c, 1)])
            y = c.convolution(y, half, half, activation="Relu")
            y = c.convolution(c.convolution(y, half, half, 3, groups=half), half, half, activation="Relu")
            x = shuffle(c, concat(c, [kept, y]), width, side)
        inputs = width
    return head(c, c.convolution(x, inputs, 1024, activation="Relu"), 1024)


def residual(c, stem, widths, depths, group_width, bottleneck):
    x = c.convolution(c.graph.input, 3, stem, 7 if bottleneck == 2 else 3, 2, activation="Relu")
    if bottleneck == 2:
        x = pool(c, x, pad=1)
    inputs = stem
    for stage, (width, depth) in enumerate(zip(widths, depths)):
        middle = width // bottleneck
        for index in range(depth):
            stride = 2 if index == 0 and (stage > 0 or bottleneck == 1) else 1
            groups = 32 if group_width is None else middle // group_width
            y = c.convolution(x, inputs, middle, activation="Relu")
            y = c.convolution(y, middle, middle, 3, stride, groups=groups, activation="Relu")
            y = c.convolution(y, middle, width, gain=0.4)
            skip = x if inputs == width and stride == 1 else c.convolution(x, inputs, width, 1, stride)
            x = c.graph.node("Relu", [c.graph.node("Add", [y, skip])])
            inputs = width
    return head(c, x, inputs)


def resnext50(c):
    """ResNeXt-50 32x4d, Xie et al. 2017, table 1."""
    return residual(c, 64, (256, 512, 1024, 2048), (3, 4, 6, 3), None, 2)


def regnetx400(c):
    """RegNetX-400MF, Radosavovic et al. 2020: groups of 16 channels."""
    return residual(c, 32, (32, 64, 160, 400), (1, 2, 7, 12), 16, 1)


def unet(c):
    """Ronneberger et al. 2015, with 32 to 256 channels and two classes per pixel."""
    skips, x, inputs = [], c.graph.input, 3
    for width in (32, 64, 128, 256):
        if inputs != 3:
            skips.append((x, inputs))
            x = pool(c, x, 2)
        for _ in range(2):
            x = c.convolution(x, inputs, width, 3, activation="Relu")
            inputs = width
    for skip, width in reversed(skips):
        weight = normal(c, inputs, width, 2, 2, size=(2 / inputs) ** 0.5)
        up = c.graph.node("ConvTranspose", [x, weight], kernel_shape=[2, 2], strides=[2, 2])
        x = concat(c, [skip, up])
        x = c.convolution(c.convolution(x, 2 * width, width, 3, activation="Relu"), width, width, 3, activation="Relu")
        inputs = width
    return c.convolution(x, inputs, 2)


def darknet(c):
    """The layers of YOLOv3-tiny, Redmon and Farhadi 2018, up to its finer map of boxes."""
    def leaky(x, inputs, outputs, kernel, stride=1):
        return c.graph.node("LeakyRelu", [c.convolution(x, inputs, outputs, kernel, stride)], alpha=0.1)
    x, inputs = c.graph.input, 3
    for width in (16, 32, 64, 128, 256):
        x = leaky(x, inputs, width, 3)
        fine, inputs = x, width
        x = pool(c, x, 2)
    x = leaky(leaky(x, 256, 512, 3), 512, 256, 1)
    x = leaky(x, 256, 128, 1)
    scales = c.graph.constant(numpy.array([1, 1, 2, 2], numpy.float32))
    x = c.graph.node("Resize", [x, "", scales], mode="nearest", coordinate_transformation_mode="asymmetric",
                     nearest_mode="floor")
    return c.convolution(leaky(concat(c, [x, fine]), 384, 256, 3), 256, 255)


def layer_norm(c, x, width):
    ones = c.graph.constant(numpy.ones(width, numpy.float32))
    return c.graph.node("LayerNormalization", [x, ones, normal(c, width, size=0.1)], axis=-1, epsilon=1e-6)


def dense(c, x, inputs, outputs):
    product = c.graph.node("MatMul", [x, normal(c, inputs, outputs, size=inputs ** -0.5)])
    return c.graph.node("Add", [product, normal(c, outputs, size=0.1)])


def gelu(c, x):
    def scalar(value):
        return c.graph.constant(numpy.float32(value))
    error = c.graph.node("Erf", [c.graph.node("Div", [x, scalar(2 ** 0.5)])])
    product = c.graph.node("Mul", [x, c.graph.node("Add", [error, scalar(1)])])
    return c.graph.node("Mul", [product, scalar(0.5)])


def convnext(c):
    """ConvNeXt-Tiny, Liu et al. 2022."""
    inputs, x = 3, c.graph.input
    for width, depth in ((96, 3), (192, 3), (384, 9), (768, 3)):
        kernel = 4 if inputs == 3 else 2
        if inputs != 3:
            x = c.graph.node("Transpose", [x], perm=[0, 2, 3, 1])
            x = c.graph.node("Transpose", [layer_norm(c, x, inputs)], perm=[0, 3, 1, 2])
        weight = normal(c, width, inputs, kernel, kernel, size=(inputs * kernel * kernel) ** -0.5)
        x = c.graph.node("Conv", [x, weight], kernel_shape=[kernel, kernel], strides=[kernel, kernel])
        for _ in range(depth):
            y = c.convolution(x, width, width, 7, groups=width)
            y = layer_norm(c, c.graph.node("Transpose", [y], perm=[0, 2, 3, 1]), width)
            y = dense(c, gelu(c, dense(c, y, width, 4 * width)), 4 * width, width)
            y = c.graph.node("Mul", [y, normal(c, width, size=0.3)])
            x = c.graph.node("Add", [x, c.graph.node("Transpose", [y], perm=[0, 3, 1, 2])])
        inputs = width
    return head(c, x, inputs)


def vit(c):
    """The tiny vision transformer of Touvron et al. 2021 (16x16 patches, width 192, 12 blocks)."""
    width, heads, tokens = 192, 3, 196
    weight = normal(c, width, 3, 16, 16, size=768 ** -0.5)
    x = c.graph.node("Conv", [c.graph.input, weight], kernel_shape=[16, 16], strides=[16, 16])
    x = c.graph.node("Reshape", [x, numbers(c, 1, width, tokens)])
    x = c.graph.node("Transpose", [x], perm=[0, 2, 1])
    x = c.graph.node("Add", [x, normal(c, 1, tokens, width, size=0.1)])

    def split(y, order):
        y = c.graph.node("Reshape", [dense(c, y, width, width), numbers(c, 1, tokens, heads, width // heads)])
        return c.graph.node("Transpose", [y], perm=order)

    for _ in range(12):
        y = layer_norm(c, x, width)
        scores = c.graph.node("MatMul", [split(y, [0, 2, 1, 3]), split(y, [0, 2, 3, 1])])
        scores = c.graph.node("Mul", [scores, c.graph.constant(numpy.float32(0.125))])
        mixed = c.graph.node("MatMul", [c.graph.node("Softmax", [scores], axis=-1), split(y, [0, 2, 1, 3])])
        mixed = c.graph.node("Transpose", [mixed], perm=[0, 2, 1, 3])
        mixed = c.graph.node("Reshape", [mixed, numbers(c, 1, tokens, width)])
        x = c.graph.node("Add", [x, dense(c, mixed, width, width)])
        y = gelu(c, dense(c, layer_norm(c, x, width), width, 4 * width))
        x = c.graph.node("Add", [x, dense(c, y, 4 * width, width)])
    x = c.graph.node("ReduceMean", [layer_norm(c, x, width)], axes=[1], keepdims=0)
    return dense(c, x, width, 1000)


def writer(build, seed):
    def write(path):
        c = Classifier(seed)
        c.graph.write(path, build(c))
    return write


ALL = {build.__name__: writer(build, seed) for seed, build in enumerate((
    squeezenet, densenet121, googlenet, shufflenetv2, resnext50, regnetx400, unet, darknet, convnext, vit))}
