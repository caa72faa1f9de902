import Artefacts
import FleetModel
import Testing

@testable import ArtefactFiles

@Suite struct PolicyContentTests {
    private func policy(_ name: String) -> Policy {
        Policy(
            name: name, selector: ["tier": "edge"],
            models: [
                ModelPolicy(
                    model: "camera", latency: .init(milliseconds: 33.3, percentile: 95), accuracyFloor: 0.7,
                    priority: 3, cpuShare: 0.5)
            ], reserve: BoardReserve(cpu: 0.1),
            windows: [PolicyWindow(days: [0, 6], fromMinute: 1_320, toMinute: 300, offsetMinutes: 60)],
            switchesPerMinute: 6)
    }

    @Test func whatIsWrittenIsRead() throws {
        let content = PolicyContent([policy("b"), policy("a")])
        let bytes = try content.bytes()
        #expect(try PolicyContent(bytes: bytes) == content && content.policies.map(\.name) == ["a", "b"])
        // The same policies are the same bytes, and so the same artefact.
        #expect(try PolicyContent([policy("a"), policy("b")]).bytes() == bytes)
        #expect(try PolicyContent(bytes: PolicyContent([]).bytes()).policies.isEmpty)
    }

    @Test func whatIsCutOffIsRefused() throws {
        let bytes = try PolicyContent([policy("a")]).bytes()
        for count in bytes.indices {
            #expect(throws: ArtefactFailure.self) { try PolicyContent(bytes: Array(bytes.prefix(count))) }
        }
    }

    /// Whatever is read can be planned by.
    @Test func whatIsChangedIsRefusedOrSound() throws {
        let bytes = try PolicyContent([policy("a")]).bytes()
        let seed = UInt64.random(in: 0...UInt64.max)
        var state = seed
        var (read, refused) = (0, 0)
        for _ in 0..<20_000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            var changed = bytes
            changed[Int(state >> 33) % bytes.count] = UInt8(truncatingIfNeeded: state >> 24)
            guard let content = try? PolicyContent(bytes: changed) else {
                refused += 1
                continue
            }
            read += 1
            for seconds in [Int64(0), 1_793_577_600, -5] {
                for policy in content.policies { _ = policy.isInForce(atSecondsSince1970: seconds) }
            }
        }
        #expect(read > 100 && refused > 100, "seed \(seed): \(read) read, \(refused) refused")
    }

    @Test func whatNoPolicyMaySayIsRefused() throws {
        let window = PolicyWindow(days: [0], fromMinute: 0, toMinute: Int.max)
        var wrong = policy("a")
        wrong.windows = [window]
        #expect(throws: ArtefactFailure.self) { try PolicyContent(bytes: PolicyContent([wrong]).bytes()) }
        wrong = policy("a")
        wrong.models[0].latency.milliseconds = 0
        #expect(throws: ArtefactFailure.self) { try PolicyContent(bytes: PolicyContent([wrong]).bytes()) }
        let later = Array(#"{"format":2,"policies":[]}"#.utf8)
        #expect(throws: ArtefactFailure("policies of form 2 are unknown")) { try PolicyContent(bytes: later) }
    }
}
