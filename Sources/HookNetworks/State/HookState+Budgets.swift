public import GateCalibration

/// What gates decide together, and what budgets are held to on account of it.
extension HookState {
    /// Of the gates of some kinds, deciding alone.
    public struct Calibration: Equatable, Sendable {
        public let kinds: Set<GateKind>
        public var curve: DamageCurve

        public init(kinds: Set<GateKind>, curve: DamageCurve) { (self.kinds, self.curve) = (kinds, curve) }
    }

    /// Kinds whose hooks can decide.
    public var decidingKinds: Set<GateKind> {
        let deciding = hooks.filter {
            $0.gate != nil || $0.expectedDamage != nil || (precision != nil && $0.samples != nil)
        }
        return Set(deciding.map(\.point.kind))
    }

    /// With no gates but those of these kinds; the places of others stay what the gates know them as.
    public func leaving(only kinds: Set<GateKind>) -> HookState {
        var state = self
        for index in hooks.indices where !kinds.contains(hooks[index].point.kind) {
            (state.hooks[index].gate, state.hooks[index].expectedDamage) = (nil, nil)
        }
        return state
    }

    /// Of the kinds that decide. Where these were not measured by themselves, a budget is held to what the strictest of
    /// the sets measured asks that hold them or that they hold.
    public var budgetMap: BudgetMap {
        let kinds = decidingKinds
        if let known = calibrations.first(where: { $0.kinds == kinds }) { return BudgetMap(known.curve) }
        let related = calibrations.filter { $0.kinds.isSuperset(of: kinds) || $0.kinds.isSubset(of: kinds) }
        return BudgetMap(strictestOf: related.map { BudgetMap($0.curve) })
    }

    /// As a file names it.
    struct CalibrationEntry: Codable {
        struct Rung: Codable {
            var images: Double
            var sum: Double
            var squares: Double
        }
        var kinds: [GateKind]
        var measured: [Rung]

        init(_ calibration: Calibration) {
            kinds = calibration.kinds.sorted { $0.rawValue < $1.rawValue }
            measured = calibration.curve.measured.map { Rung(images: $0.images, sum: $0.sum, squares: $0.squares) }
        }

        /// - Throws: where sums are such as no damages have.
        static func calibrations(_ entries: [CalibrationEntry]?) throws(HookRefusal) -> [Calibration] {
            var result: [Calibration] = []
            for entry in entries ?? [] { result.append(try entry.calibration()) }
            return result
        }

        private func calibration() throws(HookRefusal) -> Calibration {
            let rungs = measured.map { DamageCurve.Rung(images: $0.images, sum: $0.sum, squares: $0.squares) }
            guard let curve = DamageCurve(measured: rungs) else {
                throw HookRefusal("what its gates damage together does not fit together")
            }
            return Calibration(kinds: Set(kinds), curve: curve)
        }
    }
}
