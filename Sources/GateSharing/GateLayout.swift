public import HookNetworks
import HookSharing

/// How the gates of one network become one flat list of numbers that can be merged, and back.
///
/// What boards share is the gates' weights, with the calibration folded into the last layer, for the mean of two
/// calibrated gates is a gate, that of two slopes none. What the weights rest on stays as all boards have it from the
/// start: which places there are, the convolutions and heads that were fitted, and the standardisation of features.
/// Averaging networks that began apart makes nonsense of them (McMahan et al. 2017, section 2).
public struct GateLayout: Equatable, Sendable {
    private struct Part: Equatable, Sendable {
        let mean: [Double]
        let deviation: [Double]
        let layers: [Layer]
        let count: Int
    }

    /// By hook; `nil` where there is no gate to share.
    private let parts: [Part?]
    public let parameterCount: Int

    /// - Parameter start: the gates that all boards of a group begin with, by hook.
    public init(_ start: [Gate?]) throws(HookRefusal) {
        var parts: [Part?] = []
        for (index, gate) in start.enumerated() {
            guard let gate else {
                parts.append(nil)
                continue
            }
            guard case .perceptron(let network) = gate.predictor, Self.endsLinearly(network.layers) else {
                throw HookRefusal("gate \(index) is not a perceptron that ends in a linear layer: it cannot be shared")
            }
            parts.append(
                Part(
                    mean: gate.mean, deviation: gate.deviation, layers: network.layers,
                    count: network.parameters.count))
        }
        let count = parts.reduce(0) { $0 + ($1?.count ?? 0) }
        guard count > 0 else { throw HookRefusal("no hook has a gate to begin with: train them once, for all boards") }
        guard count <= SharingLimits.parameters, parts.count <= SharingLimits.gates else {
            throw HookRefusal(
                "\(parts.count) gates of \(count) parameters: at most \(SharingLimits.gates) and "
                    + "\(SharingLimits.parameters) are shared")
        }
        (self.parts, parameterCount) = (parts, count)
    }

    public var gateCount: Int { parts.count }
    /// Whether a hook has a gate to share.
    public func isShared(_ hook: Int) -> Bool { parts[hook] != nil }

    /// Whether gates of these hooks went on from the start: of its standardisation and layers, where there are any.
    public func isOfShape(_ gates: [Gate?]) -> Bool {
        gates.count == parts.count
            && zip(gates, parts).allSatisfy { gate, part in
                guard let gate, let part else { return true }
                guard case .perceptron(let network) = gate.predictor else { return false }
                return gate.mean == part.mean && gate.deviation == part.deviation && network.layers == part.layers
            }
    }

    private static func endsLinearly(_ layers: [Layer]) -> Bool {
        guard layers.count >= 2, case .linear(_, 1) = layers[layers.count - 2],
            case .bias(1) = layers[layers.count - 1]
        else { return false }
        return true
    }

    /// - Parameter gates: of this layout; a gate that is missing counts as `base` has it.
    /// - Precondition: each gate has the layers of the start.
    public func vector(of gates: [Gate?], missing base: [Float]? = nil) -> [Float] {
        precondition(gates.count == parts.count, "\(gates.count) gates for \(parts.count)")
        var vector: [Float] = []
        vector.reserveCapacity(parameterCount)
        for (gate, part) in zip(gates, parts) {
            guard let part else { continue }
            if let gate, case .perceptron(let network) = gate.folded.predictor {
                precondition(network.layers == part.layers, "a gate of other layers")
                vector += network.parameters.map { Float($0) }
            } else {
                vector +=
                    base.map { $0[vector.count..<vector.count + part.count].map { $0 } }
                    ?? [Float](repeating: 0, count: part.count)
            }
        }
        return vector
    }

    /// - Parameter validations: by hook, of gates of these numbers.
    /// - Precondition: as many numbers as the layout has.
    public func gates(_ vector: [Float], _ validations: [GateValidation?]) -> [Gate?] {
        precondition(vector.count == parameterCount, "\(vector.count) parameters for \(parameterCount)")
        var position = 0
        return zip(parts, validations).map { part, validation in
            guard let part else { return nil }
            defer { position += part.count }
            let parameters = vector[position..<position + part.count].map { Double($0) }
            return Gate(
                mean: part.mean, deviation: part.deviation,
                predictor: .perceptron(Perceptron(part.layers, parameters: parameters)), slope: 1, offset: 0,
                validation: validation ?? .unknown)
        }
    }
}

extension GateValidation {
    /// Of a gate that nobody has judged: it does not pass.
    public static let unknown = GateValidation(
        samples: 0, loss: 0, constantLoss: 0, acceptedDamage: 0, acceptedPrediction: 0)
}

extension Gate {
    /// The same gate with its calibration within the last layer.
    public var folded: Gate {
        guard case .perceptron(var network) = predictor, network.layers.count >= 2,
            case .linear(let inputs, 1) = network.layers[network.layers.count - 2]
        else { return self }
        let end = network.parameters.count
        for index in end - inputs - 1..<end { network.parameters[index] *= slope }
        network.parameters[end - 1] += offset
        return Gate(
            mean: mean, deviation: deviation, predictor: .perceptron(network), slope: 1, offset: 0,
            validation: validation)
    }
}
