import FleetModel
import Foundation
import Rollouts
import Testing

@Suite struct RolloutContentTests {
    private func artefact(_ version: UInt64, kind: String = "hook-version") throws -> ArtefactVersion {
        ArtefactVersion(kind: kind, name: try #require(ModelName("m")), version: version)
    }

    @Test func aRolloutIsKeptWithWhatItBrings() throws {
        let policy = Samples.rollout(RolloutPlan(name: "r"), groups: [["a"]])
        let artefact = Rollout(
            plan: RolloutPlan(name: "r"), content: .artefact(try artefact(3)), groups: [[try #require(BoardID("a"))]],
            number: 1, createdBy: "ann", createdAtMilliseconds: 1)
        for rollout in [policy, artefact] {
            let kept = try JSONDecoder().decode(Rollout.self, from: JSONEncoder().encode(rollout))
            #expect(kept.content == rollout.content && kept.plan == rollout.plan)
        }
        #expect(artefact.policy == nil && artefact.policyText.isEmpty && policy.artefact == nil)
        #expect(artefact.content.description == "artefact hook-version/m version 3")
    }

    /// Of versions of one thing one waits for the other.
    @Test func whatChangesTheSameThingIsTold() throws {
        let (one, another) = (RolloutContent.artefact(try artefact(3)), RolloutContent.artefact(try artefact(4)))
        #expect(one.isOfSame(another))
        #expect(!one.isOfSame(.artefact(try artefact(3, kind: "subnet-table"))))
        let policy = Samples.rollout(RolloutPlan(name: "r"), groups: [["a"]]).content
        #expect(policy.isOfSame(policy) && !policy.isOfSame(one))
    }
}
