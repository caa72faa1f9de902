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
    @Option(help: "Frames that no agent sends, over the connection of an enrolled board, and some of strangers.")
    var hostile: Int?
    @Option(help: "Seed of these frames.")
    var seed = UInt64.random(in: 0...UInt64.max)
    @Option(help: .hidden)
    var joinFrom: Int?

    private static let enrolmentsPerSecond = 150
    /// Files that are no board's.
    private static let otherFiles = 512
    private static let longestConnect: Duration = .seconds(300)

    func validate() throws {
        guard (1...FleetLimits.boards).contains(agents) else {
            throw ValidationError("--agents: give 1 to \(FleetLimits.boards)")
        }
        if let hostile, hostile < 5 { throw ValidationError("--hostile: give 5 or more") }
        guard seconds >= period, period > 0 else { throw ValidationError("--seconds: measure at least one period") }
    }

    func run() async throws {
        do {
            if let hostile { try await self.hostile(hostile, seed: seed) } else { try await measure() }
        } catch let failure as LoadFailure {
            FileHandle.standardError.write(Data("fleet-load: \(failure)\n".utf8))
            throw ExitCode(6)
        }
    }

    private func measure() async throws {
        let coordinator = CoordinatorProcess(programs: programs, state: state, heartbeat: heartbeat)
        if let joinFrom { return try await join(coordinator, from: joinFrom) }
        // A mailbox and a connection for each board; what one program may not hold, others do.
        let capacity = (try Self.allowFiles(agents * 2 + Self.otherFiles) - Self.otherFiles) / 2
        let own = min(agents, capacity)
        try coordinator.start()
        defer { coordinator.kill() }
        let status = try await coordinator.status()
        let idle = ProcessUsage(of: coordinator.processID)
        let fleet = try await connected(coordinator, status, boards: own, from: 0)
        let companions = try stride(from: own, to: agents, by: capacity).map { first in
            try Companion(self, boards: min(capacity, agents - first), from: first)
        }
        for companion in companions { fleet.run(for: Self.longestConnect, period: every) { companion.isReady } }
        if let late = companions.first(where: { !$0.isReady }) {
            throw LoadFailure("the boards from \(late.first) on did not connect")
        }
        fleet.run(for: every * 1.5, period: every)

        try report(fleet, coordinator, idle)
        if restart { try await restart(coordinator, fleet) }
        coordinator.kill()
        try await check(fleet, from: 0)
        fleet.stop()
        for companion in companions { try companion.finish() }
    }

    var every: Duration { .seconds(period) }

    /// Boards that are enrolled, connected and welcome.
    func connected(
        _ coordinator: CoordinatorProcess, _ status: StatusView, boards: Int, from first: Int
    ) async throws -> AgentFleet {
        let token: TokenView = try await coordinator.client().post(
            "v1/tokens", TokenRequest(uses: boards, validSeconds: 3_600))
        let (keys, areNew) = try keys(boards, from: first)
        let fleet = try AgentFleet(keys: keys, from: first, serverKey: token.serverPublicKey)
        if areNew {
            let began = ContinuousClock.now
            try fleet.enrol(at: status.enrolmentEndpoint, token: token.token, perSecond: Self.enrolmentsPerSecond)
            say(
                "enrolled",
                "\(boards) boards in \(Self.seconds(began.duration(to: .now))) s, refused: \(fleet.measures.refusedEnrolments)"
            )
        }
        let began = ContinuousClock.now
        try fleet.start(
            at: status.fleetEndpoint, incarnation: UInt64(Date().timeIntervalSince1970 * 1_000), period: every)
        fleet.run(for: Self.longestConnect, period: every) { fleet.welcomed(since: began) == boards }
        guard fleet.welcomed(since: began) == boards else {
            throw LoadFailure("only \(fleet.welcomed(since: began)) of \(boards) boards connected")
        }
        say("connected", "\(boards) boards in \(Self.seconds(began.duration(to: .now))) s")
        return fleet
    }

    /// Further boards for the coordinator of another of these programs, until that closes the standard input.
    private func join(_ coordinator: CoordinatorProcess, from first: Int) async throws {
        _ = try Self.allowFiles(agents * 2 + Self.otherFiles)
        let fleet = try await connected(coordinator, try await coordinator.status(), boards: agents, from: first)
        say(Companion.ready, "")
        fleet.measures.reset(boards: agents)
        let end = EndOfInput()
        fleet.run(for: .seconds(86_400), period: every) { end.isReached }
        tell(fleet.measures)
        try await check(fleet, from: first)
        fleet.stop()
    }

    /// The command line of a program that joins this one's coordinator.
    func companionArguments(boards: Int, from first: Int) -> [String] {
        [
            CommandLine.arguments[0], "--agents", "\(boards)", "--period", "\(period)", "--seconds", "\(seconds)",
            "--heartbeat", "\(heartbeat)", "--state", state, "--programs", programs, "--join-from", "\(first)",
        ]
    }

    private func report(
        _ fleet: AgentFleet, _ coordinator: CoordinatorProcess, _ idle: ProcessUsage?
    ) throws {
        fleet.measures.reset(boards: fleet.agents.count)
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
        tell(measures)
        say("load", "\(Self.text(ownAfter.cores(since: own), 3)) cores for the simulated boards themselves")
    }

    /// What boards of this program sent and how long it took.
    private func tell(_ measures: LoadMeasures) {
        let boards = min(agents, measures.boards)
        say(
            "reports",
            "\(measures.reports) of \(measures.recordBytes) bytes, \(Self.text(Double(measures.reports) / measures.seconds, 1)) a second from \(boards) boards"
        )
        let boardSeconds = max(1, measures.seconds * Double(boards))
        say(
            "traffic",
            "\(Int(Double(measures.bytesSent) / boardSeconds)) bytes a board and second to the coordinator in \(measures.messagesSent) messages, \(Int(Double(measures.bytesReceived) / boardSeconds)) back in \(measures.messagesReceived)"
        )
        say(
            "ingest",
            "p50 \(Self.text(measures.percentile(50) ?? .nan, 1)) ms, p99 \(Self.text(measures.percentile(99) ?? .nan, 1)) ms, longest \(Self.text(measures.percentile(100) ?? .nan, 1)) ms of \(measures.ingests.count), from sending to durable acknowledgement"
        )
    }

    private func restart(_ coordinator: CoordinatorProcess, _ fleet: AgentFleet) async throws {
        let own = fleet.agents.count
        coordinator.kill()
        let killed = ContinuousClock.now
        try coordinator.start()
        let began = ProcessUsage(of: coordinator.processID)
        fleet.measures.reset(boards: own)
        fleet.run(for: Self.longestConnect, period: every) { fleet.welcomed(since: killed) == own }
        let back = fleet.agents.compactMap(\.welcomed).filter { $0 >= killed }.map { killed.duration(to: $0) }.sorted()
        // Those of other programs too, as the coordinator sees them.
        var connected = try await coordinator.status().boardsConnected
        while connected < agents, killed.duration(to: .now) < Self.longestConnect {
            fleet.run(for: .milliseconds(200), period: every)
            connected = try await coordinator.status().boardsConnected
        }
        let took = killed.duration(to: .now)
        let half = back.isEmpty ? "-" : Self.seconds(back[back.count / 2])
        say(
            "restart",
            "\(connected) of \(agents) boards back \(Self.seconds(took)) s after kill -9 (half of \(own) after \(half) s), refused: \(fleet.measures.refusedHellos)"
        )
        fleet.run(for: every * 2, period: every)
        if let began, let now = ProcessUsage(of: coordinator.processID) {
            say(
                "after it",
                "\(Self.text(now.cores(since: began), 3)) cores on average, \(now.residentBytes >> 20) MiB resident")
        }
    }

    /// What was acknowledged has to be in the database, once.
    private func check(_ fleet: AgentFleet, from first: Int) async throws {
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
        if first == 0 {
            say("database", "\(rows) records, \(size >> 20) MiB, \(rows > 0 ? size / rows : 0) bytes a record")
        }
        say("records", "\(acknowledged) acknowledged in this run, \(lost) of them lost")
        guard lost == 0 else { throw LoadFailure("\(lost) acknowledged records are not in the database") }
    }

    // MARK: Small things

    private func keys(_ count: Int, from first: Int) throws -> (keys: [AgentFleet.Keys], areNew: Bool) {
        let url = URL(filePath: state + "/load-keys-\(first).json")
        if let data = try? Data(contentsOf: url) {
            let known = try JSONDecoder().decode([AgentFleet.Keys].self, from: data)
            guard known.count == count else {
                throw LoadFailure("\(state) holds a fleet of \(known.count) boards; give another --state")
            }
            return (known, false)
        }
        let made = AgentFleet.makeKeys(count)
        try JSONEncoder().encode(made).write(to: url)
        chmod(url.path(), 0o600)
        return (made, true)
    }

    /// - Returns: how many files this program may open, `count` at most.
    private static func allowFiles(_ count: Int) throws -> Int {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(7), &limit)
        limit.rlim_cur = max(limit.rlim_cur, rlim_t(count))
        limit.rlim_max = max(limit.rlim_max, limit.rlim_cur)
        if setrlimit(__rlimit_resource_t(7), &limit) != 0 {
            // Not even the most that this user may have.
            getrlimit(__rlimit_resource_t(7), &limit)
            limit.rlim_cur = limit.rlim_max
            setrlimit(__rlimit_resource_t(7), &limit)
        }
        getrlimit(__rlimit_resource_t(7), &limit)
        guard limit.rlim_cur > Self.otherFiles + 2 else {
            throw LoadFailure("\(limit.rlim_cur) open files are too few (ulimit -n)")
        }
        return min(count, Int(limit.rlim_cur))
    }

    func say(_ what: String, _ text: String) {
        let line = what.padding(toLength: 12, withPad: " ", startingAt: 0) + " " + text + "\n"
        FileHandle.standardOutput.write(Data(line.utf8))
    }

    private static func seconds(_ duration: Duration) -> String { text(duration / .seconds(1), 1) }
    private static func text(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }
}
