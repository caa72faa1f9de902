public import FleetModel
import ResourceAllocation

/// What an agent without its coordinator does when policies come into force or go by the clock: it plans for itself, by
/// the signed policies that it holds and by what it measured, as the coordinator would.
///
///     connected ── in force is what the coordinator plans by; it is kept in mind, also over a restart
///     alone for `patience`, and other policies are in force than then ──▶ own plan
///     in force as then, or connected for `handover` ──▶ as the coordinator told
///
/// An own plan has no generation: the assignment that the coordinator gave stays what it is, and any that comes takes
/// the plan's place. A clock that stands before the policies were signed has been lost, and nothing is planned by it.
public struct OfflinePolicies<Instant: InstantProtocol>: Sendable
where Instant: Sendable, Instant.Duration == Duration {
    public struct Settings: Sendable {
        /// Of a coordinator that is away.
        public var patience: Duration = .seconds(60)
        /// In which a coordinator that is back says what it wants now.
        public var handover: Duration = .seconds(15)

        public init() {}
    }

    public enum Action: Equatable, Sendable {
        /// Models without an entry are left to themselves, as by an assignment. Reasons are for people.
        case carryOut([ModelAssignment], inForce: [String], infeasible: [String])
        /// The coordinator's assignment again.
        case asTold
        /// These are in force while the coordinator plans; has to outlast a restart.
        case keep([String])
    }

    private let settings: Settings
    private let board: BoardDescription
    /// Signed, by model.
    private var policies: [ModelName: [Policy]] = [:]
    /// The latest signature, in seconds since 1970.
    private var signedAt: Int64 = 0
    /// Names of policies that were in force when the coordinator planned last; `nil` before it ever has.
    private var told: [String]?
    /// Names of those that the own plan is by; `nil` while the board does as it was told.
    private var planned: [String]?
    private var isConnected = false
    private var since: Instant

    /// - Parameter told: of `keep`, before a restart.
    public init(settings: Settings = Settings(), board: BoardDescription, told: [String]? = nil, at now: Instant) {
        (self.settings, self.board, self.told, since) = (settings, board, told, now)
    }

    /// Whether the board does what it planned itself.
    public var isPlanning: Bool { planned != nil }

    public mutating func sessionStarted(at now: Instant) { (isConnected, since) = (true, now) }
    public mutating func sessionLost(at now: Instant) {
        if isConnected { (isConnected, since) = (false, now) }
    }

    /// Signed policies of a model were taken over.
    /// - Parameter signedAt: in seconds since 1970.
    public mutating func received(_ policies: [Policy], for model: ModelName, signedAt: Int64) {
        self.policies[model] = policies
        self.signedAt = max(self.signedAt, signedAt)
        // What was planned by others is planned again.
        if planned != nil { planned = [] }
    }

    /// The coordinator's assignment was carried out.
    public mutating func assigned() { planned = nil }

    /// - Parameters:
    ///   - seconds: since 1970, by the clock that people read.
    ///   - isAssigned: whether the last assignment speaks of any model. Where it does not although policies were in
    ///     force, people want the board left alone (it is drained).
    public mutating func timerFired(
        secondsSince1970 seconds: Int64, isAssigned: Bool, at now: Instant
    ) -> [Action] {
        let ruling = ruling(atSecondsSince1970: seconds)
        let names = ruling.map(\.name)
        if isConnected {
            guard since.duration(to: now) >= settings.handover else { return [] }
            let isBack = planned != nil
            planned = nil
            let isNews = !policies.isEmpty && told != names
            if isNews { told = names }
            return (isBack ? [.asTold] : []) + (isNews ? [.keep(names)] : [])
        }
        guard let told, !policies.isEmpty, since.duration(to: now) >= settings.patience, seconds >= signedAt,
            names != planned ?? told, isAssigned || told.isEmpty
        else { return [] }
        guard names != told else {
            planned = nil
            return [.asTold]
        }
        planned = names
        let plan = AssignmentPlan(
            for: board, policies: ruling, reserve: BoardBudget.usualReserve,
            interference: board.interference ?? Interference())
        return [.carryOut(plan.models, inForce: names, infeasible: plan.infeasible)]
    }

    /// Those in force that select this board, by name; a policy that names several of its models counts once.
    private func ruling(atSecondsSince1970 seconds: Int64) -> [Policy] {
        let all = policies.sorted { $0.key < $1.key }.flatMap(\.value)
        let named = Dictionary(all.map { ($0.name, $0) }) { first, _ in first }
        return named.values.sorted { $0.name < $1.name }.filter {
            $0.selects(board) && $0.isInForce(atSecondsSince1970: seconds)
        }
    }
}
