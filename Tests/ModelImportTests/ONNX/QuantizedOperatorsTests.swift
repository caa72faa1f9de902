import Engine
import Foundation
import Graphs
import Testing

@testable import ModelImport

/// Operators on integers: against arithmetic on integers written out here, and against ONNX Runtime.
@Suite struct QuantizedOperatorsTests {
    private static let first: [UInt8] = [0, 3, 100, 127, 128, 200, 255, 77]
    private static let second: [UInt8] = [9, 255, 0, 128, 130, 1, 64, 200]
    /// Scale and zero point of the first input, the second and the result.
    private static let (a, b, c): (Rounding, Rounding, Rounding) = ((0.5, 128), (0.25, 3), (0.75, 100))

    private typealias Rounding = (scale: Float, zero: UInt8)

    private static func real(_ integers: [UInt8], _ rounding: Rounding) -> [Float] {
        integers.map { (Float($0) - Float(rounding.zero)) * rounding.scale }
    }

    private static func integers(_ values: [Float], _ rounding: Rounding = c) -> [UInt8] {
        values.map { UInt8(min(max(($0 / rounding.scale).rounded(.toNearestOrEven) + Float(rounding.zero), 0), 255)) }
    }

    private static func writer(opset: Int64 = 13) -> ModelWriter {
        var writer = ModelWriter(opset: opset)
        writer.opset(1, of: "com.microsoft")
        for (name, rounding) in [("a", a), ("b", b), ("c", c)] {
            writer.weights(name + "s", [], [rounding.scale])
            writer.bytes(name + "z", [], [rounding.zero])
        }
        writer.input("x", [1, 2, 2, 2], type: 2)
        writer.input("y", [1, 2, 2, 2], type: 2)
        writer.output("z")
        return writer
    }

    private static func result(_ writer: ModelWriter) throws -> TensorValue {
        let bound = try BoundGraph(try ONNXImporter.parse(writer.bytes()))
        let inputs = ["x": first, "y": second].mapValues { TensorValue(shape: [1, 2, 2, 2], .uint8($0)) }
        return try #require(try GraphEvaluator(bound).run(inputs)["z"])
    }

    @Test func elementwiseOperatorsRoundOnce() throws {
        let (x, y) = (Self.real(Self.first, Self.a), Self.real(Self.second, Self.b))
        for (name, expected) in [
            ("QLinearAdd", zip(x, y).map { $0 + $1 }), ("QLinearMul", zip(x, y).map { $0 * $1 }),
        ] {
            var writer = Self.writer()
            writer.node(name, ["x", "as", "az", "y", "bs", "bz", "cs", "cz"], ["z"], domain: "com.microsoft")
            #expect(try Self.result(writer).elements == .uint8(Self.integers(expected)), "\(name)")
        }
        var writer = Self.writer()
        writer.node("QLinearSigmoid", ["x", "as", "az", "cs", "cz"], ["z"], domain: "com.microsoft")
        #expect(try Self.result(writer).elements == .uint8(Self.integers(x.map { 1 / (1 + exp(-$0)) })))
    }

    @Test func concatenationBringsInputsToOneScale() throws {
        var writer = Self.writer()
        writer.node(
            "QLinearConcat", ["cs", "cz", "x", "as", "az", "y", "bs", "bz"], ["z"], domain: "com.microsoft",
            int: ["axis": 1])
        let result = try Self.result(writer)
        #expect(result.shape == [1, 4, 2, 2])
        let expected = Self.real(Self.first, Self.a) + Self.real(Self.second, Self.b)
        #expect(result.elements == .uint8(Self.integers(expected)))
    }

    /// Weights signed and per channel, a bias in units of both scales.
    @Test func convolutionHasTheBiasInUnitsOfInputTimesWeight() throws {
        var writer = Self.writer()
        writer.weights("ws", [2], [0.5, 2])
        writer.bytes("wz", [2], [0, 0], type: 3)
        writer.bytes("w", [2, 2, 1, 1], [3, 253, 1, 2], type: 3)
        writer.words("bias", [40, -7])
        writer.node("QLinearConv", ["x", "as", "az", "w", "ws", "wz", "cs", "cz", "bias"], ["z"])
        let x = Self.first.map { Int($0) - 128 }
        let first: [Float] = (0..<4).map { Float(3 * x[$0] - 3 * x[$0 + 4] + 40) * 0.5 * 0.5 }
        let second: [Float] = (0..<4).map { Float(x[$0] + 2 * x[$0 + 4] - 7) * 0.5 * 2 }
        let expected = first + second
        #expect(try Self.result(writer).elements == .uint8(Self.integers(expected)))
        let graph = try ONNXImporter.parse(writer.bytes())
        #expect(
            graph.nodes.map(\.operatorName).sorted()
                == ["Conv", "DequantizeLinear", "DequantizeLinear", "DequantizeLinear", "QuantizeLinear"])
    }

    @Test(arguments: [false, true]) func matrixProductTakesColumnsByTheirScales(isTransposed: Bool) throws {
        var writer = Self.writer()
        writer.model.graph.input[0].type.tensorType.shape.dim = []
        writer.model.graph.input.removeAll()
        writer.input("x", [4, 2], type: 2)
        writer.weights("ws", [3], [0.5, 2, 1])
        writer.bytes("wz", [3], [0, 0, 0], type: 3)
        let columns: [[UInt8]] = [[1, 255], [2, 0], [5, 254]]
        let rows = (0..<2).flatMap { row in columns.map { $0[row] } }
        writer.bytes("w", isTransposed ? [3, 2] : [2, 3], isTransposed ? columns.flatMap { $0 } : rows, type: 3)
        writer.words("bias", [1, 2, 3])
        writer.node(
            "QGemm", ["x", "as", "az", "w", "ws", "wz", "bias", "cs", "cz"], ["z"], domain: "com.microsoft",
            int: ["transB": isTransposed ? 1 : 0])
        let bound = try BoundGraph(try ONNXImporter.parse(writer.bytes()))
        let run = try GraphEvaluator(bound).run(["x": TensorValue(shape: [4, 2], .uint8(Self.first))])
        let x = Self.first.map { Int($0) - 128 }
        var expected: [Float] = []
        for row in 0..<4 {
            for (column, scale) in ([0.5, 2, 1] as [Float]).enumerated() {
                let weights = columns[column].map { Int(Int8(bitPattern: $0)) }
                let sum = x[2 * row] * weights[0] + x[2 * row + 1] * weights[1] + column + 1
                expected.append(Float(sum) * 0.5 * scale)
            }
        }
        #expect(run["z"]?.elements == .uint8(Self.integers(expected)))
    }

    /// Pooling of integers is pooling of what they stand for, so that kernels see one map of 8 bits.
    @Test func poolingOfRoundedValuesKeepsTheirScale() throws {
        var writer = Self.writer()
        writer.node("QLinearAdd", ["x", "as", "az", "y", "bs", "bz", "cs", "cz"], ["s"], domain: "com.microsoft")
        writer.node("MaxPool", ["s"], ["z"], ints: ["kernel_shape": [2, 2]])
        let sums = Self.integers(zip(Self.real(Self.first, Self.a), Self.real(Self.second, Self.b)).map { $0 + $1 })
        #expect(try Self.result(writer).elements == .uint8([sums[0..<4].max() ?? 0, sums[4..<8].max() ?? 0]))
        let graph = try ONNXImporter.parse(writer.bytes())
        #expect(graph.nodes.last?.operatorName == "QuantizeLinear")
    }

    @Test func resultWithoutZeroPointHasTheInputsType() throws {
        var writer = Self.writer()
        writer.node("QLinearAdd", ["x", "as", "az", "y", "bs", "bz", "cs"], ["z"], domain: "com.microsoft")
        let sums = zip(Self.real(Self.first, Self.a), Self.real(Self.second, Self.b)).map { $0 + $1 }
        #expect(try Self.result(writer).elements == .uint8(Self.integers(sums, (0.75, 0))))
        let refusal = try Self.refusal {
            let inputs = ["x", "as", "", "y", "bs", "bz", "cs"]
            $0.node("QLinearAdd", inputs, ["z"], name: "sum", domain: "com.microsoft")
        }
        #expect(refusal == "com.microsoft.QLinearAdd (node sum, opset 1): states no zero point of its result")
    }

    private static func refusal(_ change: (inout ModelWriter) -> Void) throws -> String {
        var writer = writer()
        change(&writer)
        let bytes = try writer.bytes()
        do throws(ReadingFailure) {
            _ = try ONNXImporter.parse(bytes)
            return "none"
        } catch {
            return error.description
        }
    }

    @Test func refusesWhatItCannotSayInRealNumbers() throws {
        let pooled = ["x", "as", "az", "cs", "cz"]
        let last = try Self.refusal {
            $0.node("QLinearGlobalAveragePool", pooled, ["z"], domain: "com.microsoft", int: ["channels_last": 1])
        }
        #expect(last.hasSuffix("has its channels last, which is not supported"), "\(last)")
        let few = try Self.refusal { $0.node("QLinearAdd", ["x", "as", "az"], ["z"], domain: "com.microsoft") }
        #expect(few.hasSuffix("has 3 inputs"), "\(few)")
        let odd = try Self.refusal {
            $0.node("QLinearConcat", ["cs", "cz", "x", "as"], ["z"], domain: "com.microsoft", int: ["axis": 1])
        }
        #expect(odd.hasSuffix("has 4 inputs"), "\(odd)")
        let unknown = try Self.refusal { $0.node("QAttention", pooled, ["z"], domain: "com.microsoft") }
        #expect(unknown.hasSuffix("this operator is not supported"), "\(unknown)")
        let none = try Self.refusal { $0.node("QLinearAdd", [], [], domain: "com.microsoft") }
        #expect(none.hasSuffix("computes nothing"), "\(none)")
    }

    /// A network as ONNX Runtime's quantiser writes it, beside what ONNX Runtime computes (`make_quantised.py`).
    @Test func agreesWithONNXRuntime() throws {
        let bound = try BoundGraph(try ONNXImporter.read(from: Fixture.path("quantised.onnx")))
        #expect(bound.graph.nodes.allSatisfy { $0.domain.isEmpty && !$0.operatorName.hasPrefix("QLinear") })
        let bytes = try Fixture.bytes(Fixture.path("quantised.npy")).suffix(3 * 874 * 4)
        guard case .float32(let values) = Elements(littleEndian: bytes, as: .float32) else { return }
        for row in 0..<3 {
            let image = Array(values[row * 874..<row * 874 + 864])
            let results = try GraphEvaluator(bound).run(["image": TensorValue(shape: [1, 6, 12, 12], .float32(image))])
            guard case .float32(let found)? = results[bound.graph.outputs[0]]?.elements else {
                Issue.record("no output")
                return
            }
            let expected = values[row * 874 + 864..<(row + 1) * 874]
            // Two units: the sigmoid and the softmax of ONNX Runtime round by tables of their own.
            let distance = zip(found, expected).map { abs($0 - $1) }.max() ?? 1
            #expect(distance <= 2 / 256, "row \(row): \(found) instead of \(Array(expected))")
        }
    }
}
