import AdminAPI
import ArgumentParser
import FleetModel
import FleetStore
import Foundation

/// Simulated agents over real sockets against one real coordinator: what it costs, and how long it takes.
///
/// Exit codes: 0 all that was measured reached what a coordinator is to reach, 1 something did not (the last lines say
/// what), 6 the run could not be carried out, 64 the command line is wrong.
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
    @Option(help: "Boards that begin to connect each second.")
    var connects = 300
    @Option(help: "Boards that enrol each second; a coordinator hears 200 strangers a second.")
    var enrolments = 180
    @Option(help: "Seconds to wait until all boards are connected, or back.")
    var patience = 300
    @Option(
        help: "Folder for the coordinator's state and the boards' keys; boards that are in it are enrolled already.")
    var state: String
    @Option(help: "Folder of the built programs.")
    var programs: String
    @Flag(help: "Change a policy, and measure how long the boards need to report what it means for them.")
    var change = false
    @Flag(help: "Kill the coordinator after that, start it again, and measure how long the boards need to come back.")
    var restart = false
    @Flag(help: "Print the figures as JSON when all is done; sentences go to standard error.")
    var json = false
    @Option(help: "Frames that no agent sends, over the connection of an enrolled board, and some of strangers.")
    var hostile: Int?
    @Option(help: "Seed of these frames.")
    var seed = UInt64.random(in: 0...UInt64.max)

    /// Files that are no board's.
    private static let otherFiles = 256

    func validate() throws {
        guard (1...FleetLimits.boards).contains(agents) else {
            throw ValidationError("--agents: give 1 to \(FleetLimits.boards)")
        }
        if let hostile, hostile < 5 { throw ValidationError("--hostile: give 5 or more") }
        guard seconds >= period, period > 0 else { throw ValidationError("--seconds: measure at least one period") }
        guard connects > 0, enrolments > 0, patience > 0 else {
            throw ValidationError("--connects, --enrolments, --patience: give 1 or more")
        }
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
        try Self.allowFiles(agents + Self.otherFiles)
        let coordinator = CoordinatorProcess(programs: programs, state: state, heartbeat: heartbeat)
        try coordinator.start()
        defer { coordinator.kill() }
        let status = try await coordinator.status()
        let idle = try coordinator.usage()
        var result = LoadResult(boards: agents, periodSeconds: period, heartbeatMilliseconds: heartbeat)
        let (fleet, enrolment, connection) = try await connected(coordinator, status, boards: agents)
        (result.enrolment, result.connection) = (enrolment, connection)
        // Until every board has reported once and the look at all of them after they came is over.
        try fleet.run(for: every * 1.5, period: every)
        result.steady = try steady(fleet, coordinator, idle)
        if change { result.change = try await change(fleet, coordinator) }
        if restart { result.restart = try await restart(coordinator, fleet) }
        coordinator.kill()
        result.records = try await records(fleet)
        fleet.stop()
        result.judge()
        try tell(result)
    }

    private func tell(_ result: LoadResult) throws {
        for miss in result.notReached { say("NOT REACHED", miss) }
        if result.notReached.isEmpty { say("reached", "all that a coordinator of a fleet is to reach") }
        if json { FileHandle.standardOutput.write(try result.json + Data("\n".utf8)) }
        if !result.notReached.isEmpty { throw ExitCode(1) }
    }

    var every: Duration { .seconds(period) }
    private var longest: Duration { .seconds(patience) }

    // MARK: Boards come

    /// Boards that are enrolled and, as far as they came in time, connected and welcome.
    func connected(
        _ coordinator: CoordinatorProcess, _ status: StatusView, boards: Int
    ) async throws -> (fleet: AgentFleet, enrolment: LoadResult.Enrolment?, connection: LoadResult.Connection) {
        let token: TokenView = try await coordinator.client().post(
            "v1/tokens", TokenRequest(uses: boards, validSeconds: 3_600))
        let (keys, areNew) = try keys(boards)
        let fleet = try AgentFleet(keys: keys, serverKey: token.serverPublicKey)
        let enrolment = areNew ? try enrol(fleet, coordinator, status, token) : nil
        let (before, began) = (try coordinator.usage(), ContinuousClock.now)
        try fleet.start(
            at: status.fleetEndpoint, incarnation: UInt64(Date().timeIntervalSince1970 * 1_000), period: every,
            perSecond: connects)
        try wait(fleet, "greeted", since: began)
        let greeted = fleet.welcomed(since: began)
        let connection = LoadResult.Connection(
            greeted: greeted, boards: boards, seconds: began.duration(to: .now) / .seconds(1),
            coordinatorMicrosecondsPerBoard: try coordinator.usage().microseconds(since: before, each: greeted))
        say("connected", connection.sentence)
        return (fleet, enrolment, connection)
    }

    private func enrol(
        _ fleet: AgentFleet, _ coordinator: CoordinatorProcess, _ status: StatusView, _ token: TokenView
    ) throws -> LoadResult.Enrolment {
        let (before, began) = (try coordinator.usage(), ContinuousClock.now)
        try fleet.enrol(at: status.enrolmentEndpoint, token: token.token, perSecond: enrolments) { enrolled in
            progress("\(enrolled) of \(fleet.keys.count) boards enrolled", since: began)
        }
        let enrolment = LoadResult.Enrolment(
            boards: fleet.keys.count, seconds: began.duration(to: .now) / .seconds(1),
            refused: fleet.measures.refusedEnrolments,
            coordinatorMicrosecondsPerBoard: try coordinator.usage().microseconds(
                since: before, each: fleet.keys.count))
        say("enrolled", enrolment.sentence)
        return enrolment
    }

    /// Until all boards have been greeted since a moment, or patience ends.
    private func wait(_ fleet: AgentFleet, _ what: String, since moment: ContinuousClock.Instant) throws {
        let count = fleet.agents.count
        while fleet.welcomed(since: moment) < count, moment.duration(to: .now) < longest {
            let told = ContinuousClock.now
            try fleet.run(for: .seconds(5), period: every) {
                // Not each time: it goes through all boards.
                told.duration(to: .now) > .milliseconds(100) && fleet.welcomed(since: moment) == count
            }
            progress("\(fleet.welcomed(since: moment)) of \(count) boards \(what)", since: moment)
        }
    }

    // MARK: Life

    private func steady(
        _ fleet: AgentFleet, _ coordinator: CoordinatorProcess, _ idle: ProcessUsage
    ) throws -> LoadResult.Steady {
        fleet.measures.reset(boards: fleet.agents.count)
        let (before, own) = (try coordinator.usage(), ProcessUsage(of: getpid()))
        try fleet.run(for: .seconds(seconds), period: every)
        let (after, ownAfter) = (try coordinator.usage(), ProcessUsage(of: getpid()))
        guard let own, let ownAfter else { throw LoadFailure("/proc tells nothing of this program") }
        let measures = fleet.measures
        let boardSeconds = measures.seconds * Double(agents)
        let steady = LoadResult.Steady(
            seconds: measures.seconds, coordinatorCores: after.cores(since: before),
            coordinatorResidentBytes: after.residentBytes, coordinatorResidentBytesBefore: idle.residentBytes,
            coordinatorBytesPerBoard: (after.residentBytes - idle.residentBytes) / agents,
            coordinatorMicrosecondsPerReport: after.microseconds(since: before, each: measures.ingests.count),
            loadCores: ownAfter.cores(since: own), reports: measures.reports,
            reportsPerSecond: Double(measures.reports) / measures.seconds, recordBytes: measures.recordBytes,
            messagesUp: measures.messagesSent, messagesDown: measures.messagesReceived,
            bytesUpPerBoardSecond: Double(measures.bytesSent) / boardSeconds,
            bytesDownPerBoardSecond: Double(measures.bytesReceived) / boardSeconds,
            ingest: .init(milliseconds: measures.ingests))
        for (what, text) in steady.sentences { say(what, text) }
        return steady
    }

    private func restart(_ coordinator: CoordinatorProcess, _ fleet: AgentFleet) async throws -> LoadResult.Restart {
        coordinator.kill()
        let killed = ContinuousClock.now
        try coordinator.start()
        let began = try coordinator.usage()
        fleet.measures.reset(boards: fleet.agents.count)
        try wait(fleet, "back", since: killed)
        let back = fleet.agents.compactMap(\.welcomed).filter { $0 >= killed }.map { killed.duration(to: $0) }.sorted()
        let took = back.count == fleet.agents.count ? back.last ?? .zero : killed.duration(to: .now)
        try fleet.run(for: every * 2, period: every)
        let now = try coordinator.usage()
        let restart = LoadResult.Restart(
            back: back.count, boards: fleet.agents.count, seconds: took / .seconds(1),
            halfSeconds: back.isEmpty ? nil : back[back.count / 2] / .seconds(1),
            connected: try await coordinator.status().boardsConnected, refused: fleet.measures.refusedHellos,
            unansweredHellos: fleet.measures.unansweredHellos, coordinatorCores: now.cores(since: began),
            coordinatorPeakBytes: now.peakBytes)
        for (what, text) in restart.sentences { say(what, text) }
        return restart
    }

    /// What was acknowledged has to be in the database, once.
    private func records(_ fleet: AgentFleet) async throws -> LoadResult.Records {
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
        let size = (try? FileManager.default.attributesOfItem(atPath: state + "/fleet.sqlite")[.size] as? Int) ?? 0
        let records = LoadResult.Records(
            acknowledged: acknowledged, lost: lost, stored: counts.values.reduce(0) { $0 + $1.rows },
            databaseBytes: size)
        for (what, text) in records.sentences { say(what, text) }
        return records
    }

    // MARK: Small things

    private func keys(_ count: Int) throws -> (keys: [AgentFleet.Keys], areNew: Bool) {
        let url = URL(filePath: state + "/load-keys.json")
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

    private static func allowFiles(_ count: Int) throws {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(7), &limit)
        limit.rlim_cur = max(limit.rlim_cur, min(rlim_t(count), limit.rlim_max))
        setrlimit(__rlimit_resource_t(7), &limit)
        getrlimit(__rlimit_resource_t(7), &limit)
        guard limit.rlim_cur >= rlim_t(count) else {
            throw LoadFailure("\(count) open files are needed, a connection for each board; ulimit -n allows fewer")
        }
    }

    func say(_ what: String, _ text: String) {
        let line = what.padding(toLength: 12, withPad: " ", startingAt: 0) + " " + text + "\n"
        let file = json ? FileHandle.standardError : .standardOutput
        file.write(Data(line.utf8))
    }

    /// Where a run is, for whoever waits for it.
    private func progress(_ text: String, since began: ContinuousClock.Instant) {
        let line = "... \(text) after \(LoadResult.text(began.duration(to: .now) / .seconds(1))) s\n"
        FileHandle.standardError.write(Data(line.utf8))
    }
}
