import SearchSpace
import SubnetSearch

/// A made-up accuracy predictor and FLOPs as a stand-in for latency, over a space small enough to search in no time.
enum SearchFixture {
    static let architecture = SupernetArchitecture.imageNetMobileNetV3Width10
    static let space = SearchSpace.ofaMobileNetV3

    /// Milliseconds: a board that does a gigaflop in a second.
    static func latency() throws -> AdditiveCost {
        try AdditiveCost(space: space, operators: try SupernetOperators(architecture)) { row, _ in
            Double(row.flops) / 1e6
        }
    }

    /// Larger choices add accuracy, each position by another amount; two hidden layers bend the sum.
    static func accuracy(seed: UInt64 = 1) throws -> AccuracyPredictor {
        var generator = SeededGenerator(seed: seed)
        let encoding = try ArchitectureEncoding.onceForAll(space)
        func layer(_ inputs: Int, _ outputs: Int, _ range: ClosedRange<Float>) -> MultilayerPerceptron.Layer {
            .init(
                inputs: inputs, outputs: outputs,
                weights: (0..<inputs * outputs).map { _ in Float.random(in: range, using: &generator) },
                bias: (0..<outputs).map { _ in Float.random(in: -0.02...0.02, using: &generator) })
        }
        let random = layer(encoding.featureCount, 24, -0.05...0.15)
        let rising = random.weights.enumerated().map { place, weight in
            let input = place % encoding.featureCount
            return weight * (input < 120 ? Float(1 + input % 3) : Float(input - 119)) / 3
        }
        let first = MultilayerPerceptron.Layer(inputs: 128, outputs: 24, weights: rising, bias: random.bias)
        let members = [first, layer(24, 20, -0.05...0.1), layer(20, 1, -0.02...0.06)]
        return try AccuracyPredictor(encoding: encoding, members: [try MultilayerPerceptron(layers: members)])
    }

    static func search(_ change: (inout SearchSettings) -> Void = { _ in }) throws -> EvolutionSearch {
        var settings = SearchSettings()
        (settings.population, settings.drawLimit) = (40, 500)
        change(&settings)
        return try EvolutionSearch(accuracy: try accuracy(), latency: try latency(), settings: settings)
    }
}
