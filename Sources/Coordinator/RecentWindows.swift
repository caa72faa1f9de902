import FleetModel

/// A model's newest windows added up, for those who watch the fleet: some hundreds of windows in a few sums, so that
/// nobody has to read them again each second.
///
/// - SeeAlso: `ModelSummary`, which makes the same of windows that were read from the store.
struct RecentWindows: Sendable {
    static let windowsOfSum = 120
    static let sums = 5

    /// Oldest first.
    private var summed: [ModelTelemetry] = []
    private var attainments: [Attainment] = []
    private var count = 0
    private(set) var last: ModelTelemetry
    private var position: TelemetryPosition

    /// - Parameter pointAccuracy: of the window's operating point; `nil` where no table tells.
    init(_ window: ModelTelemetry, at position: TelemetryPosition, pointAccuracy: Double?) {
        (last, self.position) = (window, position)
        add(window, at: position, pointAccuracy: pointAccuracy)
    }

    /// - Parameter position: one that came before the newest is added, and does not replace it.
    mutating func add(_ window: ModelTelemetry, at position: TelemetryPosition, pointAccuracy: Double?) {
        let attainment = Attainment(window, pointAccuracy: pointAccuracy)
        if position >= self.position { (last, self.position) = (window, position) }
        if summed.isEmpty || count == Self.windowsOfSum {
            summed.append(window.countsAlone)
            summed.removeFirst(max(0, summed.count - Self.sums))
            attainments.append(attainment)
            attainments.removeFirst(max(0, attainments.count - Self.sums))
            count = 1
        } else {
            summed[summed.count - 1].add(window)
            attainments[attainments.count - 1].add(attainment)
            count += 1
        }
    }

    var attainment: Attainment { attainments.reduce(into: Attainment()) { $0.add($1) } }

    var summary: ModelSummary { ModelSummary(sums: summed, last: last, attainment: attainment) }
}

extension ModelTelemetry {
    /// Without what is not added up.
    fileprivate var countsAlone: ModelTelemetry {
        var window = self
        window.hooks?.zeros = nil
        window.hooks?.reason = ""
        return window
    }

    /// Counts alone.
    fileprivate mutating func add(_ window: ModelTelemetry) {
        func sum(_ first: UInt32, _ second: UInt32) -> UInt32 {
            let (sum, isTooMuch) = first.addingReportingOverflow(second)
            return isTooMuch ? .max : sum
        }
        violations = sum(min(violations, frames), min(window.violations, window.frames))
        frames = sum(frames, window.frames)
        dropped = sum(dropped, window.dropped)
        labelled = sum(labelled, window.labelled)
        correct = sum(correct, window.correct)
        switches = sum(switches, window.switches)
        guard let more = window.hooks else { return }
        guard hooks != nil else { return hooks = window.countsAlone.hooks }
        for kind in more.kinds {
            if let place = hooks?.kinds.firstIndex(where: { $0.name == kind.name }) {
                hooks?.kinds[place].taken &+= kind.taken
                hooks?.kinds[place].possible &+= kind.possible
            } else if hooks?.kinds.count ?? 0 < HookTelemetry.kindLimit {
                hooks?.kinds.append(kind)
            }
        }
    }
}
