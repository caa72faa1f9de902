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
    private let programs: RealPrograms
    private var folder: String { programs.folder }

    init() throws { programs = try RealPrograms() }

    private func prepare() async throws {
        try await programs.prepareSupernet()
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
          accuracyPredictor: \(RealPrograms.example)/accuracy_samples.json
          latencyTable: \(folder)/table.json
          constraints:
        \(limits.map { "    - { latencyMilliseconds: \($0) }" }.joined(separator: "\n"))
          generations: 10
        """
    }

    @Test(.timeLimit(.minutes(10)))
    func whatIsPublishedWasMeasuredBelowItsConstraint() async throws {
        defer { programs.remove() }
        try await prepare()
        var coordinator = try programs.coordinator()
        defer { coordinator.terminate() }
        let ports = try await programs.boardPorts() + [0]
        try await programs.run(["board", "enrol", "--output", folder + "/bundle.json"])
        var agent = try programs.start("shoal-agent", ["--config", folder + "/agent.yaml"])
        defer { agent.terminate() }
        let board = try await connected(try await programs.client())
        let largest = try #require(board.models.first?.points.max { $0.flops < $1.flops })
        try programs.writeTable(
            board.boardClass, millisecondsPerFLOP: largest.latencyMilliseconds / Double(largest.flops))
        let limits = [0.3, 0.45, 0.6, 0.75, 0.9, 1.1, 4].map { $0 * largest.latencyMilliseconds }
        let request = ApplyRequest(file: "job", text: job(board.boardClass, limits), dryRun: false)
        let _: SearchView = try await programs.client().post("v1/searches", request)

        var client = try await programs.client()
        _ = try await wait(client) { $0.verification?.measurements.count ?? 0 >= 1 || $0.state.isOver }
        coordinator.killed()
        coordinator = try programs.coordinator(ports)
        client = try await programs.client()
        let second = try await wait(client) { $0.verification?.measurements.count ?? 0 >= 3 || $0.state.isOver }
        #expect(second.verification?.measurements.isEmpty == false, "what was measured stands")
        agent.killed()
        agent = try programs.start("shoal-agent", ["--config", folder + "/agent.yaml"])

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
        try await programs.run(["describe", "search", "verified", "--table", folder + "/verified.json"])
        let table = try JSONDecoder().decode(
            ParetoTable.self, from: try Data(contentsOf: URL(filePath: folder + "/verified.json")))
        #expect(table == record.table)
    }

    private func relaxed(_ record: SearchRecord, _ constraint: Int) -> Double {
        record.points.first { $0.constraint == constraint }?.relaxedTo ?? 0
    }
}
