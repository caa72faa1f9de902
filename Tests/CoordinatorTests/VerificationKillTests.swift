import AdminAPI
import FleetModel
import Foundation
import LatencyPrediction
import SearchInputs
import SearchSpace
import Testing

/// Real programs: a coordinator searches, a board measures what was found on its engine beside a stream, and both are
/// killed with SIGKILL meanwhile. What is published in the end was measured below its constraint.
@Suite(.serialized) struct VerificationKillTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "shoal-verify-\(UUID())").path()
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    private static let example = root.path() + "/Examples/fashion-supernet"
    private var state: String { folder + "/state" }

    init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }

    private func start(_ program: String, _ arguments: [String]) throws -> Process {
        let beside = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: program)
        let built = Self.root.appending(path: ".build/release/\(program)")
        let process = Process()
        process.executableURL = FileManager.default.isExecutableFile(atPath: beside.path()) ? beside : built
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(["SHOAL_STATE": state]) { $1 }
        process.standardOutput = FileHandle.nullDevice
        let log = folder + "/\(program).log"
        if !FileManager.default.fileExists(atPath: log) { FileManager.default.createFile(atPath: log, contents: nil) }
        let errors = try #require(FileHandle(forWritingAtPath: log))
        try errors.seekToEnd()
        process.standardError = errors
        try process.run()
        return process
    }

    private func run(_ arguments: [String]) throws {
        let process = try start("shoal", arguments)
        process.waitUntilExit()
        let errors = String(
            decoding: FileManager.default.contents(atPath: folder + "/shoal.log") ?? Data(), as: UTF8.self)
        try #require(process.terminationStatus == 0, "shoal \(arguments.joined(separator: " ")): \(errors)")
    }

    /// 40 images of 28x28 with labels.
    private func writeImages() throws {
        let images: [UInt8] =
            [0, 0, 8, 3, 0, 0, 0, 40, 0, 0, 0, 28, 0, 0, 0, 28] + (0..<40 * 784).map { UInt8($0 % 251) }
        let labels: [UInt8] = [0, 0, 8, 1, 0, 0, 0, 40] + (0..<40).map { UInt8($0 % 10) }
        try Data(images).write(to: URL(filePath: folder + "/images"))
        try Data(labels).write(to: URL(filePath: folder + "/labels"))
    }

    /// A table in which latency is FLOPs: wrong, as tables are, but not by orders of magnitude.
    private func writeTable(_ boardClass: String, millisecondsPerFLOP: Double) throws {
        let named = try NamedSpace(folder + "/f.shoal")
        let operators = try SupernetOperators(named.architecture)
        var table = LatencyTable(source: .init(boardClass: boardClass, processor: "cpu", engineVersion: "e1"))
        for resolution in named.space.resolutions {
            let rows = try LatencyTable.requiredOperators(of: operators, space: named.space, resolution: resolution)
            try table.add(
                Dictionary(
                    uniqueKeysWithValues: rows.map {
                        ($0.latencyKey, .init(mean: Double($0.flops) * millisecondsPerFLOP))
                    }), resolution: resolution)
        }
        try JSONEncoder().encode(table).write(to: URL(filePath: folder + "/table.json"))
    }

    private func client() async throws -> AdminClient {
        while true {
            if let access = try? AdminAccess.load(from: state + "/admin.json"), let url = URL(string: access.url),
                url.port != nil
            {
                let client = AdminClient(base: url, token: access.token, timeout: 20)
                if (try? await client.get("v1/status") as StatusView) != nil { return client }
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private func coordinator(_ ports: [Int]) throws -> Process {
        try start(
            "shoal-coordinator",
            [
                "--state", state, "--fleet-port", "\(ports[0])", "--enrolment-port", "\(ports[1])", "--admin-port",
                "\(ports[2])", "--heartbeat", "200",
            ])
    }

    private func prepare() throws {
        try run([
            "import", Self.example + "/fashion_supernet.pth", "--config", Self.example + "/fashion_supernet.json",
            "--output", folder + "/f.shoal",
        ])
        try writeImages()
        try writeTable("any", millisecondsPerFLOP: 1e-8)
        try run([
            "search", "--space", folder + "/f.shoal", "--accuracy-predictor",
            Self.example + "/accuracy_samples.json", "--latency-table", folder + "/table.json", "--points", "6",
            "--output", folder + "/search.json",
        ])
        try run([
            "calibrate", folder + "/f.shoal", "--points", folder + "/search.json", "--calibrate", folder + "/images",
            "--images", folder + "/images", "--labels", folder + "/labels", "--statistics", folder + "/statistics",
            "--table", folder + "/points.json",
        ])
        try """
        board: edge-1
        labels: {}
        stateDirectory: agent
        enrolment: bundle.json
        models:
          - name: classifier
            package: f.shoal
            points: points.json
            statistics: statistics
            stream: { images: [images], framesPerSecond: 20 }
        """.write(toFile: folder + "/agent.yaml", atomically: true, encoding: .utf8)
    }

    private func connected(_ client: AdminClient) async throws -> BoardView {
        while true {
            let boards: [BoardView] = try await client.get("v1/boards")
            if let board = boards.first(where: { $0.status == "connected" && !$0.models.isEmpty }) { return board }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private func wait(_ client: AdminClient, _ condition: (SearchRecord) -> Bool) async throws -> SearchRecord {
        while true {
            let views: [SearchView] = try await client.get("v1/searches")
            if let record = views.first?.search, condition(record) { return record }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    private func job(_ boardClass: String, _ limits: [Double]) -> String {
        """
        apiVersion: shoal/v1
        kind: Search
        metadata: { name: verified }
        spec:
          model: classifier
          boardClass: "\(boardClass)"
          processor: cpu
          space: \(folder)/f.shoal
          accuracyPredictor: \(Self.example)/accuracy_samples.json
          latencyTable: \(folder)/table.json
          constraints:
        \(limits.map { "    - { latencyMilliseconds: \($0) }" }.joined(separator: "\n"))
          generations: 10
        """
    }

    @Test(.timeLimit(.minutes(10)))
    func whatIsPublishedWasMeasuredBelowItsConstraint() async throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try prepare()
        var coordinator = try coordinator([0, 0, 0])
        defer { coordinator.terminate() }
        let status: StatusView = try await client().get("v1/status")
        let ports = try [status.fleetEndpoint, status.enrolmentEndpoint].map {
            try #require(Int($0.split(separator: ":").last ?? ""))
        }
        try run(["board", "enrol", "--output", folder + "/bundle.json"])
        var agent = try start("shoal-agent", ["--config", folder + "/agent.yaml"])
        defer { agent.terminate() }
        let board = try await connected(try await client())
        let largest = try #require(board.models.first?.points.max { $0.flops < $1.flops })
        try writeTable(
            board.boardClass, millisecondsPerFLOP: largest.latencyMilliseconds / Double(largest.flops))
        let limits = [0.3, 0.45, 0.6, 0.75, 0.9, 1.1, 4].map { $0 * largest.latencyMilliseconds }
        let request = ApplyRequest(file: "job", text: job(board.boardClass, limits), dryRun: false)
        let _: SearchView = try await client().post("v1/searches", request)

        var client = try await client()
        _ = try await wait(client) { $0.verification?.measurements.count ?? 0 >= 1 || $0.state.isOver }
        kill(coordinator.processIdentifier, SIGKILL)
        coordinator.waitUntilExit()
        coordinator = try self.coordinator(ports + [0])
        client = try await self.client()
        let second = try await wait(client) { $0.verification?.measurements.count ?? 0 >= 3 || $0.state.isOver }
        #expect(second.verification?.measurements.isEmpty == false, "what was measured stands")
        kill(agent.processIdentifier, SIGKILL)
        agent.waitUntilExit()
        agent = try start("shoal-agent", ["--config", folder + "/agent.yaml"])

        let record = try await wait(client, \.state.isOver)
        let verification = try #require(record.verification)
        #expect(record.state == .verified, "\(verification.refusal ?? "")")
        #expect(verification.points.count + verification.leftOut.count == limits.count)
        for point in verification.points {
            #expect(
                point.measuredLatencyMilliseconds < max(limits[point.constraint], relaxed(record, point.constraint)))
            #expect((0...6).contains(point.measurements))
        }
        #expect(verification.points.contains { $0.constraint == limits.count - 1 }, "all that there is fits four times")
        for place in limits.indices {
            #expect(verification.measurements.count { $0.constraint == place } <= 6)
        }
        #expect(verification.measurements.allSatisfy { $0.board?.rawValue == "edge-1" })
        #expect(try #require(record.table).points.count >= 1)
        // What was measured on request tells of the class beside what the hello said.
        _ = try await connected(client)
        let predictors: [LatencyPredictorView] = try await client.get("v1/predictors")
        let hello = board.models.first?.points.count ?? 0
        #expect(predictors.first?.samples.count ?? 0 > hello)
        try run(["describe", "search", "verified", "--table", folder + "/verified.json"])
        let table = try JSONDecoder().decode(
            ParetoTable.self, from: try Data(contentsOf: URL(filePath: folder + "/verified.json")))
        #expect(table == record.table)
    }

    private func relaxed(_ record: SearchRecord, _ constraint: Int) -> Double {
        record.points.first { $0.constraint == constraint }?.relaxedTo ?? 0
    }
}
