import Foundation
import Packages
import SearchSpace
import Testing

@testable import HookNetworks

/// `shoal hooks stream` as a process of its own, killed while it samples, trains and saves.
@Suite struct LearnerKillTests {
    private static let program: String = {
        let beside = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "shoal").path()
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().path()
        return FileManager.default.isExecutableFile(atPath: beside) ? beside : root + "/.build/release/shoal"
    }()
    private let folder = FileManager.default.temporaryDirectory.appending(path: "shoal-kill-\(UUID())").path()

    /// A network, images of 32x32 in CIFAR-10's form, and hooks that nobody has trained.
    private func prepare(_ kinds: [GateKind]) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try NetworkPackage(graph: HookSamples.graph(blocks: 3, seed: 5, side: 32), configuration: .init())
            .package().write(to: folder + "/n.shoal")
        var generator = SeededGenerator(seed: 9)
        let images = (0..<50 * 3_073).map { index in
            index % 3_073 == 0 ? UInt8(0) : UInt8.random(in: 0...255, using: &generator)
        }
        try Data(images).write(to: URL(filePath: folder + "/i.bin"))
        let build = try process([
            "build", "n.shoal", "--kinds", kinds.map(\.rawValue).joined(separator: ","), "--output", "h",
        ])
        build.waitUntilExit()
        #expect(build.terminationStatus == 0)
    }

    private func process(_ arguments: [String]) throws -> Process {
        let process = Process()
        process.executableURL = URL(filePath: Self.program)
        process.arguments = ["hooks"] + arguments
        process.currentDirectoryURL = URL(filePath: folder)
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        return process
    }

    @Test(.timeLimit(.minutes(5))) func theStateSurvivesAKillAtAnyMoment() async throws {
        try prepare([.skip, .exit])
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededGenerator(seed: seed)
        var learned = 0
        for round in 0..<6 {
            let stream = try process([
                "stream", "n.shoal", "h", "--images", "i.bin", "--budget", "0.2", "--rate", "400", "--seconds", "600",
                "--block", "300", "--busiest", "1", "--processor-share", "1", "--training-interval", "5",
                "--sample-bytes", "65536",
            ])
            // Once it has saved at least once in this round, anywhere in the next second.
            let before = learned
            while stream.isRunning, learned == before {
                try await Task.sleep(for: .milliseconds(20))
                learned = try HookState.read(from: folder + "/h").state.statistics.samples
            }
            try await Task.sleep(for: .milliseconds(Int.random(in: 0..<1_000, using: &generator)))
            kill(stream.processIdentifier, SIGKILL)
            stream.waitUntilExit()
            #expect(stream.terminationReason == .uncaughtSignal, "round \(round), seed \(seed)")
            let reading = try HookState.read(from: folder + "/h")
            #expect(reading.damage == nil, "round \(round), seed \(seed)")
            #expect(reading.state.statistics.samples >= learned, "round \(round), seed \(seed)")
            #expect(reading.state.hooks.contains { $0.samples?.count ?? 0 > 0 })
            learned = reading.state.statistics.samples
        }
        let evaluated = try process(["evaluate", "n.shoal", "h", "--images", "i.bin", "--budget", "0.2"])
        evaluated.waitUntilExit()
        #expect(evaluated.terminationStatus == 0)
    }
}
