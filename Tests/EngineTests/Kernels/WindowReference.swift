import CKernels
import Engine

extension Reference {
    /// Grouped convolution over a window; weights `[out][in / groups][rows][columns]`.
    static func convolution(_ input: Map, weights: [Float], outputs: Int, window: Window, groups: Int = 1) -> Map {
        let perGroup = input.channels / groups
        var output = outputMap(input, outputs, window)
        for out in 0..<outputs {
            let firstInput = out / (outputs / groups) * perGroup
            for row in 0..<output.height {
                for column in 0..<output.width {
                    var sum = 0.0
                    for (tap, y, x) in taps(window, row, column) where input.contains(y, x) {
                        for channel in 0..<perGroup {
                            let weight = weights[(out * perGroup + channel) * window.taps + tap]
                            sum += Double(weight) * Double(input[firstInput + channel, y, x])
                        }
                    }
                    output[out, row, column] = Float(sum)
                }
            }
        }
        return output
    }

    static func pool(_ input: Map, _ kind: WindowPooling, _ window: Window, roundsUp: Bool) -> Map {
        var output = outputMap(input, input.channels, window, roundsUp: roundsUp)
        for row in 0..<output.height {
            for column in 0..<output.width {
                let places = taps(window, row, column)
                let inside = places.filter { input.contains($0.1, $0.2) }
                let bordered = places.filter {
                    $0.1 < input.height + window.border.bottom && $0.2 < input.width + window.border.right
                }
                for channel in 0..<input.channels {
                    let values = inside.map { input[channel, $0.1, $0.2] }
                    output[channel, row, column] =
                        switch kind {
                        case .max: values.max() ?? -.infinity
                        case .average(countsBorder: false): values.reduce(0, +) / Float(values.count)
                        case .average(countsBorder: true): values.reduce(0, +) / Float(bordered.count)
                        }
                }
            }
        }
        return output
    }

    static func activate(_ x: Float, _ activation: Activation) -> Float {
        switch activation {
        case .relu: max(x, 0)
        case .relu6: min(max(x, 0), 6)
        case .clip(-0.5, 0.25): min(max(x, -0.5), 0.25)
        case .leakyRelu(slope: 0.1): x > 0 ? x : 0.1 * x
        case .hardSwish: x * min(max(x + 3, 0), 6) / 6
        case .hardSigmoid: min(max(x + 3, 0), 6) / 6
        case .sigmoid: Float(1 / (1 + exponential(-Double(x))))
        case .silu: Float(Double(x) / (1 + exponential(-Double(x))))
        default: x
        }
    }

    static let activations: [Activation] = [
        .none, .relu, .relu6, .clip(-0.5, 0.25), .leakyRelu(slope: 0.1), .hardSwish, .hardSigmoid, .sigmoid, .silu,
    ]

    /// By its series, after halving: (e^(x / 2^12))^(2^12).
    private static func exponential(_ x: Double) -> Double {
        var (term, sum) = (1.0, 1.0)
        for power in 1...12 {
            term *= x / 4096 / Double(power)
            sum += term
        }
        for _ in 0..<12 { sum *= sum }
        return sum
    }

    private static func outputMap(_ input: Map, _ channels: Int, _ window: Window, roundsUp: Bool = false) -> Map {
        let shape = PlanOperation.Shape(channels: input.channels, height: input.height, width: input.width)
        guard let output = window.output(of: shape, channels: channels, roundsUp: roundsUp) else {
            preconditionFailure("\(window) does not fit in \(shape)")
        }
        return Map(channels: channels, height: output.height, width: output.width)
    }

    private static func taps(_ window: Window, _ row: Int, _ column: Int) -> [(Int, Int, Int)] {
        (0..<window.taps).map { tap in
            let (ky, kx) = (tap / window.kernel.columns, tap % window.kernel.columns)
            return (
                tap, row * window.stride.rows - window.border.top + ky * window.dilation.rows,
                column * window.stride.columns - window.border.left + kx * window.dilation.columns
            )
        }
    }
}

extension Reference.Map {
    func contains(_ row: Int, _ column: Int) -> Bool { (0..<height).contains(row) && (0..<width).contains(column) }
}
