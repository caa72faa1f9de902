import Graphs
import Testing

@testable import Fusion

@Suite struct MixedNetworkTests {
    private let shape = MapShape(channels: 2, height: 4, width: 4)
    private let pixel = MapShape(channels: 2, height: 1, width: 1)

    private func step(_ name: String, _ input: String, residual: String? = nil, isNarrow: Bool = false) -> FusedStep {
        let values = [Int8](repeating: 3, count: 4)
        let integers = QuantizedWeights(values: values, scales: [0.5, 0.5])
        let convolution = FusedConvolution(
            window: FusedWindow(kernelHeight: 1, kernelWidth: 1), groups: 1, inputChannels: 2, outputChannels: 2,
            weights: integers.reals, integers: isNarrow ? integers : nil, scale: [1, 1], shift: [0, 0])
        return FusedStep(
            name: name, work: .convolution(convolution), inputs: [input], output: name, shape: shape,
            finish: FusedFinish(.relu, residual: residual.map { .init(value: $0, isActivated: true) }),
            outputQuantization: isNarrow ? quantization : nil)
    }

    private let quantization = Quantization(scale: 0.25, zeroPoint: 0, isSigned: false)

    /// a, then b and c with a added, then the mean, which is real: so is what c gives.
    private var network: FusedNetwork {
        FusedNetwork(
            input: "x", inputShape: shape,
            steps: [
                step("a", "x"), step("b", "a"), step("c", "b", residual: "a"),
                FusedStep(name: "mean", work: .globalAverage, inputs: ["c"], output: "mean", shape: pixel),
            ], output: "mean", outputType: ValueType(.float32, [1, 2]))
    }

    private var forms: EightBitForms {
        let image = FusedStep(
            name: "x.rounded", work: .nothing, inputs: ["x"], output: "x.rounded", shape: shape,
            outputQuantization: quantization)
        var steps = [image]
        for (name, input, residual) in [("a", "x.rounded", nil), ("b", "a", nil), ("c", "b", "a")] {
            steps.append(step(name, input, residual: residual, isNarrow: true))
        }
        return EightBitForms(
            FusedNetwork(
                input: "x", inputShape: shape, steps: steps, output: "c", outputType: ValueType(.float32, [1, 2])))
    }

    /// What is rounded, and what is inserted, for each choice of convolutions in 8 bits.
    @Test(
        arguments: [
            ([], [], []),
            (["a", "b", "c"], ["x.rounded", "a", "b"], ["x.rounded"]),
            (["a"], ["x.rounded"], ["x.rounded"]),
            (["b"], ["a.rounded"], ["a.rounded"]),
            (["a", "b"], ["x.rounded", "a"], ["x.rounded", "a.real"]),
            (["a", "c"], ["x.rounded", "a", "b.rounded"], ["x.rounded", "a.real", "b.rounded"]),
            (["c"], ["a.rounded", "b.rounded"], ["a.rounded", "b.rounded"]),
        ] as [([String], [String], [String])])
    func valuesAreConvertedOnlyWherePrecisionChanges(eightBits: [String], rounded: [String], inserted: [String]) {
        let mixed = network.mixed(Set(eightBits), forms)
        #expect(Set(mixed.quantizations.keys) == Set(rounded))
        #expect(mixed.steps.map(\.name).filter { !["a", "b", "c", "mean"].contains($0) } == inserted)
        for step in mixed.steps {
            guard case .convolution(let convolution) = step.work else { continue }
            #expect((convolution.integers != nil) == eightBits.contains(step.output))
            for value in step.reads {
                #expect((mixed.quantizations[value] != nil) == eightBits.contains(step.output), "\(step.name)")
            }
        }
        if eightBits.isEmpty { #expect(mixed == network) }
        // Nothing is left for the planner to convert.
        #expect(mixed.separated().steps.map(\.name) == mixed.steps.map(\.name))
    }

    @Test func theOutputStaysReal() {
        let network = FusedNetwork(
            input: "x", inputShape: shape, steps: [step("a", "x"), step("b", "a")], output: "a",
            outputType: ValueType(.float32, [1, 2]))
        let mixed = network.mixed(["a", "b"], forms)
        #expect(mixed.quantizations["a"] == nil && mixed.quantizations["a.rounded"] == quantization)
    }

    @Test func formsCoverWhatTheyHaveIntegersFor() {
        let forms = forms
        #expect(network.steps.map(forms.cover) == [true, true, true, false])
        #expect(!forms.cover(step("other", "x")) && !forms.cover(step("a", "y")))
    }
}
