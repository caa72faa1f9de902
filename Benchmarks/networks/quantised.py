"""Quantises ONNX networks to 8 bits: QuantizeLinear and DequantizeLinear around every operator that ONNX Runtime's
quantiser covers, or its own operators on integers instead (QOperator), weights per channel and signed, activations
unsigned, ranges from a few random images."""
import pathlib

import numpy
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process


class Images(CalibrationDataReader):
    def __init__(self, images):
        self.images = iter(images)

    def get_next(self):
        image = next(self.images, None)
        return None if image is None else {"image": image}


def quantise(path, quantised, images, of_operators=False):
    """Writes `quantised` beside what `path` computes in float32. `images` are inputs to take the ranges from."""
    prepared = str(quantised) + ".prepared"
    quant_pre_process(path, prepared, skip_symbolic_shape=True)
    quantize_static(
        prepared, quantised, Images(images), quant_format=QuantFormat.QOperator if of_operators else QuantFormat.QDQ,
        per_channel=True, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)
    pathlib.Path(prepared).unlink()
    onnx.checker.check_model(quantised)
