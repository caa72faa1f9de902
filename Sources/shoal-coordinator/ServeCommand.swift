import ArgumentParser
import Coordinator
import FleetModel
import Foundation
import Logging
import ServiceLifecycle
import UnixSignals

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serves a fleet until it is told to end; what is done without a command.")

    enum Store: String, ExpressibleByArgument, CaseIterable { case sqlite, postgresql }

    @Option(help: "Folder for keys and database; made on first start.")
    var state: String
    @Option(help: "Address to bind for boards and for the HTTP interface.")
    var host = "127.0.0.1"
    @Option(help: "Name or address that boards and people reach it by; the bound one without it.")
    var advertise: String?
    @Option(parsing: .unconditional, help: "Port for enrolled boards.")
    var fleetPort = 7700
    @Option(parsing: .unconditional, help: "Port for boards that enrol.")
    var enrolmentPort = 7701
    @Option(parsing: .unconditional, help: "Port of the HTTP interface.")
    var adminPort = 7780
    @Option(parsing: .unconditional, help: "Port of metrics, /livez and /readyz; none are served without it.")
    var metricsPort: Int?
    @Option(parsing: .unconditional, help: "Milliseconds between heartbeats.")
    var heartbeat = 1_000
    @Option(parsing: .unconditional, help: "Bytes of artefacts a second, to all boards together.")
    var artefactRate = 8 << 20
    @Option(
        parsing: .unconditional,
        help: "Seconds after which boards of a class without a latency predictor are asked to measure subnets.")
    var measureAfter = 30
    @Option(
        parsing: .unconditional,
        help:
            "Seconds that a group of boards is watched which a new version of shared gates went to; 0: to all at once.")
    var hookWatch = 60
    @Option(
        parsing: .unconditional,
        help: """
            Days that telemetry is kept for after it arrived; 0: until the limit of records by board. Its sums by the \
            hour stay for \(FleetLimits.hoursPerModel / 24) days.
            """)
    var telemetryDays = CoordinatorService.Configuration.telemetryDays
    @Option(
        help:
            "Days after which a board is told to make a new key; without it by shoal board rotate-key alone."
    )
    var rotateKeysAfter: Int?
    @Option(
        help: """
            sqlite: a file in the state folder. postgresql: a database that several coordinators share, of which one \
            leads; its connection string is in the environment variable \(StoreConnection.variable) or in a file.
            """)
    var store = Store.sqlite
    @Flag(
        help: "Begin a fleet without boards where the state folder has a key but its database is missing or empty.")
    var newDatabase = false
    @Option(help: "File with the connection string of PostgreSQL, which only its owner can read.")
    var storeConnection: String?

    @Option(
        parsing: .unconditional,
        help: """
            Port for other coordinators over the same database: the ones that do not lead then take boards in too, and \
            carry what they say to the one that does. Without it they stand by.
            """)
    var relayPort: Int?
    @Option(help: "Name or address that other coordinators reach this one by; that of --advertise without it.")
    var peerAddress: String?

    func validate() throws {
        let ports = [fleetPort, enrolmentPort, adminPort, metricsPort ?? 0, relayPort ?? 0]
        for port in ports where !(0...65_535).contains(port) {
            throw ValidationError("\(port) is not a port")
        }
        guard advertise != nil || !["0.0.0.0", "::", "*"].contains(host) else {
            throw ValidationError("--host \(host) is no address to reach it by: give one with --advertise")
        }
        guard (100...60_000).contains(heartbeat) else { throw ValidationError("--heartbeat: give 100 to 60000") }
        guard (1 << 16...1 << 32).contains(artefactRate) else {
            throw ValidationError("--artefact-rate: give 65536 to 4294967296")
        }
        guard (0...86_400).contains(measureAfter) else { throw ValidationError("--measure-after: give 0 to 86400") }
        guard (0...86_400).contains(hookWatch) else { throw ValidationError("--hook-watch: give 0 to 86400") }
        guard (0...FleetLimits.hoursPerModel / 24).contains(telemetryDays) else {
            throw ValidationError("--telemetry-days: give 0 to \(FleetLimits.hoursPerModel / 24)")
        }
        guard (1...3_650).contains(rotateKeysAfter ?? 1) else {
            throw ValidationError("--rotate-keys-after: give 1 to 3650")
        }
        guard store == .postgresql || storeConnection == nil else {
            throw ValidationError("--store-connection goes with --store postgresql")
        }
        guard store == .sqlite || !newDatabase else {
            throw ValidationError("--new-database goes with --store sqlite")
        }
        guard store == .postgresql || relayPort == nil else {
            throw ValidationError("--relay-port goes with --store postgresql")
        }
        guard relayPort != nil || peerAddress == nil else {
            throw ValidationError("--peer-address goes with --relay-port")
        }
    }

    func run() async throws {
        let logger = Logger(label: "shoal-coordinator")
        do {
            let choice = try store == .sqlite ? StoreChoice.sqlite : StoreConnection.choice(file: storeConnection)
            let service = CoordinatorService(
                configuration: .init(
                    stateDirectory: state, host: host, advertisedHost: advertise ?? host, fleetPort: fleetPort,
                    enrolmentPort: enrolmentPort, adminPort: adminPort, metricsPort: metricsPort,
                    heartbeat: .milliseconds(heartbeat), store: choice, artefactBytesPerSecond: artefactRate,
                    measureAfter: .seconds(measureAfter), hookWatch: .seconds(hookWatch),
                    telemetryDays: telemetryDays, keyDays: rotateKeysAfter, relayPort: relayPort,
                    peerHost: peerAddress, newDatabase: newDatabase),
                logger: logger)
            let group = ServiceGroup(
                configuration: .init(
                    services: [.init(service: service, successTerminationBehavior: .gracefullyShutdownGroup)],
                    gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
            try await group.run()
        } catch { throw StartFailure(error).reported() }
    }
}

extension StartFailure {
    /// Tells people, and gives what the process ends with.
    func reported() -> ExitCode {
        FileHandle.standardError.write(Data("shoal-coordinator: \(message)\n".utf8))
        return ExitCode(exitCode)
    }
}
