import SearchSpace
import Testing

@testable import SubnetSearch

@Suite struct PackedPerceptronTests {
    /// Widths around the block of 16, from none to three hidden layers, against the plain formula.
    @Test(arguments: [[], [1], [15, 16], [17, 33], [40, 48, 31]])
    func outputsAreThoseOfTheFormula(widths: [Int]) throws {
        var generator = SeededGenerator(seed: 71)
        let inputs = 21
        let sizes = [inputs] + widths + [1]
        let layers = zip(sizes, sizes.dropFirst()).map { inputs, outputs in
            MultilayerPerceptron.Layer(
                inputs: inputs, outputs: outputs,
                weights: (0..<inputs * outputs).map { _ in Float.random(in: -0.5...0.5, using: &generator) },
                bias: (0..<outputs).map { _ in Float.random(in: -0.5...0.5, using: &generator) })
        }
        let perceptron = try MultilayerPerceptron(layers: layers)
        let packed = PackedPerceptron(perceptron)
        var scratch = PerceptronScratch(widest: packed.widest, activeLimit: inputs)

        for count in [1, 2, PackedPerceptron.batchLimit] {
            let batch = (0..<count).map { _ in (0..<inputs).filter { _ in Bool.random(using: &generator) } }
            for (place, ones) in batch.enumerated() {
                for (index, one) in ones.enumerated() { scratch.active[place * inputs + index] = Int32(one) }
                scratch.activeCounts[place] = Int32(ones.count)
            }
            var results = Array(repeating: 0.0, count: count)
            packed.evaluate(count: count, scratch: &scratch, addingTo: &results)

            for (ones, result) in zip(batch, results) {
                let vector = (0..<inputs).map { Float(ones.contains($0) ? 1 : 0) }
                let expected = Double(perceptron.reference(vector))
                #expect(abs(result - expected) < 1e-4 * max(1, abs(expected)))
            }
        }
    }
}
