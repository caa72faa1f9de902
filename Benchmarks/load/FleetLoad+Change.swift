import AdminAPI
import Foundation

/// How long a policy takes to reach the boards that it rules.
extension FleetLoad {
    private static let changes = 5
    /// Between two: reports go on meanwhile, and the store is not behind.
    private static let pause: Duration = .seconds(3)
    private static let longestChange: Duration = .seconds(60)
    private static let look: Duration = .milliseconds(200)

    func change(_ fleet: AgentFleet, _ coordinator: CoordinatorProcess) async throws -> LoadResult.Change {
        fleet.measures.reset(boards: fleet.agents.count)
        var (missing, converged) = (0, [Double]())
        for number in 0..<Self.changes {
            // Another fastest and slowest point each time, so that no board's assignment stays as it is.
            let text = Self.policy(milliseconds: number.isMultiple(of: 2) ? 3.5 : 5.5)
            let client = try coordinator.client()
            let began = ContinuousClock.now
            fleet.measures.policyChanged(at: began)
            let answer = Task.detached {
                let _: ApplyResult = try await client.post(
                    "v1/policies", ApplyRequest(file: "load.yaml", text: text, dryRun: false))
            }
            try fleet.run(for: Self.longestChange, period: every) {
                fleet.measures.changed?.boards == fleet.agents.count
            }
            missing += fleet.agents.count - (fleet.measures.changed?.boards ?? 0)
            do { try await answer.value } catch { throw LoadFailure("the policy was not applied: \(error)") }
            while try await !isConverged(client), began.duration(to: .now) < Self.longestChange {
                try fleet.run(for: Self.look, period: every)
            }
            converged.append(began.duration(to: .now) / .milliseconds(1))
            try fleet.run(for: Self.pause, period: every)
        }
        let change = LoadResult.Change(
            changes: Self.changes, missing: missing, reported: .init(milliseconds: fleet.measures.changes),
            converged: .init(milliseconds: converged))
        for (what, text) in change.sentences { say(what, text) }
        return change
    }

    private func isConverged(_ client: AdminClient) async throws -> Bool {
        let assignments: [AssignmentView] = try await client.get("v1/assignments")
        return assignments.allSatisfy { $0.generation == $0.reportedGeneration }
    }

    private static func policy(milliseconds: Double) -> String {
        """
        apiVersion: shoal/v1
        kind: Policy
        metadata: { name: load }
        spec:
          selector: { tier: edge }
          models:
            - model: classifier
              latency: { milliseconds: \(milliseconds), percentile: 95 }
              priority: 10
            - model: inspector
              latency: { milliseconds: \(milliseconds), percentile: 95 }
              priority: 5

        """
    }
}
