import AdminAPI
import CoordinatorCore
import FleetMetrics
import FleetModel
import FleetStore
import Foundation
import Logging
import Messaging
import Testing
import WireProtocol

@testable import Coordinator

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// What a scrape tells, read by a parser of its own and held against Prometheus's rules for names.
@Suite struct CoordinatorMetricsTests {
    private func makeReport(_ store: FailingStore) async throws -> (CoordinatorReport, CoordinatorActor) {
        let metrics = CoordinatorMetrics()
        let actor = try await CoordinatorActor(
            settings: .init(), store: store, transport: InMemoryCoordinatorTransport(allowList: AllowList([:])),
            logger: Logger(label: "test"), retryPause: .zero, metrics: metrics)
        let desk = try await SearchDesk(store: store, logger: Logger(label: "test")) { _ in }
        let report = CoordinatorReport(
            metrics: metrics, actor: actor, desk: desk, store: store, startedAtMilliseconds: 1_500,
            fronts: {
                let told = FrontDescription(instance: 1, fleetEndpoint: "tcp://a:1", enrolmentEndpoint: "tcp://a:2")
                return [ConnectedFront(description: told, boards: 2)]
            }
        ) { FrameCounters().byReason }
        return (report, actor)
    }

    private func board(_ name: String) throws -> BoardDescription {
        BoardDescription(
            id: try #require(BoardID(name)), boardClass: "a \"board\" of\nclass \\", labels: [:], cores: 1,
            memoryBytes: 1, engineVersion: "1", models: [])
    }

    /// A report in which every family has a series.
    private func text() async throws -> String {
        let (report, actor) = try await makeReport(FailingStore())
        await actor.timerFired()
        let model = ModelTelemetry(
            model: try #require(ModelName("eye")), frames: 90, dropped: 10, violations: 9, labelled: 0, correct: 0,
            switches: 2, activePoint: 0, p50Milliseconds: 1, p90Milliseconds: 2, p99Milliseconds: 3,
            constraintMilliseconds: 4)
        let record = TelemetryRecord(
            incarnation: 1, sequence: 1, startMilliseconds: 1, durationMilliseconds: 1, generation: 1, models: [model],
            board: .init(
                memoryBytes: 1, cpuLoad: nil, cpuFrequencyMegahertz: nil, temperatureCelsius: nil, droppedRecords: 0))
        report.metrics.stored([record, record], from: try board("b"), in: .milliseconds(3))
        report.metrics.requests.add(["GET", "/v1/boards/:name", "200"])
        let attainment = MetricFamily.attainment(of: try AttainmentMetricsTests.fleet())
        let names = Set(attainment.map(\.name))
        return Exposition.text(try await report.families().filter { !names.contains($0.name) } + attainment)
    }

    @Test func theWholeTextIsAsPrometheusReadsIt() async throws {
        let page = try ParsedExposition(try await text())
        #expect(page.families.count >= 20)
        for (name, family) in page.families {
            #expect(page.samples.contains { $0.family == name }, "\(name) has no series")
            #expect(name.wholeMatch(of: /shoal_[a-z][a-z0-9_]*[a-z0-9]/) != nil, "\(name)")
            #expect((family.type == "counter") == name.hasSuffix("_total"), "\(name)")
            #expect(!family.help.isEmpty && family.help.hasSuffix("."), "\(name)")
            for unit in ["milliseconds", "_ms", "percent", "_kb", "_mb", "minutes", "kibibytes", "celcius"] {
                #expect(!name.contains(unit), "\(name) is not in base units")
            }
            if name.contains("duration") || name.contains("_time") || name.contains("_cpu") {
                #expect(name.contains("_seconds"), "\(name) is a time without its unit")
            }
        }
        for sample in page.samples {
            #expect(sample.labels.keys.allSatisfy { $0.wholeMatch(of: /[a-z][a-z0-9_]*/) != nil })
        }
        #expect(Set(page.samples.map(\.series)).count == page.samples.count, "a series is told twice")
    }

    @Test func figuresAreThoseOfTheFleet() async throws {
        let page = try ParsedExposition(try await text())
        func value(_ series: String) -> Double? { page.samples.first { $0.series == series }?.value }
        let labels = #"{board_class="a \"board\" of\nclass \\",model="eye"}"#
        #expect(value("shoal_model_frames_total" + labels) == 180)
        #expect(value("shoal_model_frames_dropped_total" + labels) == 20)
        #expect(value("shoal_model_violations_total" + labels) == 18)
        #expect(value("shoal_telemetry_records_received_total") == 2)
        #expect(value(#"shoal_telemetry_store_duration_seconds_bucket{le="0.0025"}"#) == 0)
        #expect(value(#"shoal_telemetry_store_duration_seconds_bucket{le="+Inf"}"#) == 1)
        #expect(value("shoal_start_time_seconds") == 1.5)
        #expect(value(#"shoal_boards{status="connected"}"#) == 0)
        #expect(value(#"shoal_events_total{kind="boardLost"}"#) == 0)
        #expect(value("shoal_audit_intact") == 1)
        #expect(value("shoal_process_resident_memory_bytes") ?? 0 > 1e6)
    }

    /// As it was stored: a restart does not forget it.
    @Test func boardsThatNothingIsLearnedFromAreCounted() async throws {
        let store = FailingStore()
        for name in ["a", "b"] {
            try await store.saveBoard(
                BoardRecord(
                    description: try board(name), publicKey: try CurveKeyPair.generate().publicKey.z85,
                    enrolledAtMilliseconds: 1, lastSeenMilliseconds: 1))
        }
        try await store.saveQuarantine(
            QuarantineRecord(reason: "r", sinceMilliseconds: 1), of: try #require(BoardID("b")))
        let (report, _) = try await makeReport(store)
        let families = try await report.families().filter { $0.name == "shoal_boards_quarantined" }
        let page = try ParsedExposition(Exposition.text(families))
        #expect(page.samples.map(\.value) == [1])
    }

    @Test func readinessFollowsTimersAndStore() async throws {
        let (report, actor) = try await makeReport(FailingStore())
        #expect(await report.obstacle() != nil)
        await actor.timerFired()
        #expect(await report.obstacle() == nil)
    }

    /// Rules and dashboard ask only for what there is.
    @Test(arguments: ["Deploy/Prometheus/alerts.yaml", "Deploy/Grafana/fleet.json"])
    func whatIsDeployedAsksForMetricsThatThereAre(path: String) async throws {
        let page = try ParsedExposition(try await text())
        let file = try String(contentsOf: RealPrograms.root.appending(path: path), encoding: .utf8)
        // Those of agents have a test of their own.
        let names = Set(file.matches(of: /shoal_(?!agent_)[a-z0-9_]+/).map { String($0.0) })
        #expect(names.count >= 5)
        let known = Set(page.samples.map(\.name)).union(page.families.keys)
        #expect(names.isSubset(of: known), "\(names.subtracting(known))")
        if path.hasSuffix(".json") { _ = try JSONSerialization.jsonObject(with: Data(file.utf8)) }
    }

    /// Of the distribution, or as `Cluster/install` unpacks it.
    static let promtool = ["/usr/bin/promtool", RealPrograms.root.appending(path: ".build-promtool/promtool").path()]
        .first { FileManager.default.isExecutableFile(atPath: $0) }

    @Test(.enabled(if: promtool != nil, "promtool is not installed"))
    func promtoolFindsNothingToSay() async throws {
        let tool = try #require(Self.promtool)
        func run(_ arguments: [String], _ input: String = "") throws -> (Int32, String) {
            let process = Process()
            process.executableURL = URL(filePath: tool)
            process.arguments = arguments
            let (source, sink) = (Pipe(), Pipe())
            (process.standardInput, process.standardOutput, process.standardError) = (source, sink, sink)
            try process.run()
            try source.fileHandleForWriting.write(contentsOf: Data(input.utf8))
            try source.fileHandleForWriting.close()
            let said = String(decoding: sink.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            return (process.terminationStatus, said)
        }
        let (status, said) = try run(["check", "metrics"], try await text())
        #expect(status == 0 && said.isEmpty, "\(said)")
        let rules = RealPrograms.root.appending(path: "Deploy/Prometheus/alerts.yaml").path()
        let (verdict, words) = try run(["check", "rules", rules])
        #expect(verdict == 0, "\(words)")
    }

    /// A real coordinator on a port of its own, without a token.
    @Test(.timeLimit(.minutes(2)))
    func aCoordinatorIsScraped() async throws {
        let programs = try RealPrograms()
        defer { programs.remove() }
        let process = try programs.coordinator(more: ["--metrics-port", "0"])
        defer { process.terminate() }
        let client = try await programs.client()
        var address: String?
        while address == nil {
            let status: StatusView = try await client.get("v1/status")
            address = status.metricsURL
            try await Task.sleep(for: .milliseconds(20))
        }
        let url = try #require(URL(string: address ?? ""))
        let (data, response) = try await URLSession.shared.data(from: url)
        #expect((response as? HTTPURLResponse)?.value(forHTTPHeaderField: "Content-Type") == Exposition.contentType)
        let page = try ParsedExposition(String(decoding: data, as: UTF8.self))
        #expect(
            page.samples.contains {
                $0.series == #"shoal_http_requests_total{method="GET",route="/v1/status",status="200"}"# && $0.value > 0
            })
        for path in ["livez", "readyz"] {
            let (_, answer) = try await URLSession.shared.data(
                from: url.deletingLastPathComponent().appending(path: path))
            #expect((answer as? HTTPURLResponse)?.statusCode == 200, "\(path)")
        }
    }
}

/// The text format, version 0.0.4, read strictly.
struct ParsedExposition {
    struct Malformed: Error { let line: String }
    struct Sample {
        let family: String
        let name: String
        let labels: [String: String]
        /// As it stands in the text.
        let series: String
        let value: Double
    }

    private(set) var families: [String: (type: String, help: String)] = [:]
    private(set) var samples: [Sample] = []

    init(_ text: String) throws {
        guard text.hasSuffix("\n") else { throw Malformed(line: "the end") }
        var help: (name: String, text: String)?
        var current = ""
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            if let match = line.wholeMatch(of: /# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)/) {
                help = (String(match.1), String(match.2))
            } else if let match = line.wholeMatch(of: /# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram)/) {
                current = String(match.1)
                guard let said = help, said.name == current, families[current] == nil else {
                    throw Malformed(line: String(line))
                }
                families[current] = (String(match.2), said.text)
            } else if let match = line.wholeMatch(
                of: /([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})? ([-+0-9.eE]+|NaN|[-+]Inf)/)
            {
                let name = String(match.1)
                let suffixes = families[current]?.type == "histogram" ? ["_bucket", "_sum", "_count"] : [""]
                guard suffixes.contains(where: { current + $0 == name }) else { throw Malformed(line: String(line)) }
                let value = Double(match.3.replacing("Inf", with: "infinity").replacing("NaN", with: "nan"))
                guard let value else { throw Malformed(line: String(line)) }
                let labels = try Self.labels(match.2.map(String.init) ?? "")
                samples.append(
                    Sample(
                        family: current, name: name, labels: labels, series: name + (match.2.map(String.init) ?? ""),
                        value: value))
            } else {
                throw Malformed(line: String(line))
            }
        }
    }

    private static func labels(_ text: String) throws -> [String: String] {
        var rest = text.dropFirst().dropLast()
        var labels: [String: String] = [:]
        while !rest.isEmpty {
            guard let match = rest.prefixMatch(of: /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\["\\n])*)"(,|$)/) else {
                throw Malformed(line: text)
            }
            guard labels.updateValue(String(match.2), forKey: String(match.1)) == nil else {
                throw Malformed(line: text)
            }
            rest = rest[match.range.upperBound...]
        }
        return labels
    }
}
