import FleetModel

/// The operating points that a model's own policy permits, whatever its neighbours take.
///
/// Its limits are applied in the order of `Limit`. One that no point left satisfies is named, and leaves the points
/// that come nearest to it, as a rule one, but for the accuracy floor: what is below the floor still serves, and what
/// is late or takes too much does not, so that every point that the other limits leave may run.
struct PermittedPoints {
    /// Positions in the table, ascending; empty only without any point.
    let points: [Int]
    /// The same if there were no accuracy floor.
    let withoutFloor: [Int]
    /// The limits that no point left satisfied.
    let infeasible: [Infeasibility]

    private enum Limit: CaseIterable {
        case latency, frameRate, cpuShare, memory, energy, accuracyFloor

        /// Whether it is set on what a measurement says.
        var isMeasured: Bool {
            switch self {
            case .latency, .frameRate, .cpuShare, .energy: true
            case .memory, .accuracyFloor: false
            }
        }
    }

    private struct Measure {
        let constraint: Infeasibility.Constraint
        /// What the limit is set on, by point; lower is better.
        let value: (Int) -> Double
        let limit: Double
        /// Completes "model x: " for a point, and what bars the points that would do better.
        let sentence: (_ point: Int, _ bars: String) -> String
    }

    /// - Parameters:
    ///   - cores: CPU time of the board of which `cpuShare` is a share.
    ///   - incumbent: Points that were permitted before. What is measured of one of these may exceed its limit by
    ///     `slack`, that of any other has to stay below it by as much: a measurement that varies moves no point.
    init(of request: AllocationRequest, cores: Double, incumbent: ClosedRange<Int>?, slack: Double) {
        var left = Array(request.points.indices)
        guard !left.isEmpty else {
            let reason = "model \(request.policy.model): it has no operating point on this board"
            (points, withoutFloor) = ([], [])
            infeasible = [Infeasibility(constraint: .operatingPoints, model: request.policy.model, reason: reason)]
            return
        }
        var (unfloored, found) = (left, [Infeasibility]())
        var bars = Bars()
        for limit in Limit.allCases {
            if limit == .accuracyFloor { unfloored = left }
            guard let measure = Self.measure(limit, of: request, cores: cores, broken: bars.broken) else { continue }
            let fitting = left.filter { point in
                guard limit.isMeasured, let incumbent else { return measure.value(point) <= measure.limit + 1e-9 }
                return measure.value(point) <= measure.limit * (incumbent.contains(point) ? 1 + slack : 1 - slack)
            }
            let nearest = left.min { measure.value($0) < measure.value($1) } ?? left[0]
            // Above the limit by less than the slack: permitted, only not yet told from noise.
            if fitting.isEmpty, measure.value(nearest) > measure.limit + 1e-9 {
                let sentence = measure.sentence(
                    nearest, bars.text(to: measure, below: nearest, of: request, cores: cores))
                found.append(
                    Infeasibility(
                        constraint: measure.constraint, model: request.policy.model,
                        reason: "model \(request.policy.model): \(sentence)"))
                bars.broken.insert(limit)
            }
            guard limit != .accuracyFloor || !fitting.isEmpty else { break }
            let kept = fitting.isEmpty ? left.filter { measure.value($0) <= measure.value(nearest) } : fitting
            for point in left where !kept.contains(point) { bars.barredBy[point] = limit }
            left = kept
        }
        (points, withoutFloor, infeasible) = (left, unfloored, found)
    }

    private static func measure(
        _ limit: Limit, of request: AllocationRequest, cores: Double, broken: Set<Limit>
    ) -> Measure? {
        let policy = request.policy
        let beside = request.slowdown == 1 ? "" : " beside its neighbours"
        switch limit {
        case .latency:
            let limit = policy.latency.milliseconds
            return Measure(constraint: .latency, value: request.latencyMilliseconds, limit: limit) { point, bars in
                let texts = Figure.texts(request.latencyMilliseconds(at: point), limit)
                return "its fastest point\(bars) takes \(texts.first) ms\(beside), the constraint is \(texts.second) ms"
            }
        case .frameRate:
            return Measure(constraint: .frameRate, value: request.occupancy, limit: 1) { point, bars in
                let rate = request.framesPerSecond
                let texts = Figure.texts(rate / request.occupancy(at: point), rate)
                return "its fastest point\(bars) computes \(texts.first) frames per second\(beside), "
                    + "\(texts.second) arrive"
            }
        case .cpuShare:
            guard let share = policy.cpuShare else { return nil }
            return Measure(constraint: .cpuShare, value: request.cores, limit: share * cores) { point, bars in
                let texts = Figure.texts(request.cores(at: point), share * cores, places: 3)
                return "the point of least CPU time\(bars) takes \(texts.first) cores\(beside), its share is "
                    + "\(texts.second) (\(Figure.percent(share)) % of \(Figure.shown(cores, places: 3)))"
            }
        case .memory:
            guard let bytes = policy.memoryBytes else { return nil }
            return Measure(constraint: .memory, value: request.bytes, limit: Double(bytes)) { point, bars in
                "the smallest point\(bars) takes \(Figure.shown(request.bytes(at: point))) bytes, its limit is \(bytes)"
            }
        case .energy:
            guard let energy = policy.energyMillijoules else { return nil }
            return Measure(constraint: .energy, value: request.millijoules, limit: energy) { point, bars in
                let texts = Figure.texts(request.millijoules(at: point), energy)
                return "the point of least energy\(bars) takes \(texts.first) mJ per frame, its limit is "
                    + "\(texts.second) mJ"
            }
        case .accuracyFloor:
            guard let floor = policy.accuracyFloor else { return nil }
            return Measure(
                constraint: .accuracyFloor, value: { -request.points[$0].accuracy }, limit: -floor
            ) { point, _ in
                let bars = Bars.texts(to: floor, of: request, cores: cores, broken: broken)
                let texts = Figure.texts(request.points[point].accuracy, floor, places: 4)
                return "\(bars.isEmpty ? "" : bars.joined(separator: " and ") + " ")its accuracy reaches "
                    + "\(texts.first), the accuracy floor is \(texts.second)"
            }
        }
    }

    /// What keeps a model from points that would do better.
    private struct Bars {
        /// The limit that ruled a point out.
        var barredBy: [Int: Limit] = [:]
        /// Those that no point left satisfied.
        var broken: Set<Limit> = []

        /// What rules out the points that are better than the best of those left: without it that best one is not the
        /// model's, and a sentence that says so would be untrue. Empty, or begins with a space.
        func text(
            to measure: Measure, below nearest: Int, of request: AllocationRequest, cores: Double
        ) -> String {
            let better = barredBy.filter { measure.value($0.key) < measure.value(nearest) }.values
            let limits = Limit.allCases.filter { better.contains($0) }
            return limits.isEmpty
                ? ""
                : " "
                    + limits.map { Self.phrase($0, of: request, cores: cores, isBroken: broken.contains($0)) }
                    .joined(separator: " and ")
        }

        /// What keeps the model from a point that reaches the floor: the limits that the one which breaks the fewest
        /// breaks. Empty where no point reaches it.
        static func texts(
            to floor: Double, of request: AllocationRequest, cores: Double, broken: Set<Limit>
        ) -> [String] {
            let limits = Limit.allCases.filter { $0 != .accuracyFloor }
            let reaching = request.points.indices.filter { request.points[$0].accuracy >= floor - 1e-9 }
            let inTheWay = reaching.map { point in
                limits.filter { limit in
                    guard let measure = measure(limit, of: request, cores: cores, broken: broken) else { return false }
                    return measure.value(point) > measure.limit + 1e-9
                }
            }
            return (inTheWay.min { $0.count < $1.count } ?? []).map {
                phrase($0, of: request, cores: cores, isBroken: broken.contains($0))
            }
        }

        private static func phrase(
            _ limit: Limit, of request: AllocationRequest, cores: Double, isBroken: Bool
        ) -> String {
            let policy = request.policy
            let milliseconds = Figure.shown(policy.latency.milliseconds)
            let rate = Figure.shown(request.framesPerSecond)
            let share = Figure.shown((policy.cpuShare ?? 1) * cores, places: 3)
            let (bytes, energy) = (policy.memoryBytes ?? 0, Figure.shown(policy.energyMillijoules ?? 0))
            return switch limit {
            case .latency: isBroken ? "nearest to its constraint of \(milliseconds) ms" : "within \(milliseconds) ms"
            case .frameRate: "\(isBroken ? "nearest to its" : "at") \(rate) frames per second"
            case .cpuShare: "\(isBroken ? "nearest to" : "within") its share of \(share) cores"
            case .memory: isBroken ? "nearest to its limit of \(bytes) bytes" : "within \(bytes) bytes"
            case .energy:
                isBroken ? "nearest to its limit of \(energy) mJ per frame" : "within \(energy) mJ per frame"
            case .accuracyFloor: ""
            }
        }
    }
}
