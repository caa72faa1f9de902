import Foundation
import GateCalibration

/// What gates of some kinds damage together, as `shoal hooks train` shows it.
public struct TogetherReport: Encodable, Sendable {
    public struct Rung: Encodable, Sendable {
        public var budget: Double
        /// Mean damage of gates that are held to it, and the standard error of the mean.
        public var damage: Double
        public var standardError: Double
        /// What gates are held to where it is asked for.
        public var heldBudget: Float
    }

    public var kinds: [GateKind]
    public var images: Int
    public var ladder: [Rung]

    public init(_ calibration: HookState.Calibration) {
        let map = BudgetMap(calibration.curve)
        kinds = calibration.kinds.sorted { $0.rawValue < $1.rawValue }
        images = Int(calibration.curve.measured.map(\.images).min() ?? 0)
        ladder = zip(DamageCurve.rungs, calibration.curve.measured).map { budget, rung in
            Rung(
                budget: budget, damage: rung.mean, standardError: rung.standardError,
                heldBudget: map.held(Float(budget)))
        }
    }

    /// Budgets that people ask for most.
    private static let shown: Set<Double> = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3]

    public var text: String {
        let budgets = ladder.filter { Self.shown.contains($0.budget) }.map { rung in
            "\(rung.budget) to \(rung.heldBudget) (damage there \(String(format: "%.4f", rung.damage)))"
        }
        let names = kinds.map(\.rawValue).joined(separator: " and ")
        return "\(names), decisions together on \(images) images; budgets are held: "
            + budgets.joined(separator: ", ")
    }
}
