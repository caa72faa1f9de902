import CoordinatorCore
import FleetModel
import FleetStore
import Logging
import Messaging
import Testing

@testable import Coordinator

/// What a dry run says is what would happen.
@Suite struct DryRunTests {
    private func policy(_ name: String) -> Policy {
        Policy(
            name: name, selector: [:],
            models: [
                ModelPolicy(
                    model: "m", latency: LatencyConstraint(milliseconds: 10, percentile: 99), accuracyFloor: nil,
                    priority: 10)
            ])
    }

    @Test func aPolicyTooManyIsRefusedInTheSameWordsBeforeItIsApplied() async throws {
        let store = InMemoryFleetStore()
        for number in 1...FleetLimits.policies {
            _ = try await store.savePolicy(policy("p-\(number)"), text: "text", audit: nil)
        }
        let actor = try await CoordinatorActor(
            settings: .init(), store: store, transport: InMemoryCoordinatorTransport(allowList: AllowList([:])),
            logger: Logger(label: "test"), rollouts: store, retryPause: .zero)

        try await actor.refuseApplying("p-1")
        let dry = await #expect(throws: FleetStoreFailure.self) { try await actor.refuseApplying("another") }
        let wet = await #expect(throws: FleetStoreFailure.self) {
            _ = try await actor.apply(policy("another"), text: "text", by: "ann")
        }
        #expect(dry?.description == wet?.description && dry != nil)
    }
}
