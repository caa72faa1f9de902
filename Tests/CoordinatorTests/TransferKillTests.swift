import AdminAPI
import FleetModel
import Foundation
import Testing

/// Real programs: two boards of two classes are asked for subnets that tell much, the coordinator is killed with
/// SIGKILL meanwhile, and each class ends with a predictor to which the other lends what it measured.
@Suite(.serialized) struct TransferKillTests {
    private let programs: RealPrograms
    private var folder: String { programs.folder }

    init() throws { programs = try RealPrograms() }

    /// A class is a processor model and a share of it: one processor, and two.
    private func agent(_ name: String, on processors: String) async throws -> Process {
        try """
        board: \(name)
        labels: {}
        stateDirectory: \(name)
        enrolment: \(name).bundle
        models:
          - name: classifier
            package: f.shoal
            points: points.json
            statistics: statistics
            processor: 0
            stream: { images: [images], framesPerSecond: 10 }
        """.write(toFile: folder + "/\(name).yaml", atomically: true, encoding: .utf8)
        try await programs.run(["board", "enrol", "--output", folder + "/\(name).bundle"])
        return try programs.start("shoal-agent", ["--config", folder + "/\(name).yaml"], onProcessors: processors)
    }

    private func wait(
        _ client: AdminClient, _ condition: ([LatencyPredictorView]) -> Bool
    ) async throws -> [LatencyPredictorView] {
        while true {
            let views: [LatencyPredictorView] = try await client.get("v1/predictors")
            if condition(views) { return views }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    @Test(.enabled(if: ProcessInfo.processInfo.activeProcessorCount > 1), .timeLimit(.minutes(15)))
    func eachClassMeasuresAFewAndBorrowsTheRest() async throws {
        defer { programs.remove() }
        try await programs.prepareSupernet()
        var coordinator = try programs.coordinator(more: ["--measure-after", "1"])
        defer { coordinator.terminate() }
        let ports = try await programs.boardPorts() + [0]
        let agents = [try await agent("narrow", on: "0"), try await agent("wide", on: "0,1")]
        defer { for agent in agents { agent.terminate() } }

        _ = try await wait(try await programs.client()) { views in
            views.contains { $0.transfer?.measured ?? 0 >= 3 }
        }
        coordinator.killed()
        coordinator = try programs.coordinator(ports, more: ["--measure-after", "1"])
        let client = try await programs.client()
        let views = try await wait(client) { views in
            views.count == 2 && views.allSatisfy { $0.transfer.map { $0.measured >= $0.wanted } ?? false }
        }

        for view in views {
            let transfer = try #require(view.transfer)
            #expect(transfer.isUsed && (10...20).contains(transfer.measured))
            #expect(transfer.sources.map(\.boards).count == 1)
            #expect(transfer.sources[0].boardClass != view.boardClass && transfer.sources[0].weight == 1)
            #expect(transfer.sources[0].shared > 0, "both measured what tells most")
            #expect(try #require(transfer.relativeMargin) > 0)
            #expect(transfer.checks.count > 0 && transfer.statedCoverage == 0.9)
            try await programs.run(["describe", "predictor", view.name])
            let held = "\(transfer.within) of \(transfer.checked)"
            print("\(view.name): \(transfer.measured) measured, margin \(transfer.relativeMargin ?? 0), held \(held)")
        }
        // It is told when the coordinator looks at the class again.
        while true {
            let events: [FleetEvent] = try await client.get("v1/events")
            if events.contains(where: { $0.kind == .latencyMeasured }) { break }
            try await Task.sleep(for: .milliseconds(100))
        }
        try await searchWithALentTable(client, views)
    }

    /// Neither class has a table: one is searched with the other's, whose milliseconds mean nothing to it.
    private func searchWithALentTable(_ client: AdminClient, _ views: [LatencyPredictorView]) async throws {
        let (own, lender) = (views[0], views[1])
        try programs.writeTable(lender.boardClass, millisecondsPerFLOP: 3e-7)
        let largest = try #require(own.transfer?.checks.map(\.measuredMilliseconds).max())
        let text = """
            apiVersion: shoal/v1
            kind: Search
            metadata: { name: lent }
            spec:
              model: classifier
              boardClass: "\(own.boardClass)"
              processor: cpu
              space: \(folder)/f.shoal
              accuracyPredictor: \(RealPrograms.example)/accuracy_samples.json
              latencyTable: \(folder)/table.json
              constraints: [{ latencyMilliseconds: \(0.7 * largest) }, { latencyMilliseconds: \(2 * largest) }]
              generations: 10
            """
        let _: SearchView = try await client.post(
            "v1/searches", ApplyRequest(file: "job", text: text, dryRun: false))
        while true {
            let searches: [SearchView] = try await client.get("v1/searches")
            let record = try #require(searches.first?.search)
            guard record.state.isOver else {
                try await Task.sleep(for: .milliseconds(50))
                continue
            }
            #expect(record.state == .verified, "\(record.verification?.refusal ?? record.failure ?? "")")
            #expect(record.job.tableBoardClass == lender.boardClass)
            for measured in record.verification?.measurements ?? [] {
                guard let median = measured.medianMilliseconds else { continue }
                let ratio = median / measured.predictedLatencyMilliseconds
                #expect((0.3...3).contains(ratio), "another class's table is of use, scaled: \(ratio)")
            }
            return
        }
    }
}
