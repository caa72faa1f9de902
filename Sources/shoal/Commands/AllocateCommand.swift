import ArgumentParser
import FleetModel
import Foundation
import ResourceAllocation
import SearchSpace

struct AllocateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "allocate", abstract: "Share one board among its models by policy.",
        discussion: """
            Chooses an operating point for every model that a policy rules, so that priority x accuracy sums highest \
            within the board's CPU time, memory and power and each model's own limits. What cannot be met is named in \
            infeasible, and the least bad points are assigned all the same; the exit code stays 0, because that is \
            an answer. The formats of both files are in the README, "Several models on one board".
            """)

    @Option(help: "The board: its resources, its models and their operating points (YAML or JSON).")
    var board: String
    @Option(help: "One or more policies (YAML or JSON).")
    var policy: String
    @Option(
        parsing: .unconditional, help: "States that the search keeps before it gives up its proof and states the gap.")
    var stateLimit = MultipleChoiceKnapsack.defaultStateLimit
    @Option(parsing: .unconditional, help: "How often to solve; the fastest time is stated.")
    var repeats = 1
    @OptionGroup var format: FormatOptions

    /// `null` where the board or the point says nothing.
    struct Assigned: Encodable {
        var model: String
        var policy: String
        /// Position in the board's file, from 0.
        var point: Int
        var name: String?
        var subnet: SubnetConfiguration?
        var resolution: Int?
        var precision: String?
        var threads: Int
        var hookBudget: Double?
        var accuracy: Double
        /// At the constraint's percentile, beside the neighbours.
        var latencyMilliseconds: Double
        var constraintMilliseconds: Double
        var percentile: Double
        var slowdown: Double
        var cores: Double
        /// Of the board's CPU time.
        var cpuShare: Double
        var memoryBytes: UInt64
        var watts: Double
        var priority: Int
        /// The points that the policy permits lie between these.
        var lowestPoint: Int
        var highestPoint: Int
    }

    struct Usage: Encodable {
        var used: Double
        /// `null` where it is no constraint.
        var budget: Double?
    }

    struct Summary: Encodable {
        var board: String
        var assignments: [Assigned]
        var objective: Double
        var upperBound: Double
        /// Share of the upper bound that a better choice could gain at most; 0 when proven best.
        var gap: Double
        var isProvenOptimal: Bool
        var infeasible: [Infeasibility]
        /// Models on the board that no policy rules; nothing is assigned to them or counted for them.
        var unruled: [String]
        var cores: Usage
        var memoryBytes: Usage
        var watts: Usage
        var exploredStates: Int
        var solveMilliseconds: Double
    }

    func validate() throws {
        guard (1...10_000_000).contains(stateLimit) else {
            throw ValidationError("--state-limit: give 1 to 10000000")
        }
        guard (1...10_000).contains(repeats) else { throw ValidationError("--repeats: give 1 to 10000") }
    }

    func run() async throws {
        try await refusing {
            let boardFile = try read(board) { try BoardFile.parse($0, file: board) }
            let policies = try read(policy) { text in
                let policies = try PolicyFile.parseAll(text, file: policy)
                try check(policies, text, boardFile)
                return policies
            }
            try show(allocate(boardFile, policies))
        }
    }

    private func read<Value>(_ path: String, _ parse: (String) throws -> Value) throws -> Value {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw Refusal("\(path): cannot be read as text")
        }
        do { return try parse(text) } catch let refusal as PolicyRefusal { throw Refusal(refusal.description) }
    }

    private func check(_ policies: [Policy], _ text: String, _ board: BoardFile) throws {
        for policy in policies {
            for finding in PolicyCheck.findings(for: policy, boards: [board.description], others: policies) {
                let refusal = finding.refusal(of: policy.name, in: text, file: self.policy)
                guard finding.severity == .warning else { throw refusal }
                Terminal.note("shoal: warning: \(refusal)")
            }
        }
    }

    private func allocate(_ board: BoardFile, _ policies: [Policy]) -> Summary {
        let rules = PolicySelection.rules(for: board.description, policies: policies)
        let requests = board.requests(for: rules)
        let budget = board.budget(under: policies)
        func solve() -> (Allocation, Duration) {
            let start = ContinuousClock.now
            let allocation = Allocator.allocate(requests, within: budget, stateLimit: stateLimit)
            return (allocation, start.duration(to: .now))
        }
        let first = solve()
        let allocation = first.0
        var elapsed = first.1
        for _ in 1..<repeats { elapsed = min(elapsed, solve().1) }
        let assigned = allocation.models.compactMap { share in
            Self.assigned(share, board, rules, requests)
        }
        return Summary(
            board: board.name, assignments: assigned, objective: allocation.objective,
            upperBound: allocation.upperBound,
            gap: allocation.upperBound > 0 ? 1 - allocation.objective / allocation.upperBound : 0,
            isProvenOptimal: allocation.isProvenOptimal, infeasible: allocation.infeasible,
            unruled: board.models.map(\.name.rawValue).filter { name in !rules.contains { $0.model.model == name } },
            cores: Usage(used: allocation.cores, budget: budget.usableCores),
            memoryBytes: Usage(
                used: allocation.models.reduce(0) { $0 + Double($1.memoryBytes) },
                budget: budget.memoryBytes.map { Double($0) }),
            watts: Usage(used: allocation.models.reduce(0) { $0 + $1.watts }, budget: budget.watts),
            exploredStates: allocation.exploredStates, solveMilliseconds: elapsed / .milliseconds(1))
    }

    private static func assigned(
        _ share: ModelAllocation, _ board: BoardFile, _ rules: [PolicySelection.Rule], _ requests: [AllocationRequest]
    ) -> Assigned? {
        guard let model = board.models.first(where: { $0.name.rawValue == share.model }),
            let rule = rules.first(where: { $0.model.model == share.model }),
            let request = requests.first(where: { $0.policy.model == share.model })
        else { return nil }
        let point = model.points[share.preferredPoint]
        let configuration = point.configuration
        return Assigned(
            model: share.model, policy: rule.policy, point: share.preferredPoint,
            name: model.pointNames[share.preferredPoint], subnet: configuration.depths.isEmpty ? nil : configuration,
            resolution: configuration.resolution > 0 ? configuration.resolution : nil,
            precision: point.demand?.precision, threads: point.demand?.threads ?? 1,
            hookBudget: point.demand?.hookBudget, accuracy: point.accuracy,
            latencyMilliseconds: share.latencyMilliseconds, constraintMilliseconds: rule.model.latency.milliseconds,
            percentile: rule.model.latency.percentile, slowdown: request.slowdown, cores: share.cores,
            cpuShare: share.cores / board.cores, memoryBytes: share.memoryBytes, watts: share.watts,
            priority: rule.model.priority, lowestPoint: share.lowestPoint, highestPoint: share.highestPoint)
    }

    private func show(_ summary: Summary) throws {
        guard format.format == .table else { return try Terminal.json(summary) }
        var table = TextTable(["MODEL", "POINT", "ACCURACY %", "LATENCY ms", "CONSTRAINT ms", "CORES", "PRIORITY"])
        for model in summary.assignments {
            table.add([
                model.model, model.name ?? "\(model.point)", (100 * model.accuracy).text(2),
                model.latencyMilliseconds.text(2), model.constraintMilliseconds.text(2), model.cores.text(3),
                "\(model.priority)",
            ])
        }
        Terminal.print(table.text)
        for reason in summary.infeasible { Terminal.print("infeasible: \(reason.reason)") }
        let proof = summary.isProvenOptimal ? "proven best" : "at most \((100 * summary.gap).text(2)) % from the best"
        Terminal.print("objective \(summary.objective.text(4)), \(proof), \(summary.solveMilliseconds.text(2)) ms")
    }
}
