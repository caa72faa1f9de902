import Foundation
import Testing

@testable import MachineChecks

@Suite struct MachineTests {
    @Test func aClockThatIsYearsOffIsFound() {
        #expect(Machine.clock(now: 0, isKept: true).verdict == .bad)
        #expect(Machine.clock(now: 1_790_000_000, isKept: true).verdict == .good)
        #expect(Machine.clock(now: 1_790_000_000, isKept: nil).verdict == .good)
        let drifting = Machine.clock(now: 1_790_000_000, isKept: false)
        #expect(drifting.verdict == .warning && drifting.message.hasPrefix("2026-09-21T"))
    }

    @Test func theCoordinatorsClockIsCompared() {
        let asked: ClosedRange<UInt64> = 1_000_000...1_000_500
        #expect(Machine.clockDifference(1_000_200, between: asked).verdict == .good)
        #expect(Machine.clockDifference(1_002_400, between: asked).verdict == .good)
        let ahead = Machine.clockDifference(1_010_500, between: asked)
        #expect(ahead.verdict == .warning && ahead.message.contains("10.0 s ahead"))
        let behind = Machine.clockDifference(400_000, between: asked)
        #expect(behind.verdict == .bad && behind.message.contains("600.0 s behind"))
    }

    @Test func freeSpaceIsLookedUpWhereTheFolderWillBe() {
        let folder = FileManager.default.temporaryDirectory.path() + "/not-there-\(UUID())/deeper"
        let finding = Machine.disk(of: folder)
        #expect(finding.message.contains("MiB free at"))
    }

    @Test func everyProcessorsGovernorCounts() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "governors-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        for (processor, name) in ["performance", "powersave", "performance"].enumerated() {
            let place = folder.appending(path: "cpu\(processor)/cpufreq")
            try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
            try Data((name + "\n").utf8).write(to: place.appending(path: "scaling_governor"))
        }
        try FileManager.default.createDirectory(
            at: folder.appending(path: "cpuidle"), withIntermediateDirectories: true)
        let finding = Machine.governor(in: folder.path())
        #expect(finding.verdict == .warning && finding.message.contains("1 of 3"))
        #expect(Machine.governor(in: folder.path() + "/none") == Finding("CPU governor", .good, "none on this machine"))
    }

    @Test func secretsThatOthersCanReadAreFound() throws {
        let path = FileManager.default.temporaryDirectory.path() + "/secret-\(UUID())"
        defer { try? FileManager.default.removeItem(atPath: path) }
        #expect(SecretFile.check(path).verdict == .bad && SecretFile.check(path, isRequired: false).verdict == .good)
        try Data([1]).write(to: URL(filePath: path))
        chmod(path, 0o640)
        #expect(SecretFile.check(path).message.contains("chmod 600"))
        chmod(path, 0o600)
        #expect(SecretFile.check(path).verdict == .good)
    }
}
