import SearchSpace

/// Layers in a row, over one flat list of parameters.
public struct Perceptron: Equatable, Sendable {
    public let layers: [Layer]
    public var parameters: [Double]

    /// - Precondition: each layer takes what the one before gives.
    public init(_ layers: [Layer], parameters: [Double]) {
        precondition(Self.fit(layers), "layers that do not fit together")
        precondition(parameters.count == layers.reduce(0) { $0 + $1.parameterCount }, "\(parameters.count) parameters")
        self.layers = layers
        self.parameters = parameters
    }

    public init(_ layers: [Layer], using generator: inout some RandomNumberGenerator) {
        var parameters: [Double] = []
        for layer in layers {
            var part = [Double](repeating: 0, count: layer.parameterCount)[...]
            layer.initialise(&part, using: &generator)
            parameters += part
        }
        self.init(layers, parameters: parameters)
    }

    /// Whether every layer takes what the one before gives.
    static func fit(_ layers: [Layer]) -> Bool {
        !layers.isEmpty && layers.allSatisfy(\.isPlausible)
            && zip(layers, layers.dropFirst()).allSatisfy { $0.outputs == $1.inputs }
    }

    public var inputs: Int { layers[0].inputs }
    public var outputs: Int { layers[layers.count - 1].outputs }

    public func output(for input: [Double]) -> [Double] {
        var trace = Trace(layers)
        trace.run(self, on: input)
        return trace.output
    }

    /// Every layer's result for one input, and room for gradients; kept from one sample to the next.
    public struct Trace {
        private let offsets: [Int]
        private var values: [[Double]]
        private var gradients: [[Double]]

        public init(_ layers: [Layer]) {
            var offset = 0
            offsets = layers.map { layer in
                defer { offset += layer.parameterCount }
                return offset
            }
            let sizes = [layers[0].inputs] + layers.map(\.outputs)
            values = sizes.map { [Double](repeating: 0, count: $0) }
            gradients = values
        }

        public var output: [Double] { values[values.count - 1] }

        public mutating func run(_ network: Perceptron, on input: [Double]) {
            precondition(input.count == network.inputs, "\(input.count) values for \(network.inputs) inputs")
            values[0] = input
            network.parameters.withUnsafeBufferPointer { parameters in
                guard let base = parameters.baseAddress else { return }
                for (index, layer) in network.layers.enumerated() {
                    values[index].withUnsafeBufferPointer { input in
                        values[index + 1].withUnsafeMutableBufferPointer { output in
                            guard let input = input.baseAddress, let output = output.baseAddress else { return }
                            layer.forward(base + offsets[index], input, output)
                        }
                    }
                }
            }
        }

        /// Adds the gradient of the parameters for the last run.
        /// - Parameter upstream: of the output.
        public mutating func backpropagate(_ network: Perceptron, _ upstream: [Double], into gradient: inout [Double]) {
            gradients[gradients.count - 1] = upstream
            network.parameters.withUnsafeBufferPointer { parameters in
                gradient.withUnsafeMutableBufferPointer { gradient in
                    guard let base = parameters.baseAddress, let total = gradient.baseAddress else { return }
                    for (index, layer) in network.layers.enumerated().reversed() {
                        gradients[index + 1].withUnsafeBufferPointer { upstream in
                            gradients[index].withUnsafeMutableBufferPointer { result in
                                values[index].withUnsafeBufferPointer { input in
                                    guard let upstream = upstream.baseAddress, let result = result.baseAddress,
                                        let input = input.baseAddress
                                    else { return }
                                    layer.backward(
                                        base + offsets[index], input, upstream: upstream,
                                        gradient: total + offsets[index], inputGradient: result)
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
