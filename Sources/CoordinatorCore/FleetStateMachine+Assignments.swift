public import FleetModel
import ResourceAllocation
import WireProtocol

/// A policy that rules these boards in place of the one of its name, if there is one.
public struct PolicyTrial: Equatable, Sendable {
    public var policy: Policy
    public var boards: Set<BoardID>

    public init(policy: Policy, boards: Set<BoardID>) { (self.policy, self.boards) = (policy, boards) }
}

/// Desired state: decided, made durable, sent, and sent again until it is reported.
extension FleetStateMachine {
    /// Description and incarnation of the board are on the disk.
    public mutating func boardPersisted(_ id: BoardID) { boards[id]?.isStored = true }

    // MARK: Assignments

    /// The policies in force are these; boards whose assignment changes with them are told.
    public mutating func policiesChanged(_ policies: [Policy], at now: Instant) -> [Action] {
        self.policies = policies
        return assignAll(at: now)
    }

    /// It is so late by the clock that people read: policies with windows come into force and go.
    public mutating func clockRead(secondsSince1970 seconds: Int64, at now: Instant) -> [Action] {
        let (before, tried) = (policiesInForce, trials.map(isInForce))
        clockSeconds = seconds
        let after = policiesInForce
        guard before.map(\.name) != after.map(\.name) || tried != trials.map(isInForce) else { return [] }
        let (old, new) = (Set(before.map(\.name)), Set(after.map(\.name)))
        let events = new.symmetricDifference(old).sorted().map { name in
            Action.record(.policyWindow, nil, "policy \(name) is \(new.contains(name) ? "" : "no longer ")in force")
        }
        return events + assignAll(at: now)
    }

    /// By the clock that was read last.
    var policiesInForce: [Policy] { policies.filter { $0.isInForce(atSecondsSince1970: clockSeconds) } }

    private func isInForce(_ trial: PolicyTrial) -> Bool {
        trial.policy.isInForce(atSecondsSince1970: clockSeconds)
    }

    /// By the clock that was read last, on that board.
    func policiesInForce(on id: BoardID) -> [Policy] {
        let tried = trials.filter { $0.boards.contains(id) }
        guard !tried.isEmpty else { return policiesInForce }
        let names = Set(tried.map(\.policy.name))
        return policiesInForce.filter { !names.contains($0.name) } + tried.filter(isInForce).map(\.policy)
    }

    /// Some boards try other versions of policies, or no longer do; these are told.
    public mutating func trialsChanged(
        _ trials: [PolicyTrial], on boards: [BoardID], at now: Instant
    ) -> [Action] {
        self.trials = trials
        let interference = ClassInterference(of: believed)
        return boards.sorted().flatMap { assign($0, at: now, interference: interference) }
    }

    /// By model: the policy and what it says of the model, as its assignment was worked out last.
    public func rules(of id: BoardID) -> [String: PolicySelection.Rule] {
        guard let board = boards[id], let ruling = board.ruling else { return [:] }
        let rules = PolicySelection.rules(for: board.state.board, policies: ruling)
        return Dictionary(rules.map { ($0.model.model, $0) }) { first, _ in first }
    }

    /// What the board cannot meet by what it tries; empty where it could not meet as much without that.
    public func infeasibleByTrials(on id: BoardID) -> [String] {
        guard let state = boards[id]?.state else { return [] }
        let without = AssignmentPlan(
            for: state.board, policies: policiesInForce, reserve: settings.reserve,
            interference: interference(of: state.board))
        guard state.infeasible.count > without.infeasible.count else { return [] }
        return state.infeasible.filter { !without.infeasible.contains($0) }
    }

    private mutating func assignAll(at now: Instant) -> [Action] {
        let interference = ClassInterference(of: believed)
        return boards.keys.sorted().flatMap { assign($0, at: now, interference: interference) }
    }

    /// What could not be met on the boards that the policy selects, were it in force; in the order of their names.
    public func infeasible(with policy: Policy) -> [String] {
        var policy = policy
        policy.windows = nil
        let policies = policiesInForce.filter { $0.name != policy.name } + [policy]
        let interference = ClassInterference(of: believed)
        return activeStates.filter { policy.selects($0.board) }.flatMap { state in
            AssignmentPlan(
                for: state.board, policies: policies, reserve: settings.reserve,
                interference: interference.predicted(for: state.board)
            ).infeasible.map { "board \(state.board.id): \($0)" }
        }
    }

    /// Of one board: what it measured itself, without a look at the others where that is all.
    private func interference(of board: BoardDescription) -> Interference {
        if board.hasMeasuredInterference { return board.interference ?? Interference() }
        return (classInterference[board.boardClass] ?? interference(ofClass: board.boardClass)).predicted(for: board)
    }

    private func interference(ofClass name: String) -> ClassInterference {
        ClassInterference(of: believed.filter { $0.boardClass == name })
    }

    /// A board came, went, or describes itself anew: what its class measured is put together again if that matters.
    mutating func described(_ before: BoardDescription?, as after: BoardDescription?) {
        guard before?.boardClass != after?.boardClass || before?.interference != after?.interference else { return }
        for board in [before, after] where board?.interference?.factors.isEmpty == false {
            classInterference[board?.boardClass ?? ""] = nil
        }
    }

    /// Where nothing has changed that rules the board, figures that only vary leave its assignment as it is.
    /// - Parameter greeted: How the board described itself before the hello that it is assigned after.
    mutating func assign(
        _ id: BoardID, at now: Instant, greeted: BoardDescription? = nil, interference: ClassInterference? = nil
    ) -> [Action] {
        guard let state = boards[id]?.state else { return [] }
        let (name, pause) = (state.board.boardClass, settings.resend)
        // Of ten thousand boards that say hello, each would look at all others.
        if interference == nil, !state.board.hasMeasuredInterference, classInterference[name] == nil {
            classInterference[name] = self.interference(ofClass: name)
        }
        let ruling = state.isDrained ? [] : policiesInForce(on: id).filter { $0.selects(state.board) }
        let previous = greeted ?? (boards[id]?.ruling == ruling ? state.board : nil)
        let plan = AssignmentPlan(
            for: state.board, policies: ruling, reserve: settings.reserve,
            interference: interference?.predicted(for: state.board) ?? self.interference(of: state.board),
            previous: previous.map { .init(board: $0, models: state.desired.models) })
        boards[id]?.ruling = ruling
        var actions: [Action] = []
        if plan.infeasible != state.infeasible {
            let before = boards[id]?.unmet ?? []
            boards[id]?.state.infeasible = plan.infeasible
            boards[id]?.unmet = plan.unmet
            actions += plan.infeasible.map { .record(.constraintInfeasible, id, $0) }
            actions += plan.feasible(after: before).map { .record(.constraintFeasible, id, $0) }
        }
        // A board that reports a higher generation than was stored has outlived the store it came from.
        let hasFallenBehind = state.reportedGeneration > state.desired.generation
        if plan.models != state.desired.models || hasFallenBehind {
            let generation = max(state.desired.generation, state.reportedGeneration) + 1
            let assignment = Assignment(generation: generation, models: plan.models)
            boards[id]?.state.desired = assignment
            boards[id]?.pause = pause
            return actions + [
                .saveAssignment(assignment, id), .record(.assignmentChanged, id, "generation \(generation)"),
            ]
        }
        if greeted != nil { boards[id]?.pause = pause }
        return actions + offer(id, at: now)
    }

    /// The assignment of this generation is on the disk.
    public mutating func assignmentPersisted(_ id: BoardID, generation: UInt64, at now: Instant) -> [Action] {
        guard let board = boards[id] else { return [] }
        boards[id]?.storedGeneration = max(board.storedGeneration, generation)
        return generation == board.state.desired.generation ? offer(id, at: now) : []
    }

    /// Sends the desired assignment to a board that has not reported it; stores it first where that failed before.
    private mutating func offer(_ id: BoardID, at now: Instant) -> [Action] {
        guard let board = boards[id], board.state.status == .connected, !board.state.isConverged else { return [] }
        boards[id]?.sent = now
        let desired = board.state.desired
        if desired.generation > board.storedGeneration { return [.saveAssignment(desired, id)] }
        return [.send(.assign(desired), id)]
    }

    // MARK: Timers

    /// Looks at silences and unreported assignments; call it a few times per heartbeat.
    public mutating func timerFired(at now: Instant) -> [Action] {
        let patience = settings.heartbeat * settings.liveness
        var actions = quarantineDue(at: now)
        // Going through thousands of boards takes milliseconds: no more often than these have something to be told.
        if boards.count >= 1_000, let looked = silencesLooked,
            looked.duration(to: now) < min(settings.heartbeat / 5, settings.resend)
        {
            return actions
        }
        silencesLooked = now
        for id in due(at: now, patience) {
            guard let board = boards[id] else { continue }
            let silence = board.heard.duration(to: now)
            if board.state.status == .suspect {
                boards[id]?.state.status = .lost
                actions.append(.record(.boardLost, id, "silent for \(silence.milliseconds) ms"))
            } else if board.state.status == .enrolled {
                boards[id]?.state.status = .lost
                boards[id]?.isAwaited = false
                actions.append(
                    .record(.boardLost, id, "not back \(silence.milliseconds) ms after the coordinator's start"))
            } else if silence >= patience {
                boards[id]?.state.status = .suspect
            } else {
                actions += resend(board, id, at: now)
            }
        }
        return actions
    }

    /// Boards that want attention, in order. Of ten thousand most do not, and need not be put in order several times a
    /// second.
    private func due(at now: Instant, _ patience: Duration) -> [BoardID] {
        boards.lazy.filter { _, board in
            let silence = board.heard.duration(to: now)
            return switch board.state.status {
            case .connected: silence >= patience || !board.state.isConverged
            case .suspect: silence >= patience * 3
            // One that people want left alone may have been switched off before the coordinator's start.
            case .enrolled:
                board.isAwaited && !board.state.isDrained && silence >= max(settings.returning, patience * 3)
            case .lost: false
            }
        }.map(\.key).sorted()
    }

    private mutating func resend(_ board: Board, _ id: BoardID, at now: Instant) -> [Action] {
        if let sent = board.sent, sent.duration(to: now) < board.pause { return [] }
        let actions = offer(id, at: now)
        let pause = min(board.pause * 2, settings.longestResend)
        if !actions.isEmpty { boards[id]?.pause = pause }
        return actions
    }
}
