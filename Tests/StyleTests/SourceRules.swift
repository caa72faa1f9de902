import Foundation
import Testing

/// Style the compiler cannot see, checked as tests so that it cannot drift.
@Suite struct SourceRules {
    private static let lineLimit = 120
    private static let fileLineLimit = 600
    private static let functionLineLimit = 70
    private static let roomLineLimit = 5_000
    private static let pureRooms: Set = [
        "SearchSpace", "FleetModel", "WireProtocol", "SubnetSearch", "LatencyPrediction", "ResourceAllocation",
        "CoordinatorCore", "AgentCore", "Artefacts", "HookSharing", "Rollouts", "Scenarios", "Simulation",
    ]
    /// What a pure room may not mention: clocks, randomness from nowhere, tasks, files, locks.
    private static let impure = [
        "import Dispatch", "import Synchronization", "import Logging", "async ", "await ", "Task {", ".now",
        ".random(in: ", "DispatchQueue", "FileManager", "getenv", "print(", "import Foundation\n", "import Glibc",
    ]
    private static let bannedEverywhere = ["try!", "FIXME", "nonisolated(unsafe)", "as! "]

    static let sources = SourceFile.all(under: "Sources")
    static let tests = SourceFile.all(under: "Tests")

    @Test(arguments: sources + tests)
    func staysWithinSize(file: SourceFile) {
        #expect(file.lines.count <= Self.fileLineLimit, "\(file.path): \(file.lines.count) lines")
        for (index, line) in file.lines.enumerated() where line.count > Self.lineLimit {
            Issue.record("\(file.path):\(index + 1): \(line.count) columns, the limit is \(Self.lineLimit)")
        }
        for function in file.functions where function.lineCount > Self.functionLineLimit {
            Issue.record("\(file.path):\(function.line): function of \(function.lineCount) lines: split it")
        }
    }

    @Test(arguments: sources)
    func keepsToItsRoom(file: SourceFile) {
        for word in Self.bannedEverywhere where file.code.contains(word) {
            Issue.record("\(file.path): \(word) is banned: throw, or check and say why")
        }
        guard Self.pureRooms.contains(file.room) else { return }
        for word in Self.impure where file.code.contains(word) {
            // With a generator that is handed in, randomness is an argument like any other.
            let isSeeded =
                word == ".random(in: "
                && file.lines.allSatisfy { !$0.contains(".random(in:") || $0.contains("using: &") }
            if !isSeeded { Issue.record("\(file.path): \(word) in a pure room") }
        }
    }

    @Test func roomsStaySmall() {
        for (room, files) in Dictionary(grouping: Self.sources, by: \.room) {
            let count = files.reduce(0) { $0 + $1.lines.count }
            #expect(count <= Self.roomLineLimit, "\(room): \(count) lines: split it")
        }
    }

    /// SwiftPM lets a target import any sibling that happens to be built; this does not.
    @Test(arguments: sources)
    func importsOnlyDeclaredRooms(file: SourceFile) throws {
        let rooms = try RoomTable.read()
        let allowed = try #require(rooms.imports[file.room], "\(file.room) is missing from Package.swift")
        let known = Set(rooms.imports.keys).union(rooms.imports.values.flatMap { $0 })
        for name in file.imports where known.contains(name) && !allowed.contains(name) {
            Issue.record("\(file.path): \(file.room) may not import \(name)")
        }
    }

    @Test(arguments: sources)
    func explainsUncheckedSendable(file: SourceFile) {
        for (index, line) in file.lines.enumerated() where line.contains("@unchecked Sendable") {
            let around = file.lines[max(0, index - 4)...min(file.lines.count - 1, index + 2)]
            #expect(
                around.contains { $0.contains("@unchecked because") },
                "\(file.path):\(index + 1): say why after '@unchecked because'")
        }
    }

    /// A path of somebody's machine has no business in the repository.
    @Test(arguments: sources + tests)
    func namesNoMachinePaths(file: SourceFile) {
        for folder in ["work", "root", "home"] where file.code.contains("\"/\(folder)/") {
            Issue.record("\(file.path): names a path below /\(folder)/")
        }
    }
}
