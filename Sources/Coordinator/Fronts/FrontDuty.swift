import AdminAPI
import FleetMetrics
import FleetModel
import FleetStore
import Foundation
import Hummingbird
import Logging
import Messaging
import MetricsServing
import PostgreSQLFleetStore
import Synchronization
import WireProtocol

/// What a coordinator does while another one leads.
///
/// Without a relay port it binds nothing and says on its metrics port that it is not ready. With one it is a front: it
/// takes boards in at its own ports and carries what they say to the leader, which it looks up in the database. When
/// it comes to lead, its boards' connections stay as they are.
final class FrontDuty: Sendable {
    /// How often the leader's address is looked up.
    private static let interval: Duration = .seconds(1)

    private let configuration: CoordinatorService.Configuration
    private let logger: Logger
    private let startedAtMilliseconds = CoordinatorActor.wallClock()
    private let transport = Mutex<ZeroMQCoordinatorTransport?>(nil)
    private let leader = Mutex<LeaderAddresses?>(nil)

    init(_ configuration: CoordinatorService.Configuration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    /// The sockets that boards are connected to already, where this was a front.
    var openTransport: ZeroMQCoordinatorTransport? { transport.withLock { $0 } }

    /// Closes them, where this one is to end before it led.
    func stop() async { await openTransport?.stop() }

    /// Returns when cancelled.
    /// - Throws: what keeps a front from its work: ports that are taken, a key that is missing.
    func serve(_ store: PostgreSQLFleetStore) async throws {
        guard configuration.relayPort != nil else {
            return try await serveMetrics(collect: { [] }, ready: { "another coordinator leads the fleet" })
        }
        let path = configuration.stateDirectory + "/key.json"
        let keys = try CurveKeyPair.load(from: path)
        let transport = try ZeroMQCoordinatorTransport(
            binding: configuration.endpoints, keys: keys,
            allowList: AllowList(try await store.allowedBoards(in: store.path)), isFront: true)
        self.transport.withLock { $0 = transport }
        let relay = try FrontRelay(
            for: transport,
            as: FrontDescription(
                instance: UInt64.random(in: 0...UInt64.max),
                fleetEndpoint: configuration.advertised(transport.boundEndpoints.fleet),
                enrolmentEndpoint: configuration.advertised(transport.boundEndpoints.enrolment)))
        logger.notice("boards are taken in for the coordinator that leads")
        do { try await serve(store, transport, relay) } catch {
            await relay.stop()
            throw error
        }
        await relay.stop()
    }

    private func serve(
        _ store: PostgreSQLFleetStore, _ transport: ZeroMQCoordinatorTransport, _ relay: FrontRelay
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await self.lookUp(store, relay) }
            group.addTask {
                let interface = AdminRedirect(
                    leader: { self.leader.withLock { $0?.admin } }, ready: { relay.obstacle })
                try await interface.application(
                    host: self.configuration.host, port: self.configuration.adminPort
                ).run()
            }
            group.addTask {
                try await self.serveMetrics(
                    collect: { self.families(transport, relay) }, ready: { relay.obstacle })
            }
            try await group.next()
            group.cancelAll()
        }
    }

    /// Where nobody can be asked, the leader that was known last stays.
    private func lookUp(_ store: PostgreSQLFleetStore, _ relay: FrontRelay) async {
        var wasUp = true
        repeat {
            do {
                let found = try await store.leader()
                leader.withLock { $0 = found }
                if let found { relay.follow(found.relay) }
            } catch { logger.warning("the leader cannot be looked up", metadata: ["error": "\(error)"]) }
            let obstacle = relay.obstacle
            if wasUp != (obstacle == nil) {
                wasUp = obstacle == nil
                logger.notice("\(obstacle ?? "the coordinator that leads takes what boards say")")
            }
        } while (try? await Task.sleep(for: Self.interval)) != nil
    }

    private func serveMetrics(
        collect: @escaping @Sendable () -> [MetricFamily], ready: @escaping @Sendable () -> String?
    ) async throws {
        guard let port = configuration.metricsPort else {
            while (try? await Task.sleep(for: .seconds(3_600))) != nil {}
            return
        }
        try await MetricsServer(collect: collect, ready: ready)
            .application(host: configuration.host, port: port).run()
    }

    private func families(_ transport: ZeroMQCoordinatorTransport, _ relay: FrontRelay) -> [MetricFamily] {
        let counters = transport.counters()
        return MetricFamily.ofCoordinator(startedAtMilliseconds: startedAtMilliseconds) + [
            MetricFamily(
                "shoal_front_up", .gauge, "1 while the coordinator that leads takes what boards say here, else 0.",
                relay.obstacle == nil ? 1 : 0),
            MetricFamily(
                "shoal_front_frames_received_total", .counter,
                "Frames of boards carried to the coordinator that leads.",
                Double(counters.received)),
            MetricFamily(
                "shoal_front_frames_sent_total", .counter, "Frames of the coordinator that leads carried to boards.",
                Double(counters.sent)),
            MetricFamily(
                "shoal_protocol_frames_dropped_total", .counter, "Frames of boards dropped unread, by reason.",
                counters.byReason.map { .init(Double($0.1), labels: ["reason": $0.0]) }),
        ] + ProcessUsage.families(prefix: "shoal")
    }
}

extension FleetStore {
    /// The keys that may speak, and the board each one is.
    /// - Throws: `FleetStoreFailure.corrupt` where a stored key is none.
    func allowedBoards(in path: String) async throws -> [PublicKey: BoardID] {
        var boards: [PublicKey: BoardID] = [:]
        for (text, board) in try await allowList() {
            guard let key = PublicKey(z85: text) else {
                throw FleetStoreFailure.corrupt(path: path, detail: "the key of \(board) is not a CURVE key")
            }
            boards[key] = board
        }
        return boards
    }
}

extension CoordinatorService.Configuration {
    /// To bind for boards.
    var endpoints: ZeroMQCoordinatorTransport.Endpoints {
        .init(fleet: "tcp://\(host):\(fleetPort)", enrolment: "tcp://\(host):\(enrolmentPort)")
    }

    /// A bound endpoint as boards reach it.
    func advertised(_ endpoint: String) -> String { Self.endpoint(endpoint, at: advertisedHost) }

    /// A bound endpoint as other coordinators reach it.
    func told(_ endpoint: String) -> String { Self.endpoint(endpoint, at: peerHost) }

    private static func endpoint(_ endpoint: String, at host: String) -> String {
        "tcp://\(host):\(endpoint.split(separator: ":").last ?? "")"
    }
}
