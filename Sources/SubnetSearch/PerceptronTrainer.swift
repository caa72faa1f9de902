import SearchSpace

/// Trains a perceptron with two hidden layers on inputs that are zeros and ones, by Adam on the squared error.
///
/// Targets have mean 0 and deviation 1. Weights are held input-major so that every inner loop runs over neighbours.
///
/// Source: Kingma and Ba, "Adam", ICLR 2015; He et al., ICCV 2015 (initial weights); Loshchilov and Hutter, "Decoupled
/// weight decay", ICLR 2019.
struct PerceptronTrainer {
    struct Settings: Hashable, Sendable {
        var width = 64
        var epochs = 60
        var batch = 16
        var learningRate: Float = 0.003
        var weightDecay: Float = 0.01
    }

    private let settings: Settings
    private let inputCount: Int
    private var first: Parameters
    private var firstBias: Parameters
    private var second: Parameters
    private var secondBias: Parameters
    private var last: Parameters
    private var lastBias: Parameters
    private var generator: SeededGenerator

    /// - Precondition: the width is a multiple of 8.
    init(inputCount: Int, settings: Settings, seed: UInt64) {
        precondition(settings.width % 8 == 0, "a hidden layer is a multiple of 8 wide")
        self.settings = settings
        self.inputCount = inputCount
        var generator = SeededGenerator(seed: seed)
        let width = settings.width
        // About one input in three is one.
        first = Parameters(inputCount * width, spread: (6 / Float(inputCount)).squareRoot(), &generator)
        second = Parameters(width * width, spread: (2 / Float(width)).squareRoot(), &generator)
        last = Parameters(width, spread: (1 / Float(width)).squareRoot(), &generator)
        firstBias = Parameters(width)
        secondBias = Parameters(width)
        lastBias = Parameters(1)
        self.generator = generator
    }

    /// Runs all epochs; the learning rate falls along a cosine to zero.
    mutating func train(inputs: [[Int32]], targets: [Float]) {
        var order = Array(inputs.indices)
        var pass = Pass(width: settings.width)
        let steps = settings.epochs * ((inputs.count + settings.batch - 1) / settings.batch)
        var step = 0
        for _ in 0..<settings.epochs {
            order.shuffle(using: &generator)
            for start in stride(from: 0, to: order.count, by: settings.batch) {
                let batch = order[start..<min(start + settings.batch, order.count)]
                for sample in batch { accumulate(inputs[sample], targets[sample], Float(batch.count), &pass) }
                step += 1
                update(step: step, of: steps)
            }
        }
    }

    /// The trained layers, for targets that are `offset + scale x output`.
    func layers(scale: Float, offset: Float) -> [MultilayerPerceptron.Layer] {
        let width = settings.width
        func rowMajor(_ values: [Float], _ inputs: Int) -> [Float] {
            (0..<width).flatMap { output in (0..<inputs).map { values[$0 * width + output] } }
        }
        return [
            .init(
                inputs: inputCount, outputs: width, weights: rowMajor(first.values, inputCount),
                bias: firstBias.values),
            .init(inputs: width, outputs: width, weights: rowMajor(second.values, width), bias: secondBias.values),
            .init(
                inputs: width, outputs: 1, weights: last.values.map { $0 * scale },
                bias: [lastBias.values[0] * scale + offset]),
        ]
    }
}

extension PerceptronTrainer {
    /// Values and their gradients of one sample.
    private struct Pass {
        var one: [Float]
        var two: [Float]
        var gradientOne: [Float]
        var gradientTwo: [Float]

        init(width: Int) {
            one = Array(repeating: 0, count: width)
            (two, gradientOne, gradientTwo) = (one, one, one)
        }
    }

    /// Adds the gradients of one sample's share of the mean squared error.
    private mutating func accumulate(_ active: [Int32], _ target: Float, _ batch: Float, _ pass: inout Pass) {
        let width = settings.width
        pass.one = firstBias.values
        for place in active { Vectors.add(first.values, Int(place) * width, 1, to: &pass.one, 0, width) }
        Vectors.rectify(&pass.one)
        pass.two = secondBias.values
        for row in 0..<width where pass.one[row] > 0 {
            Vectors.add(second.values, row * width, pass.one[row], to: &pass.two, 0, width)
        }
        Vectors.rectify(&pass.two)
        let output = lastBias.values[0] + Vectors.dot(pass.two, 0, last.values, 0, width)

        let error = 2 * (output - target) / batch
        lastBias.gradients[0] += error
        Vectors.add(pass.two, 0, error, to: &last.gradients, 0, width)
        for row in 0..<width { pass.gradientTwo[row] = pass.two[row] > 0 ? error * last.values[row] : 0 }
        Vectors.add(pass.gradientTwo, 0, 1, to: &secondBias.gradients, 0, width)
        for row in 0..<width {
            guard pass.one[row] > 0 else {
                pass.gradientOne[row] = 0
                continue
            }
            pass.gradientOne[row] = Vectors.dot(second.values, row * width, pass.gradientTwo, 0, width)
            Vectors.add(pass.gradientTwo, 0, pass.one[row], to: &second.gradients, row * width, width)
        }
        Vectors.add(pass.gradientOne, 0, 1, to: &firstBias.gradients, 0, width)
        for place in active { Vectors.add(pass.gradientOne, 0, 1, to: &first.gradients, Int(place) * width, width) }
    }

    private mutating func update(step: Int, of steps: Int) {
        let share = Float(step) / Float(steps)
        let rate = settings.learningRate * Self.cosineFall(share)
        let decay = settings.weightDecay
        first.update(rate: rate, decay: decay)
        second.update(rate: rate, decay: decay)
        last.update(rate: rate, decay: decay)
        firstBias.update(rate: rate, decay: 0)
        secondBias.update(rate: rate, decay: 0)
        lastBias.update(rate: rate, decay: 0)
    }

    /// From 1 to 0 over 0...1 like a cosine, by the cubic of the same ends and slopes.
    private static func cosineFall(_ share: Float) -> Float { 1 - share * share * (3 - 2 * share) }
}
