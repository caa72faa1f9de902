import AdminAPI
import FleetModel
import FleetStore
import Foundation
import HookSharing
import SearchSpace
import Testing

/// Real programs: four agents learn gates together while they answer frames, and a version that they made is staged
/// until all use it. Then one whose gates pass everything is put into the coordinator's store, as a merge would be that
/// a lying majority had judged; the agents' own measurements take it back.
@Suite(.serialized) struct SharingAgentsTests {
    private let programs: RealPrograms
    private static let names = (1...4).map { "edge-\($0)" }

    /// Each of up to three groups of boards is watched for so many seconds.
    private static let watch = ["--hook-watch", "15"]

    init() throws { programs = try RealPrograms() }

    @Test(.timeLimit(.minutes(30)))
    func agentsStageWhatTheyLearnedAndTakeBackWhatHarmsThem() async throws {
        defer { programs.remove() }
        let hooks = SharedHooks(programs: programs)
        try await hooks.prepare()
        var coordinator = try programs.coordinator(more: Self.watch)
        defer { coordinator.terminate() }
        let ports = try await programs.boardPorts() + [0]
        var agents: [Process] = []
        for name in Self.names { agents.append(try await hooks.agent(name)) }
        defer { for agent in agents { agent.killed() } }

        // A version of theirs is staged. One that chance makes look worse is taken back, and the next one tried.
        let made = try await programs.group { view in
            view.currentVersion > 0 && view.trial == nil && view.boards.count == agents.count
                && view.boards.values.allSatisfy { $0 == view.currentVersion }
        }
        let good = try #require(made.versions.first { $0.number == made.currentVersion })
        #expect(good.boards.count >= 3 && good.validators.count >= 2, "\(good)")

        coordinator.killed()
        let bad = try await putBadVersion()
        coordinator = try programs.coordinator(ports, more: Self.watch)
        var reached: Set<String> = []
        _ = try await programs.group { view in
            reached.formUnion(view.boards.filter { $0.value == bad.version }.keys)
            return view.versions.contains { $0.number == bad.version && $0.isTakenBack }
        }
        let event = try await programs.waitForTakingBack(
            "version \(bad.version) is taken back, \(bad.before) is in force")
        let findings = ["accuracyDrop", "held back it is worse"]
        let isTheirs = findings.contains { event.message.contains($0) }
        #expect(isTheirs, "\(event.message)")
        let last = Set(bad.groups[bad.groups.count - 1].map(\.rawValue))
        #expect(last.isDisjoint(with: reached), "it went no further: \(reached)")
        let isEachRunning = agents.allSatisfy { $0.isRunning }
        #expect(isEachRunning)
        print("\(reached.sorted()) used it: \(event.message)")
        _ = try await programs.group { $0.boards.count == agents.count && !$0.boards.values.contains(bad.version) }
    }

    /// The version in force with its last gate's last bias so low that no damage is ever predicted.
    private func putBadVersion() async throws -> VersionTrial {
        let store = try SQLiteFleetStore(path: programs.state + "/fleet.sqlite")
        let stored = try #require(try await store.sharing().first)
        let before = stored.state.trial?.before ?? stored.state.current
        let base = try #require(stored.versions.first { $0.number == before })
        var version = base
        (version.number, version.parent) = (stored.state.highest + 1, before)
        version.values[version.values.count - 1] -= 50
        version.provenance.atMilliseconds = UInt64(Date().timeIntervalSince1970 * 1_000)
        var state = stored.state
        (state.current, state.highest) = (version.number, version.number)
        let boards = Self.names.compactMap { BoardID($0) }
        let trial = VersionTrial(version: version.number, before: before, groups: VersionTrial.groups(of: boards))
        state.trial = trial
        try await store.saveVersion(version, state, merged: [:])
        return trial
    }
}

/// What boards need that learn together: a supernet, gates between its smallest and its largest subnet, and a stream
/// whose labels are what the largest one says, so that accuracy is agreement with it.
private struct SharedHooks {
    let programs: RealPrograms
    private var folder: String { programs.folder }
    private static let images = 1_200

    func prepare() async throws {
        let example = RealPrograms.example
        try await programs.run([
            "import", example + "/fashion_supernet.pth", "--config", example + "/fashion_supernet.json", "--output",
            folder + "/f.shoal",
        ])
        try write(images: pictures())
        try write(labels: [UInt8](repeating: 0, count: Self.images))
        // Of no point that was searched the smallest and the largest subnet are left.
        try #"{"boardClass": "any", "processor": "cpu", "seed": 1, "points": []}"#
            .write(toFile: folder + "/search.json", atomically: true, encoding: .utf8)
        try await programs.run([
            "calibrate", folder + "/f.shoal", "--points", folder + "/search.json", "--calibrate", folder + "/images",
            "--images", folder + "/images", "--labels", folder + "/labels", "--limit", "100", "--statistics",
            folder + "/statistics", "--table", folder + "/points.json",
        ])
        let (smallest, largest) = (subnet(20, 2, 3, 3), subnet(28, 4, 7, 6))
        try JSONEncoder().encode([smallest, largest]).write(to: URL(filePath: folder + "/subnets.json"))
        try await programs.run([
            "hooks", "build", folder + "/f.shoal", "--subnets", folder + "/subnets.json", "--statistics",
            folder + "/statistics", "--output", folder + "/start.hooks",
        ])
        try await programs.run([
            "hooks", "train", folder + "/f.shoal", folder + "/start.hooks", "--images", folder + "/images", "--frames",
            "1000", "--seed", "1",
        ])
        try await programs.run([
            "run", folder + "/f.shoal", "--images", folder + "/images", "--subnet",
            String(decoding: try JSONEncoder().encode(largest), as: UTF8.self), "--statistics", folder + "/statistics",
            "--logits", folder + "/logits.npy",
        ])
        try write(labels: try answers(folder + "/logits.npy"))
        try writePoints(largest)
    }

    /// An agent whose stream starts elsewhere than the others'.
    func agent(_ name: String) async throws -> Process {
        let hooks = "\(name).hooks"
        try FileManager.default.copyItem(atPath: folder + "/start.hooks", toPath: folder + "/" + hooks)
        let first = 300 * ((Int(name.suffix(1)) ?? 1) - 1)
        try """
        board: \(name)
        labels: {}
        stateDirectory: \(name)
        enrolment: \(name).bundle
        telemetryMilliseconds: 200
        models:
          - name: classifier
            package: f.shoal
            points: points.json
            statistics: statistics
            hooks: { file: \(hooks), budget: 0.3, learns: true, shares: true, processorShare: 0.3, busiest: 1 }
            stream: { images: [images], labels: [labels], first: \(first), framesPerSecond: 50 }
        """.write(toFile: folder + "/\(name).yaml", atomically: true, encoding: .utf8)
        try await programs.run(["board", "enrol", "--output", folder + "/\(name).bundle"])
        return try programs.start("shoal-agent", ["--config", folder + "/\(name).yaml"])
    }

    private func subnet(_ resolution: Int, _ depth: Int, _ kernel: Int, _ ratio: Int) -> SubnetConfiguration {
        SubnetConfiguration(
            resolution: resolution, depths: Array(repeating: depth, count: 5),
            kernelSizes: Array(repeating: kernel, count: 20), expandRatios: Array(repeating: ratio, count: 20))
    }

    /// Sixteen drawings of one to three boxes, each image one of them with noise of its own: on some the smallest
    /// subnet says what the largest does, on others not, so that there is something to predict.
    private func pictures() -> [UInt8] {
        var generator = SeededGenerator(seed: 1)
        let drawings = (0..<16).map { _ in
            var pixels = [UInt8](repeating: 0, count: 784)
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                func side(_ range: Range<Int>) -> Int { Int.random(in: range, using: &generator) }
                let (x, y, width, height) = (side(0..<18), side(0..<18), side(4..<20), side(4..<20))
                let value = UInt8.random(in: 60..<220, using: &generator)
                for row in y..<min(28, y + height) {
                    for column in x..<min(28, x + width) {
                        pixels[row * 28 + column] = max(pixels[row * 28 + column], value)
                    }
                }
            }
            return pixels
        }
        return (0..<Self.images).flatMap { _ in
            let drawing = drawings[Int.random(in: 0..<drawings.count, using: &generator)]
            return drawing.map { $0 + UInt8.random(in: 0..<24, using: &generator) }
        }
    }

    private func write(images: [UInt8]) throws {
        let (high, low) = (UInt8(Self.images >> 8), UInt8(Self.images & 255))
        try Data([0, 0, 8, 3, 0, 0, high, low, 0, 0, 0, 28, 0, 0, 0, 28] + images)
            .write(to: URL(filePath: folder + "/images"))
    }

    private func write(labels: [UInt8]) throws {
        let (high, low) = (UInt8(Self.images >> 8), UInt8(Self.images & 255))
        try Data([0, 0, 8, 1, 0, 0, high, low] + labels).write(to: URL(filePath: folder + "/labels"))
    }

    /// The class of the largest logit, by image, from a `.npy` file of ten 32-bit floats an image.
    private func answers(_ path: String) throws -> [UInt8] {
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
        let start = 10 + Int(bytes[8]) + Int(bytes[9]) << 8
        try #require(bytes.count == start + Self.images * 40)
        return (0..<Self.images).map { image in
            let logits = (0..<10).map { index in
                let place = start + 40 * image + 4 * index
                return Float(bitPattern: (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[place + $1]) << (8 * $1) })
            }
            return UInt8(logits.indices.max { logits[$0] < logits[$1] } ?? 0)
        }
    }

    /// One point, the one that gates belong to: whatever the load, it stays.
    private func writePoints(_ largest: SubnetConfiguration) throws {
        let path = folder + "/points.json"
        var table = try JSONDecoder().decode(ParetoTable.self, from: try Data(contentsOf: URL(filePath: path)))
        table.points = [
            OperatingPoint(configuration: largest, accuracy: 0.94, latencyMilliseconds: 1, flops: 51_944_800)
        ]
        try JSONEncoder().encode(table).write(to: URL(filePath: path))
    }
}
