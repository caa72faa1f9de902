import FleetModel
import Foundation
import Testing

@Suite struct PolicyTests {
    @Test(arguments: [
        (selector: [:], labels: [:], selects: true),
        (selector: [:], labels: ["tier": "edge"], selects: true),
        (selector: ["tier": "edge"], labels: ["tier": "edge", "site": "a"], selects: true),
        (selector: ["tier": "edge"], labels: ["tier": "core"], selects: false),
        (selector: ["tier": "edge"], labels: [:], selects: false),
        (selector: ["tier": "edge", "site": "a"], labels: ["tier": "edge"], selects: false),
    ])
    func selectsBoardsThatCarryEveryLabel(selector: [String: String], labels: [String: String], selects: Bool) {
        #expect(
            Samples.policy("p", selector: selector).selects(Samples.description("b", labels: labels, models: ["m"]))
                == selects)
    }

    @Test func survivesStorageAsJSON() throws {
        let policy = Policy(
            name: "p", selector: ["tier": "edge"],
            models: [
                ModelPolicy(
                    model: "m", latency: LatencyConstraint(milliseconds: 12.5, percentile: 99.9), accuracyFloor: 0.9,
                    priority: 100)
            ])
        #expect(try JSONDecoder().decode(Policy.self, from: JSONEncoder().encode(policy)) == policy)
    }
}
