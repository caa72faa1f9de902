import Files
import Foundation
import Logging
import Testing

@testable import Agent

@Suite struct StateFileTests {
    private let folder: String
    private var path: String { folder + "/state.json" }
    private var file: StateFile { StateFile(path: path) }

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "state-\(UUID())").path()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    private func remove() { try? FileManager.default.removeItem(atPath: folder) }

    @Test func whatIsNotThereIsNotDamaged() {
        defer { remove() }
        let reading = file.read(UInt64.self)
        #expect(reading.value == nil && !reading.isDamaged)
    }

    @Test func eachBitThatIsTurnedIsNoticedAndTheFileBeforeTaken() throws {
        defer { remove() }
        try file.write(["generation": 7])
        try file.write(["generation": 8])
        let whole = try Data(contentsOf: URL(filePath: path))

        for place in whole.indices {
            for bit in 0..<8 {
                var bytes = whole
                bytes[place] ^= 1 << bit
                try bytes.write(to: URL(filePath: path))
                let reading = file.read([String: Int].self)
                #expect(reading.value == ["generation": 7] && reading.isDamaged, "byte \(place), bit \(bit)")
            }
        }
        for count in whole.indices {
            try whole.prefix(count).write(to: URL(filePath: path))
            let reading = file.read([String: Int].self)
            #expect(reading.value == ["generation": 7] && reading.isDamaged, "\(count) bytes")
        }
    }

    @Test func theFirstFileHasOneToFallBackOnToo() throws {
        defer { remove() }
        try file.write(3)
        try Data("torn".utf8).write(to: URL(filePath: path))

        #expect(file.read(Int.self).value == 3)
        // What is damaged does not replace the last good one.
        try file.write(4)
        try Data().write(to: URL(filePath: path))
        #expect(file.read(Int.self).value == 4)
    }

    private func mode(_ path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    /// Under the usual umask, in a folder that others may read.
    @Test func filesAreTheOwnersAlone() throws {
        defer { remove() }
        let before = umask(0o022)
        defer { umask(before) }
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder)
        try file.write(1)
        try file.write(2)
        let state = try AgentState(folder: folder)
        _ = try state.nextIncarnation()

        for path in [path, path + ".previous", folder + "/incarnation.json", folder + "/incarnation.json.previous"] {
            #expect(try mode(path) == 0o600, "\(path)")
        }
        #expect(state.openMode == "755")
        #expect(try AgentState(folder: folder + "/new").openMode == nil)
    }

    @Test func filesOfEarlierVersionsAreClosedToOthers() throws {
        defer { remove() }
        for name in ["membership.json", "membership.json.previous"] {
            try Data("{}".utf8).write(to: URL(filePath: folder + "/" + name))
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: folder + "/" + name)
        }
        _ = try AgentState(folder: folder)

        #expect(try mode(folder + "/membership.json") == 0o600)
        #expect(try mode(folder + "/membership.json.previous") == 0o600)
    }

    @Test func filesOfEarlierVersionsAreRead() throws {
        defer { remove() }
        try Data("12".utf8).write(to: URL(filePath: path))

        let reading = file.read(UInt64.self)
        #expect(reading.value == 12 && !reading.isDamaged)
    }

    @Test func noStartIsCountedTwiceThoughTheCountIsDamaged() throws {
        defer { remove() }
        let state = try AgentState(folder: folder)
        let first = try state.nextIncarnation()
        let second = try state.nextIncarnation()
        #expect(second == first + 1)
        try Data("x".utf8).write(to: URL(filePath: folder + "/incarnation.json"))

        #expect(state.damaged == ["incarnation.json"])
        let third = try state.nextIncarnation()
        #expect(third > second && state.damaged.isEmpty)
        #expect(try state.nextIncarnation(above: third + 10) == third + 11)
    }

    @Test func noNumberOfAnUpdateIsSaidTwiceThoughTheAgentStartsAgain() throws {
        defer { remove() }
        let first = try AgentState(folder: folder).nextUpdateNumber(above: 0)
        // A new start; it knows no number of its own, and the clock has no say any more.
        let second = try AgentState(folder: folder).nextUpdateNumber(above: 0)
        #expect(second == first + 1)
        try Data("x".utf8).write(to: URL(filePath: folder + "/update-number.json"))
        let state = try AgentState(folder: folder)
        #expect(state.damaged == ["update-number.json"])
        #expect(try state.nextUpdateNumber(above: 0) > second && state.damaged.isEmpty)
    }

    /// Before it reads anything of the folder: nothing that the configuration names is there.
    @Test func aSecondAgentOverOneFolderIsRefused() async throws {
        defer { remove() }
        let state = try AgentState(folder: folder)
        let lock = try state.lock()
        try """
        board: edge-1
        stateDirectory: .
        models:
          - { name: m, package: none, points: none, stream: { images: [none], framesPerSecond: 20 } }
        """.write(toFile: folder + "/c.yaml", atomically: true, encoding: .utf8)
        let configuration = try AgentConfiguration.read(from: folder + "/c.yaml")
        let failure = await #expect(throws: FolderInUse.self) {
            try await AgentService(configuration: configuration, logger: Logger(label: "test")).run()
        }
        withExtendedLifetime(lock) {}
        #expect(StartFailure(try #require(failure)).exitCode == 6)
    }
    /// With the reason, before anything listens, and as no death by an artefact that is new.
    @Test(arguments: ["package", "points", "statistics", "images"])
    func aMissingFileIsNamedWithTheReason(missing: String) async throws {
        defer { remove() }
        func name(_ field: String) -> String { field == missing ? "none" : "there" }
        try Data().write(to: URL(filePath: folder + "/there"))
        try """
        board: edge-1
        stateDirectory: state
        inference: { socket: s }
        frames: { socket: f }
        models:
          - name: m
            package: \(name("package"))
            points: \(name("points"))
            statistics: \(name("statistics"))
            stream: { images: [\(name("images"))], framesPerSecond: 20 }
        """.write(toFile: folder + "/c.yaml", atomically: true, encoding: .utf8)
        let configuration = try AgentConfiguration.read(from: folder + "/c.yaml")
        let expected = ConfigurationFailure(
            file: folder + "/none", reason: "cannot be read: No such file or directory")
        let failure = await #expect(throws: ConfigurationFailure.self) {
            try await AgentService(configuration: configuration, logger: Logger(label: "test")).run()
        }
        #expect(failure == expected)
        for socket in ["s", "f"] { #expect(!FileManager.default.fileExists(atPath: folder + "/" + socket)) }
    }
}
