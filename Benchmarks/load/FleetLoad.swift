import AdminAPI
import ArgumentParser
import FleetModel
import FleetStore
import Foundation

/// Simulated agents over real sockets against one real coordinator: what it costs, and how long it takes.
@main
struct FleetLoad: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fleet-load", abstract: "Loads a coordinator with simulated agents. See Cluster/load.")

    @Option(help: "Boards.")
    var agents = 1_000
    @Option(help: "Seconds to measure.")
    var seconds = 60
    @Option(help: "Seconds between two reports of a board.")
    var period = 10
    @Option(help: "Milliseconds between heartbeats.")
    var heartbeat = 10_000
    @Option(
        help: "Folder for the coordinator's state and the boards' keys; boards that are in it are enrolled already.")
    var state: String
    @Option(help: "Folder of the built programs.")
    var programs: String
    @Flag(help: "Kill the coordinator after that, start it again, and measure how long the boards need to come back.")
    var restart = false

    private static let enrolmentsPerSecond = 150
    private static let longestConnect: Duration = .seconds(300)

    func validate() throws {
        guard (1...FleetLimits.boards).contains(agents) else {
            throw ValidationError("--agents: give 1 to \(FleetLimits.boards)")
        }
        guard seconds >= period, period > 0 else { throw ValidationError("--seconds: measure at least one period") }
    }

    func run() async throws {
        do { try await measure() } catch let failure as LoadFailure {
            FileHandle.standardError.write(Data("fleet-load: \(failure)\n".utf8))
            throw ExitCode(6)
        }
    }

    private func measure() async throws {
        // A mailbox and a connection for each board.
        try Self.allowFiles(agents * 2 + 512)
        let coordinator = CoordinatorProcess(programs: programs, state: state, heartbeat: heartbeat)
        try coordinator.start()
        defer { coordinator.kill() }
        let status = try await coordinator.status()
        let token: TokenView = try await coordinator.client().post(
            "v1/tokens", TokenRequest(uses: agents, validSeconds: 3_600))
        let fleet = try AgentFleet(keys: try keys(), serverKey: token.serverPublicKey)
        if status.boardsEnrolled < agents {
            let began = ContinuousClock.now
            try fleet.enrol(at: status.enrolmentEndpoint, token: token.token, perSecond: Self.enrolmentsPerSecond)
            say(
                "enrolled",
                "\(agents) boards in \(Self.seconds(began.duration(to: .now))) s, refused: \(fleet.measures.refusedEnrolments)"
            )
        }
        let idle = ProcessUsage(of: coordinator.processID)
        let every = Duration.seconds(period)
        let began = ContinuousClock.now
        try fleet.start(
            at: status.fleetEndpoint, incarnation: UInt64(Date().timeIntervalSince1970 * 1_000), period: every)
        fleet.run(for: Self.longestConnect, period: every) { fleet.welcomed(since: began) == agents }
        guard fleet.welcomed(since: began) == agents else {
            throw LoadFailure("only \(fleet.welcomed(since: began)) of \(agents) boards connected")
        }
        say("connected", "\(agents) boards in \(Self.seconds(began.duration(to: .now))) s")
        fleet.run(for: every * 1.5, period: every)

        try report(fleet, coordinator, idle, every)
        if restart { try await restart(coordinator, fleet, every) }
        try await check(fleet, coordinator, every)
        fleet.stop()
    }

    private func report(
        _ fleet: AgentFleet, _ coordinator: CoordinatorProcess, _ idle: ProcessUsage?, _ every: Duration
    ) throws {
        fleet.measures.reset()
        guard let before = ProcessUsage(of: coordinator.processID), let own = ProcessUsage(of: getpid()) else {
            throw LoadFailure("the coordinator is gone")
        }
        fleet.run(for: .seconds(seconds), period: every)
        guard let after = ProcessUsage(of: coordinator.processID), let ownAfter = ProcessUsage(of: getpid()) else {
            throw LoadFailure("the coordinator is gone")
        }
        let measures = fleet.measures
        let cores = after.cores(since: before)
        say(
            "coordinator",
            "\(Self.text(cores, 3)) cores, \(after.residentBytes >> 20) MiB resident (\(idle.map { $0.residentBytes >> 20 } ?? 0) MiB before the boards)"
        )
        say(
            "per board",
            "\((after.residentBytes - (idle?.residentBytes ?? 0)) / agents) bytes resident, \(Self.text(cores / Double(agents) * 1e6, 1)) µs of CPU a second"
        )
        say(
            "reports",
            "\(measures.reports) of \(measures.recordBytes) bytes, \(Self.text(Double(measures.reports) / Double(seconds), 1)) a second"
        )
        say(
            "traffic",
            "\(measures.bytesSent / agents / seconds) bytes a board and second to the coordinator in \(measures.messagesSent) messages, \(measures.bytesReceived / agents / seconds) back in \(measures.messagesReceived)"
        )
        say(
            "ingest",
            "p50 \(Self.text(measures.percentile(50) ?? .nan, 1)) ms, p99 \(Self.text(measures.percentile(99) ?? .nan, 1)) ms, longest \(Self.text(measures.percentile(100) ?? .nan, 1)) ms of \(measures.ingests.count), from sending to durable acknowledgement"
        )
        say("load", "\(Self.text(ownAfter.cores(since: own), 3)) cores for the simulated boards themselves")
    }

    private func restart(_ coordinator: CoordinatorProcess, _ fleet: AgentFleet, _ every: Duration) async throws {
        coordinator.kill()
        let killed = ContinuousClock.now
        try coordinator.start()
        let began = ProcessUsage(of: coordinator.processID)
        fleet.measures.reset()
        fleet.run(for: Self.longestConnect, period: every) { fleet.welcomed(since: killed) == agents }
        let took = killed.duration(to: .now)
        let back = fleet.agents.compactMap(\.welcomed).filter { $0 >= killed }.map { killed.duration(to: $0) }.sorted()
        let half = back.isEmpty ? "-" : Self.seconds(back[back.count / 2])
        say(
            "restart",
            "\(back.count) of \(agents) boards back \(Self.seconds(took)) s after kill -9 (half of them after \(half) s), refused: \(fleet.measures.refusedHellos)"
        )
        fleet.run(for: every * 2, period: every)
        if let began, let now = ProcessUsage(of: coordinator.processID) {
            say(
                "after it",
                "\(Self.text(now.cores(since: began), 3)) cores on average, \(now.residentBytes >> 20) MiB resident")
        }
    }

    /// What was acknowledged has to be in the database, once.
    private func check(_ fleet: AgentFleet, _ coordinator: CoordinatorProcess, _ every: Duration) async throws {
        coordinator.kill()
        let store = try SQLiteFleetStore(path: state + "/fleet.sqlite")
        var counts: [BoardID: TelemetryCount] = [:]
        for count in try await store.telemetryCounts() { counts[count.board] = count }
        var (acknowledged, lost) = (UInt64(0), UInt64(0))
        for agent in fleet.agents where agent.acknowledged > 0 {
            acknowledged += agent.acknowledged
            let stored = counts[agent.description.id]?.incarnations.last
            if let stored, stored.highest >= agent.acknowledged, stored.gaps == 0 { continue }
            let records = try await store.telemetry(
                board: agent.description.id, sinceMilliseconds: 0, limit: FleetLimits.telemetryPerBoard)
            let sequences = Set(records.map(\.record).filter { $0.incarnation == stored?.incarnation }.map(\.sequence))
            lost += UInt64((1...agent.acknowledged).count { !sequences.contains($0) })
        }
        let rows = counts.values.reduce(0) { $0 + $1.rows }
        let size = (try? FileManager.default.attributesOfItem(atPath: state + "/fleet.sqlite")[.size] as? Int) ?? 0
        say("database", "\(rows) records, \(size >> 20) MiB, \(rows > 0 ? size / rows : 0) bytes a record")
        say("records", "\(acknowledged) acknowledged in this run, \(lost) of them lost")
        guard lost == 0 else { throw LoadFailure("\(lost) acknowledged records are not in the database") }
    }

    // MARK: Small things

    private func keys() throws -> [AgentFleet.Keys] {
        let url = URL(filePath: state + "/load-keys.json")
        if let data = try? Data(contentsOf: url) {
            let known = try JSONDecoder().decode([AgentFleet.Keys].self, from: data)
            guard known.count == agents else {
                throw LoadFailure("\(state) holds a fleet of \(known.count) boards; give another --state")
            }
            return known
        }
        let made = AgentFleet.makeKeys(agents)
        try JSONEncoder().encode(made).write(to: url)
        chmod(url.path(), 0o600)
        return made
    }

    private static func allowFiles(_ count: Int) throws {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(7), &limit)
        limit.rlim_cur = max(limit.rlim_cur, rlim_t(count))
        limit.rlim_max = max(limit.rlim_max, limit.rlim_cur)
        guard setrlimit(__rlimit_resource_t(7), &limit) == 0 else {
            throw LoadFailure("\(count) open files are needed (ulimit -n): \(String(cString: strerror(errno)))")
        }
    }

    private func say(_ what: String, _ text: String) {
        let line = what.padding(toLength: 12, withPad: " ", startingAt: 0) + " " + text + "\n"
        FileHandle.standardOutput.write(Data(line.utf8))
    }

    private static func seconds(_ duration: Duration) -> String { text(duration / .seconds(1), 1) }
    private static func text(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }
}
