import FleetModel
import Processors

/// Holds the threads that run models to the shares of the board's CPU time that the assignment gives their models.
///
/// Models that take turns on one thread share what they are given together; one without a limit leaves its thread
/// without. Works beside the inference path: it moves threads, which know nothing of it.
struct ShareDesk: Sendable {
    /// A thread that runs models.
    struct Lane: Sendable {
        var models: [String]
        var processor: Int?
        /// 0 until it runs.
        var thread: @Sendable () -> Int32
    }

    private let lanes: [Lane]
    private let cores: Double
    private var enforcement: ShareEnforcement
    private var shares: [String: Double] = [:]
    private var isDue = false
    /// What is in force; `nil` while no share is limited.
    private(set) var telemetry: ShareTelemetry?

    /// - Parameter cores: CPU time of the board that shares are of.
    init(_ lanes: [Lane], cores: Double, enforcement: ShareEnforcement) {
        (self.lanes, self.cores, self.enforcement) = (lanes, cores, enforcement)
    }

    mutating func assigned(_ models: [ModelAssignment]) {
        let wanted = Dictionary(
            models.compactMap { model in model.cpuShare.map { (model.model, $0) } },
            uniquingKeysWith: { first, _ in first })
        guard wanted != shares else { return }
        (shares, isDue) = (wanted, true)
    }

    /// - Returns: what is in force now, where that has changed.
    mutating func timerFired() -> ShareTelemetry? {
        guard isDue else { return nil }
        let demands = Self.demands(of: lanes, shares: shares, cores: cores)
        // Threads come to life shortly after the agent.
        guard demands.allSatisfy({ $0.thread > 0 }) else { return nil }
        isDue = false
        let lifted = Self.lifted(lanes: lanes, shares: shares)
        telemetry = enforcement.enforce(demands).map { outcome in
            .init(
                means: .init(outcome.means), detail: ([outcome.detail] + lifted).joined(separator: "; "),
                reason: outcome.reason)
        }
        // Shares that somebody asked for and nothing holds are told of, too.
        if telemetry == nil, !lifted.isEmpty {
            telemetry = .init(means: .none, detail: "", reason: lifted.joined(separator: "; "))
        }
        return telemetry
    }

    /// Limits that bind nothing, because a model on the same thread has none.
    static func lifted(lanes: [Lane], shares: [String: Double]) -> [String] {
        lanes.compactMap { lane in
            let (limited, free) = (lane.models.filter { shares[$0] != nil }, lane.models.filter { shares[$0] == nil })
            guard !limited.isEmpty, !free.isEmpty else { return nil }
            let (subject, verb) = (limited.joined(separator: ", "), free.count == 1 ? "has" : "have")
            return "the limit of \(subject) is lifted by \(free.joined(separator: ", ")), which \(verb) none and "
                + "\(free.count == 1 ? "takes" : "take") turns with it"
        }
    }

    mutating func stopped() { enforcement.release() }

    static func demands(of lanes: [Lane], shares: [String: Double], cores: Double) -> [ShareDemand] {
        lanes.map { lane in
            let limits = lane.models.map { shares[$0] }
            let sum = limits.contains(nil) ? nil : limits.reduce(0) { $0 + ($1 ?? 0) } * cores
            return ShareDemand(
                name: lane.models.joined(separator: "+"), thread: lane.thread(), cores: sum, processor: lane.processor)
        }
    }
}

extension ShareEnforcement {
    /// For this process, as the agent's configuration wants it.
    init(_ configuration: AgentConfiguration.Shares, processors: [Int], process: Int32) {
        let means = configuration.means ?? .cgroup
        let scheduling: any ThreadScheduling = means == .none ? RefusingScheduling() : KernelThreadScheduling()
        self.init(processors: processors, scheduling: scheduling) { () throws(ShareRefusal) in
            guard means == .cgroup else { throw ShareRefusal("cgroups are switched off (shares.means)") }
            let files = KernelGroupFiles()
            let own = try configuration.cgroup == nil ? Self.ownFolder(files) : nil
            return try ThreadGroups(
                in: own ?? configuration.cgroup ?? "", process: process, isJoining: own == nil, files: files)
        }
    }

    private static func ownFolder(_ files: KernelGroupFiles) throws(ShareRefusal) -> String {
        try ThreadGroups.ownFolder(
            mounts: files.read("/proc/self/mounts") ?? "", membership: files.read("/proc/self/cgroup") ?? "")
    }
}

private struct RefusingScheduling: ThreadScheduling {
    func place(_ thread: Int32, on processors: [Int]) throws(ShareRefusal) -> [Int] {
        throw ShareRefusal("affinity and priority are switched off")
    }

    func rank(_ thread: Int32, nice: Int32) throws(ShareRefusal) -> Int32 {
        throw ShareRefusal("affinity and priority are switched off")
    }
}

extension ShareTelemetry.Means {
    fileprivate init(_ means: ShareEnforcement.Means) {
        switch means {
        case .cgroup: self = .cgroup
        case .affinity: self = .affinity
        case .none: self = .none
        }
    }
}
