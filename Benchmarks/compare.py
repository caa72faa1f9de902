"""Runs the same networks with Shoal, ONNX Runtime and OpenVINO, in turn, and prints one table of medians and ratios.

Weights are random but the same for all, and the outputs must agree. Every round runs each engine for a few
inferences, so that all of them see the same machine; only ratios within one run mean anything. Where other programs
take the processors, compare the processor time of one thread.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import numpy

from networks import checkpoint, classifiers, general, supernet

ROOT = pathlib.Path(__file__).resolve().parents[1]
# Largest difference from ONNX Runtime's outputs, as a share of the largest of them. In 8 bits all read the same rounded
# network; the engines round what is nearly halfway between two integers either way, and a network with random weights
# hands every such difference on. In bf16 the reference is fp32.
TOLERANCES = {"fp32": 1e-4, "bf16": 0.1, "int8": 0.05}
# The largest time that is asked of Shoal, as a share of the faster peer's, by precision and, where they differ, network.
# Other networks than these have no mark.
OFA = ("ofa-max-224", "ofa-max-192", "ofa-max-160", "ofa-min-224")
NAMED = ("resnet18", *OFA, "mobilenet-v3-large", "efficientnet-lite0")
ASKED = {
    "fp32": dict.fromkeys(NAMED, 0.75) | {"mobilenet-v3-large": 0.85, "efficientnet-lite0": 0.85},
    "bf16": dict.fromkeys(NAMED, 0.9),
    "int8": dict.fromkeys(NAMED, 0.9) | {"resnet18": 1.2},
}
ASKED_OF_AVX2 = 1.0
# Images that the ranges of a quantised network are taken from.
CALIBRATION_IMAGES = 4
# Lets the peers' spinning threads come to rest before the next engine is measured.
REST_SECONDS = 0.03


class Network:
    def __init__(self, name, folder, subnet=None):
        self.name, self.subnet = name, subnet
        self.onnx = str(folder / f"{name}.onnx")
        self.side = subnet["resolution"] if subnet else 224
        self.is_quantised = False

    def quantise(self, options):
        """From here on the same network in 8 bits, for Shoal too as an ONNX file."""
        folder = options.folder
        from networks import quantised
        self.name, self.subnet, self.is_quantised = f"{self.name}-int8", None, True
        path = str(folder / f"{self.name}.onnx")
        quantised.quantise(self.onnx, path, [self.image(seed)[1] for seed in range(100, 100 + CALIBRATION_IMAGES)],
                           options.qoperator)
        self.onnx = path

    def image(self, seed=7):
        """Bytes, so that Shoal can read them, and what the network reads."""
        pixels = numpy.random.default_rng(seed).integers(0, 256, (1, 3, self.side, self.side), dtype=numpy.uint8)
        mean, std = (numpy.array(value, numpy.float32).reshape(1, 3, 1, 1) for value in (supernet.MEAN, supernet.STD))
        return pixels, ((pixels / numpy.float32(255) - mean) / std).astype(numpy.float32)


class OnnxRuntime:
    name = "onnxruntime"

    def __init__(self, network, threads):
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(network.onnx, options, providers=["CPUExecutionProvider"])
        self.feed = {"image": network.image()[1]}

    def run(self):
        return self.session.run(None, self.feed)[0]

    def measure(self, repeats):
        return timed(self.run, repeats)


class OpenVino:
    name = "openvino"

    def __init__(self, network, threads, precision):
        import openvino
        settings = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY",
                    "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32"}
        self.request = openvino.Core().compile_model(network.onnx, "CPU", settings).create_infer_request()
        self.request.set_input_tensor(openvino.Tensor(network.image()[1]))

    def run(self):
        self.request.infer()
        return self.request.get_output_tensor().data

    def measure(self, repeats):
        return timed(self.run, repeats)


class Shoal:
    name = "shoal"

    def __init__(self, network, threads, options):
        self.network, self.threads = network, threads
        self.program, self.folder = options.shoal, options.folder
        self.precision = ["--precision", options.precision]
        # What tuning runs find is kept apart from what the user's own have found.
        cache = self.folder / ("tuned" if options.tuned else "untuned")
        self.environment = dict(os.environ, XDG_CACHE_HOME=str(cache))
        self.load()
        if options.tuned:
            self.shoal("tune", *self.arguments)

    def load(self):
        network, folder = self.network, self.folder
        if network.subnet:
            self.arguments = [str(folder / "ofa.shoal"), "--subnet", json.dumps(network.subnet)]
            return
        config, package = folder / "network.json", str(folder / f"{network.name}.shoal")
        config.write_text(json.dumps(
            {"mean": supernet.MEAN, "std": supernet.STD, "labels": [], "inputSize": network.side}))
        self.shoal("import", network.onnx, "--config", str(config), "--output", package)
        self.arguments = [package]

    def shoal(self, *arguments):
        done = subprocess.run([self.program, *arguments], capture_output=True, text=True, env=self.environment)
        if done.returncode != 0:
            sys.exit(f"shoal {arguments[0]}: {done.stderr}")
        return done.stdout

    def run(self):
        image, logits = self.folder / "image.npy", self.folder / "logits.npy"
        numpy.save(image, self.network.image()[0])
        self.shoal("run", *self.arguments, "--images", str(image), "--logits", str(logits), *self.precision)
        return numpy.load(logits)

    def measure(self, repeats):
        result = json.loads(self.shoal(
            "bench", *self.arguments, "--threads", str(self.threads), "--repeat", str(repeats), "--format", "json",
            *self.precision))
        model = result["models"][0]
        return list(zip(model["milliseconds"], model["processorMilliseconds"]))


def timed(run, repeats):
    """Milliseconds by the clock and of processor time, of each run."""
    for _ in range(3):
        run()
    times = []
    for _ in range(repeats):
        processor, start = time.process_time(), time.perf_counter()
        run()
        times.append(((time.perf_counter() - start) * 1e3, (time.process_time() - processor) * 1e3))
    return times


def networks(folder, arrays):
    """Name to network; the ONNX files are written anew, the package is imported by the caller."""
    found = [Network(f"ofa-max-{side}", folder, supernet.largest(side)) for side in (224, 192, 160)]
    found.append(Network("ofa-min-224", folder, supernet.smallest(224)))
    for network in found:
        supernet.write_onnx(arrays, network.subnet, network.onnx)
    for name, write in classifiers.ALL.items():
        network = Network(name, folder)
        write(network.onnx)
        found.append(network)
    return {network.name: network for network in found}


def others(folder, names):
    """The networks of `general`, written where they are asked for."""
    found = {name: Network(name, folder) for name in general.ALL if name in names}
    for name, network in found.items():
        general.ALL[name](network.onnx)
    return found


def measure(network, threads, options):
    reference = OnnxRuntime(network, threads)
    engines = [Shoal(network, threads, options)]
    if not options.qoperator:
        engines.insert(0, OpenVino(network, threads, options.precision))
    expected = numpy.array(reference.run()).reshape(-1)
    largest = numpy.abs(expected).max()
    differences = {engine.name: float(numpy.abs(numpy.array(engine.run()).reshape(-1) - expected).max() / largest)
                   for engine in engines}
    for name, difference in differences.items():
        if not difference <= TOLERANCES[options.precision]:
            sys.exit(f"{network.name}: {name} differs from {reference.name} by {difference:.2e} of the largest logit")
    # ONNX Runtime has no kernels of bfloat16 for this kind of processor, and chooses its instruction set itself.
    if options.precision != "bf16" and not options.instruction_set:
        engines.insert(0, reference)
    times = {engine.name: [] for engine in engines}
    per_round = -(-options.repeat // options.rounds)
    for _ in range(options.rounds):
        for engine in engines:
            time.sleep(REST_SECONDS)
            times[engine.name] += engine.measure(per_round)
    wall = {name: [pair[0] for pair in pairs] for name, pairs in times.items()}
    processor = {name: [pair[1] for pair in pairs] for name, pairs in times.items()}
    return {"network": network.name, "threads": threads, "precision": options.precision, "differences": differences,
            "asked": asked(network.name, options),
            "medianMilliseconds": {name: statistics.median(values) for name, values in wall.items()},
            "medianProcessorMilliseconds": {name: statistics.median(values) for name, values in processor.items()},
            "milliseconds": wall, "processorMilliseconds": processor}


def asked(name, options):
    """The mark of a network, or None: the ONNX files with operators on integers lack one of the peers."""
    mark = ASKED[options.precision].get(name.removesuffix("-int8"))
    if mark is None or options.qoperator:
        return None
    return ASKED_OF_AVX2 if options.instruction_set == "avx2" else mark


def is_reached(row):
    return None if row["asked"] is None else ratio(row) <= row["asked"]


def ratio(row, of="medianMilliseconds"):
    values = row[of]
    return values["shoal"] / min(value for name, value in values.items() if name != "shoal")


def figure(value):
    return "-" if value is None else f"{value:.3f}"


def show(rows):
    header = ["NETWORK", "THREADS", "SHOAL MS", "ONNX RUNTIME MS", "OPENVINO MS", "SHOAL / FASTER", "ASKED", "REACHED",
              "OF PROCESSOR TIME"]
    lines = [header]
    for row in rows:
        cells = [row["medianMilliseconds"].get(name) for name in ("shoal", "onnxruntime", "openvino")]
        cells += [ratio(row), row["asked"]]
        # On several threads processor time says little: waiting threads spin.
        processor = ratio(row, "medianProcessorMilliseconds") if row["threads"] == 1 else None
        lines.append([row["network"], str(row["threads"]), *map(figure, cells),
                      {None: "-", True: "yes", False: "no"}[is_reached(row)], figure(processor)])
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    for line in lines:
        print("  ".join(cell.ljust(width) if column == 0 else cell.rjust(width)
                        for column, (cell, width) in enumerate(zip(line, widths))))


def main():
    parser = argparse.ArgumentParser(prog="Benchmarks/peers", description=__doc__)
    parser.add_argument("--folder", type=pathlib.Path, help=argparse.SUPPRESS)
    parser.add_argument("--shoal", default=str(ROOT / ".build/release/shoal"), help="the program; default: the build")
    parser.add_argument("--networks", nargs="+", help="only these; `general`: those of general.py; default: all but them")
    parser.add_argument("--precision", choices=list(TOLERANCES), default="fp32",
                        help="of Shoal and its peers; int8: all engines read the same quantised ONNX files")
    parser.add_argument("--qoperator", action="store_true",
                        help="quantised files have ONNX Runtime's operators on integers instead of QDQ; without OpenVINO, "
                        "which does not read them")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeat", type=int, default=40, help="inferences of each engine and network, at least")
    parser.add_argument("--rounds", type=int, default=8, help="turns that they are spread over")
    parser.add_argument("--tuned", action="store_true", help="a tuning run of Shoal's goes before each network")
    parser.add_argument("--instruction-set", choices=["avx2"],
                        help="kernels of this one only; without ONNX Runtime, which offers no such choice, and "
                        "OpenVINO follows in its convolutions and matrix products, not in all of its other operations")
    parser.add_argument("--json", type=pathlib.Path, help="also write every figure here")
    options = parser.parse_args()
    if not os.access(options.shoal, os.X_OK):
        sys.exit(f"{options.shoal}: is not there; build first: swift build -c release --product shoal")
    if options.instruction_set:
        # Read when a library is loaded or first used, which is later.
        os.environ["ONEDNN_MAX_CPU_ISA"] = options.instruction_set.upper()
        os.environ["SHOAL_INSTRUCTION_SET"] = options.instruction_set
    names = [name for stated in options.networks or []
             for name in (general.ALL if stated == "general" else [stated])]
    if names and set(names) <= set(general.ALL):
        known = others(options.folder, names)
        if options.precision == "int8":
            for network in known.values():
                network.quantise(options)
        return report([measure(network, threads, options) for network in known.values()
                       for threads in options.threads], options)
    arrays = supernet.state_dictionary()
    known = networks(options.folder, arrays) | others(options.folder, names)
    unknown = set(names) - set(known)
    if unknown:
        sys.exit(f"--networks: known are {', '.join([*known, *general.ALL, 'general'])}")
    if options.precision == "int8":
        for name in names or known:
            known[name].quantise(options)
    checkpoint.write(options.folder / "ofa.pth", arrays)
    subprocess.run([options.shoal, "import", options.folder / "ofa.pth", "--output", options.folder / "ofa.shoal"],
                   check=True, stdout=subprocess.DEVNULL)
    rows = [measure(known[name], threads, options)
            for name in names or known for threads in options.threads]
    report(rows, options)


def report(rows, options):
    show(rows)
    if options.json:
        options.json.write_text(json.dumps({"rows": [dict(row, ratio=ratio(row), isReached=is_reached(row))
                                                     for row in rows]}, indent=1))


if __name__ == "__main__":
    main()
