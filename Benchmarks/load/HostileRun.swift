import AdminAPI
import CZeroMQ
import FleetModel
import Foundation
import SearchSpace

/// What a coordinator makes of frames that no agent sends, while another board goes on as ever.
extension FleetLoad {
    /// Between the first fifth, when every buffer has been used, and the end.
    private static let allowedGrowth = 16 << 20

    func hostile(_ count: Int, seed: UInt64) async throws {
        say("seed", "\(seed)")
        let coordinator = CoordinatorProcess(programs: programs, state: state, heartbeat: heartbeat)
        try coordinator.start()
        defer { coordinator.kill() }
        let status = try await coordinator.status()
        let fleet = try await connected(coordinator, status, boards: 2).fleet
        let thief = try HostileSocket(fleet, board: 0, at: status.fleetEndpoint)
        var frames = HostileFrames(fleet.agents[0].description, seed: seed)
        let old = try frames.whole()
        try thief.send(old, whileWaiting: fleet, every)

        var resident: [Int] = []
        for number in 1...count {
            try thief.send(try frames.next(replaying: old), whileWaiting: fleet, every)
            if number % 500 == 0 { try fleet.run(for: .milliseconds(5), period: every) }
            if number % max(1, count / 5) == 0 {
                guard let usage = ProcessUsage(of: coordinator.processID) else { break }
                resident.append(usage.residentBytes)
            }
        }
        let counted = try await settled(coordinator, fleet)
        let others = try await strangers(fleet, status, coordinator, seed: seed)
        try tell(frames.expected, counted, before: status.droppedFrames, resident)
        say("strangers", others)
        try await stillServes(fleet, coordinator)
        thief.close()
        fleet.stop()
    }

    /// The counters once they stand still.
    private func settled(_ coordinator: CoordinatorProcess, _ fleet: AgentFleet) async throws -> [String: UInt64] {
        var last: [String: UInt64] = [:]
        for _ in 0..<60 {
            try fleet.run(for: .seconds(1), period: every)
            let now = try await coordinator.status().droppedFrames
            if now == last { return now }
            last = now
        }
        throw LoadFailure("the counters of dropped frames do not come to rest")
    }

    private func tell(
        _ expected: HostileFrames.Expected, _ after: [String: UInt64], before: [String: UInt64], _ resident: [Int]
    ) throws {
        let counted = after.mapValues(Int.init).merging(before.mapValues(Int.init), uniquingKeysWith: -)
            .filter { $0.value != 0 }
        func text(_ counts: [String: Int]) -> String {
            counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        }
        say(
            "hostile",
            "\(expected.total) frames of an enrolled board: \(text(expected.dropped)), whole \(expected.whole)")
        say("counted", text(counted))
        say("memory", resident.map { "\($0 >> 20)" }.joined(separator: ", ") + " MiB resident after each fifth")
        for reason in Set(counted.keys).union(expected.dropped.keys) {
            let (found, wanted) = (counted[reason] ?? 0, expected.dropped[reason] ?? 0)
            // What is whole has a number that was heard already, or is taken.
            let most = reason == "replayed" ? wanted + expected.whole : wanted
            guard (wanted...most).contains(found) else {
                throw LoadFailure("\(reason): \(found) frames were counted, \(wanted) to \(most) expected")
            }
        }
        guard resident.count == 5 else { throw LoadFailure("the coordinator is gone") }
        guard resident[4] - resident[0] <= Self.allowedGrowth else {
            throw LoadFailure("the coordinator's memory grows")
        }
    }

    /// Keys that are not enrolled, tokens that were never given, and bytes that are no protocol at all.
    private func strangers(
        _ fleet: AgentFleet, _ status: StatusView, _ coordinator: CoordinatorProcess, seed: UInt64
    ) async throws -> String {
        var generator = SeededGenerator(seed: seed &+ 1)
        let before = try await coordinator.status().droppedFrames
        let keys = AgentFleet.makeKeys(200)
        for (number, key) in keys.enumerated() {
            let isEnrolling = number % 2 == 0
            let socket = try HostileSocket(
                fleet, key: key, at: isEnrolling ? status.enrolmentEndpoint : status.fleetEndpoint)
            // Whoever is not enrolled gets no connection to the fleet's endpoint, and can send nothing there.
            let isOpen = { socket.offer([[1], [2]]) }
            try fleet.run(for: .milliseconds(isEnrolling ? 2_000 : 20), period: every, until: isOpen)
            for _ in 0..<20 { socket.offer([[1], (0..<50).map { _ in UInt8.random(in: 0...255, using: &generator) }]) }
            try fleet.run(for: .milliseconds(5), period: every)
            socket.close()
        }
        var raw = 0
        for endpoint in [status.fleetEndpoint, status.enrolmentEndpoint] {
            for _ in 0..<200 {
                let bytes = (0..<Int.random(in: 1...400, using: &generator)).map { _ in
                    UInt8.random(in: 0...255, using: &generator)
                }
                if RawConnection.send(bytes, to: endpoint) { raw += 1 }
            }
            try fleet.run(for: .milliseconds(100), period: every)
        }
        let after = try await settled(coordinator, fleet)
        let more = after.map { ($0.key, $0.value - (before[$0.key] ?? 0)) }.filter { $0.1 > 0 }.sorted { $0.0 < $1.0 }
        guard more.contains(where: { $0.0 == "unauthenticated" }) else {
            throw LoadFailure("keys that are not enrolled were not counted")
        }
        return "\(keys.count) keys that are not enrolled, \(raw) connections that speak no protocol: "
            + more.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
    }

    private func stillServes(_ fleet: AgentFleet, _ coordinator: CoordinatorProcess) async throws {
        let before = fleet.agents[1].acknowledged
        try fleet.run(for: every * 5, period: every) { fleet.agents[1].acknowledged > before + 1 }
        guard fleet.agents[1].acknowledged > before + 1 else {
            throw LoadFailure("the board beside them is not served any more")
        }
        let usage = ProcessUsage(of: coordinator.processID)
        say("beside them", "\(fleet.agents[1].acknowledged) reports of another board, each acknowledged")
        say("coordinator", "\((usage?.residentBytes ?? 0) >> 20) MiB resident at the end")
    }
}

/// A connection that keeps to nothing.
final class HostileSocket {
    private let socket: UnsafeMutableRawPointer

    init(_ fleet: AgentFleet, board: Int, at endpoint: String) throws {
        socket = try fleet.dealer(with: fleet.keys[board], to: endpoint)
    }

    init(_ fleet: AgentFleet, key: AgentFleet.Keys, at endpoint: String) throws {
        socket = try fleet.dealer(with: key, to: endpoint)
    }

    func close() { zmq_close(socket) }

    /// - Returns: `false` when it would have to wait.
    @discardableResult func offer(_ parts: [[UInt8]]) -> Bool {
        var part = zmq_msg_t()
        zmq_msg_init(&part)
        while zmq_msg_recv(&part, socket, ZMQ_DONTWAIT) >= 0 {}
        zmq_msg_close(&part)
        for (index, part) in parts.enumerated() {
            let more = index < parts.count - 1 ? ZMQ_SNDMORE : 0
            guard zmq_send(socket, part, part.count, ZMQ_DONTWAIT | more) >= 0 else { return false }
        }
        return true
    }

    func send(_ parts: [[UInt8]], whileWaiting fleet: AgentFleet, _ period: Duration) throws {
        while !offer(parts) { try fleet.run(for: .milliseconds(2), period: period) }
    }
}

/// A TCP connection without ZeroMQ.
enum RawConnection {
    /// - Parameter endpoint: `tcp://ADDRESS:PORT`.
    static func send(_ bytes: [UInt8], to endpoint: String) -> Bool {
        let parts = endpoint.dropFirst("tcp://".count).split(separator: ":")
        guard parts.count == 2, let port = UInt16(parts[1]) else { return false }
        let file = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(file) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        guard inet_pton(AF_INET, String(parts[0]), &address.sin_addr) == 1 else { return false }
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isOpen = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(file, $0, size) == 0 }
        }
        return isOpen && Foundation.send(file, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count
    }
}
