/// From the budget that is asked for to the one that gates are held to, so that the mean damage of what they decide
/// together stays within the budget asked, and no single prediction exceeds it.
///
/// Held is the budget asked itself where the damage measured at the next rung above it is within it; else the highest
/// rung below whose is; 0, where gates decide nothing, if there is none. Between rungs nothing is interpolated: damage
/// rises with the budget, so that of the rung above bounds it. The map rises with the budget asked.
///
/// A value of two short arrays: asking it allocates nothing.
public struct BudgetMap: Equatable, Sendable {
    /// Standard errors of the measured mean that are added to it. Chosen by measurement (`Benchmarks/hooks.md`).
    public static let caution = 1.0

    /// Every budget is held to itself.
    public static let identity = BudgetMap(rungs: [], bounds: [])

    private let rungs: [Float]
    /// Rising.
    private let bounds: [Float]

    private init(rungs: [Float], bounds: [Float]) { (self.rungs, self.bounds) = (rungs, bounds) }

    /// The identity where too little was measured.
    public init(_ curve: DamageCurve, caution: Double = Self.caution) {
        guard curve.isKnown else {
            self = .identity
            return
        }
        self.init(
            rungs: DamageCurve.rungs.map { Float($0) }, bounds: curve.bounds(caution: caution).map { Float($0) })
    }

    /// Holds to whatever the strictest of some maps holds to, for gates of which only larger or smaller sets were
    /// measured.
    public init(strictestOf maps: [BudgetMap]) {
        let known = maps.filter { $0 != .identity }
        guard let first = known.first else {
            self = .identity
            return
        }
        self.init(
            rungs: first.rungs,
            bounds: first.rungs.indices.map { rung in known.reduce(0) { max($0, $1.bounds[rung]) } })
    }

    public var isIdentity: Bool { rungs.isEmpty }

    /// - Parameter asked: 0...1; below 0, off, stays what it is.
    public func held(_ asked: Float) -> Float {
        guard asked >= 0, !rungs.isEmpty else { return asked }
        var rung = 0
        while rung < rungs.count - 1, rungs[rung] < asked { rung += 1 }
        if bounds[rung] <= asked { return asked }
        while rung > 0 {
            rung -= 1
            if bounds[rung] <= asked { return min(rungs[rung], asked) }
        }
        return 0
    }
}
