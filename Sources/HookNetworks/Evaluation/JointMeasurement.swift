public import Engine
public import GateCalibration

/// Measures what the gates of hooks damage together, kind by kind and all at once, on images that nothing was fitted
/// on.
public struct JointMeasurement {
    /// Of so many images of a stream the last is kept from whatever is fitted.
    public static let reservedOutOf = 5

    /// Images of a stream below which none is kept.
    public static let fewestImages = GateTrainer.fewestSamples * reservedOutOf / (reservedOutOf - 1)

    /// Which of so many images anything is fitted on, and which are kept for the measurement.
    /// - Parameter first: position in its file of the first one, so that images stay on their side from one training to
    ///   the next.
    /// - Returns: none is kept where too few would be left to train a gate on.
    public static func split(_ count: Int, first: Int) -> (fitted: [Int], reserved: [Int]) {
        let reserved = (0..<count).filter { (first + $0) % reservedOutOf == reservedOutOf - 1 }
        guard count - reserved.count >= GateTrainer.fewestSamples else { return (Array(0..<count), []) }
        let fitted = (0..<count).filter { (first + $0) % reservedOutOf != reservedOutOf - 1 }
        return (fitted, reserved)
    }

    /// Makes a network of hooks.
    public typealias Network = (HookState) throws -> any HookedNetwork

    let positions: [Int]
    let images: (Int) -> UnsafeBufferPointer<Float>
    /// Before every image, for the readings of its frame.
    let prepare: (Int, FrameReadings) -> Void

    /// - Parameter positions: of the images to measure on.
    public init(
        _ positions: [Int], images: @escaping (Int) -> UnsafeBufferPointer<Float>,
        prepare: @escaping (Int, FrameReadings) -> Void
    ) {
        (self.positions, self.images, self.prepare) = (positions, images, prepare)
    }

    /// - Returns: one curve for each kind that decides, and for all of them together; none without images.
    public func calibrations(
        of state: HookState, network: Network, progress: (Double) -> Void
    ) throws -> [HookState.Calibration] {
        var state = state
        state.calibrations = []
        let kinds = state.decidingKinds
        guard !positions.isEmpty, !kinds.isEmpty else { return [] }
        let single = kinds.count > 1 ? kinds.sorted { $0.rawValue < $1.rawValue }.map { Set([$0]) } : []
        let sets = single + [kinds]
        return try sets.enumerated().map { index, set in
            let curve = try curve(of: network(state.leaving(only: set))) {
                progress((Double(index) + $0) / Double(sets.count))
            }
            return HookState.Calibration(kinds: set, curve: curve)
        }
    }

    /// - Precondition: nothing holds the network's gates to other budgets than those asked for.
    private func curve(of network: any HookedNetwork, progress: (Double) -> Void) -> DamageCurve {
        precondition(network.budgets.isIdentity, "measured already")
        var curve = DamageCurve()
        for (index, position) in positions.enumerated() {
            let image = images(position)
            if let readings = network.readings { prepare(position, readings) }
            let full = Array(network.answer(image, budget: -1).logits)
            for rung in DamageCurve.rungs.indices { curve.add(network, image, full: full, at: rung) }
            progress(Double(index + 1) / Double(positions.count))
        }
        return curve
    }
}

extension DamageCurve {
    /// Answers an image at the rung.
    mutating func add(
        _ network: any HookedNetwork, _ image: UnsafeBufferPointer<Float>, full: [Float], at rung: Int
    ) {
        let answer = network.answer(image, budget: Float(Self.rungs[rung]))
        let damage = full.withUnsafeBufferPointer { network.damage(of: answer, full: $0) }
        add(Double(min(max(damage, 0), 1)), at: rung)
    }
}
