import Engine
import GateCalibration
import HookNetworks

/// Some images of a stream: those that gates learn from, or those that are kept to measure on.
struct LearnedPart {
    let stream: HookStream
    /// In the stream.
    let positions: [Int]
    let feed: ReadingFeed?

    /// Valid until the next one.
    func image(_ index: Int) -> UnsafeBufferPointer<Float> { stream.image(positions[index]) }

    /// Readings of the image's frame.
    func prepare(_ index: Int, _ readings: FrameReadings) { feed?.set(positions[index], readings) }
}

extension HooksTrainCommand {
    /// Measures what the trained gates damage together, on images that nothing was fitted on.
    func measureTogether(_ loaded: inout LoadedHooks, _ part: LearnedPart) throws {
        guard !part.positions.isEmpty else {
            return Terminal.note(
                """
                shoal: warning: too few images to measure what gates damage together \
                (\(JointMeasurement.fewestImages) would do): each keeps to the budget by its own prediction alone
                """)
        }
        let progress = Progress("Measuring decisions together, per mille", total: 1_000)
        let measurement = JointMeasurement(
            Array(part.positions.indices), images: { part.image($0) }, prepare: { part.prepare($0, $1) })
        let trained = loaded
        loaded.state.calibrations = try measurement.calibrations(of: trained.state) { state in
            var one = trained
            one.state = state
            return try one.network()
        } progress: {
            progress.update(Int(1_000 * $0))
        }
    }
}

/// What gates of some kinds damage together, as `shoal hooks train` shows it.
struct TogetherReport: Encodable {
    struct Rung: Encodable {
        var budget: Double
        /// Mean damage of gates that are held to it, and the standard error of the mean.
        var damage: Double
        var standardError: Double
        /// What gates are held to where it is asked for.
        var heldBudget: Float
    }

    var kinds: [GateKind]
    var images: Int
    var ladder: [Rung]

    init(_ calibration: HookState.Calibration) {
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

    var text: String {
        let budgets = ladder.filter { Self.shown.contains($0.budget) }.map { rung in
            "\(rung.budget) to \(rung.heldBudget) (damage there \(rung.damage.text(4)))"
        }
        let names = kinds.map(\.rawValue).joined(separator: " and ")
        return "\(names), decisions together on \(images) images; budgets are held: "
            + budgets.joined(separator: ", ")
    }
}
