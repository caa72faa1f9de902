import AdminAPI
import FleetModel
import Foundation
import Messaging
import SearchSpace
import Testing
import WireProtocol

/// A board as a coordinator sees it: says who it is each tenth of a second, reports assignments, and sends what is not
/// acknowledged.
struct TalkingBoard: Sendable {
    let transport: ZeroMQAgentTransport
    let description: BoardDescription
    var acknowledged: UInt64 = 0
    /// Of the newest assignment.
    var generation: UInt64 = 0

    /// At all addresses that the token names; with `endpoints`, at these alone.
    static func enrolled(
        by client: AdminClient, as name: String = "edge-1", at endpoints: (enrolment: String, fleet: String)? = nil
    ) async throws -> TalkingBoard {
        let token: TokenView = try await client.post("v1/tokens", TokenRequest(uses: 1, validSeconds: 60))
        let bare = BoardDescription(
            id: try #require(BoardID(name)), boardClass: "test", labels: [:], cores: 1, memoryBytes: 1 << 30,
            engineVersion: "1", models: [])
        let keys = try CurveKeyPair.generate()
        var bundle = EnrolmentBundle(
            enrolmentEndpoint: endpoints?.enrolment ?? token.enrolmentEndpoint,
            fleetEndpoint: endpoints?.fleet ?? token.fleetEndpoint,
            serverPublicKey: try #require(PublicKey(z85: token.serverPublicKey)), token: token.token)
        if endpoints == nil {
            (bundle.enrolmentEndpoints, bundle.fleetEndpoints) = (token.enrolmentEndpoints, token.fleetEndpoints)
        }
        _ = try await Enrolment.enrol(bundle, keys: keys, board: bare, timeout: .seconds(20))
        let transport = try ZeroMQAgentTransport(
            connectingTo: bundle.allFleetEndpoints, as: name, serverKey: bundle.serverPublicKey, keys: keys)
        let point = OperatingPoint(
            configuration: SubnetConfiguration(
                resolution: 28, depths: [2], kernelSizes: [3, 3], expandRatios: [3, 3]), accuracy: 0.9,
            latencyMilliseconds: 4, flops: 1)
        var whole = bare
        whole.models = [
            DeployedModel(name: try #require(ModelName("classifier")), framesPerSecond: 30, points: [point])
        ]
        return TalkingBoard(transport: transport, description: whole)
    }

    private func record(_ sequence: UInt64) -> TelemetryRecord {
        TelemetryRecord(
            incarnation: 1, sequence: sequence, startMilliseconds: 1_000 * sequence, durationMilliseconds: 1_000,
            generation: 0, models: [],
            board: .init(
                memoryBytes: 1, cpuLoad: nil, cpuFrequencyMegahertz: nil, temperatureCelsius: nil, droppedRecords: 0))
    }

    /// Until so many records are acknowledged and an assignment of that generation has come. A test's time limit bounds
    /// the wait.
    mutating func speak(until count: UInt64, generation least: UInt64 = 0) async throws {
        let (transport, description, reported) = (transport, description, generation)
        let ticker = Task {
            while !Task.isCancelled {
                try transport.send(.hello(description, incarnation: 1, reportedGeneration: reported))
                try await Task.sleep(for: .milliseconds(100))
            }
        }
        defer { ticker.cancel() }
        var incoming = transport.incoming.makeAsyncIterator()
        while acknowledged < count || generation < least, let message = await incoming.next() {
            switch message {
            case .telemetryAcknowledged(incarnation: 1, let sequence): acknowledged = max(acknowledged, sequence)
            case .assign(let assignment):
                generation = max(generation, assignment.generation)
                try transport.send(.assignmentReported(generation: generation))
            default: break
            }
            try transport.send(.telemetry((1...4).map { record(acknowledged + $0) }))
        }
    }
}

/// Ports of this machine.
enum LocalPort {
    /// One that was free a moment ago, below those that the system gives to whoever connects (from 32768 on): nobody
    /// else has it while a program that was killed is about to listen there again.
    static func free() throws -> Int {
        let port = (0..<1_000).lazy.map { _ in Int.random(in: 10_000..<30_000) }.first(where: isFree)
        return try #require(port, "no port is free")
    }

    private static func isFree(_ port: Int) -> Bool {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    /// What a port answers without a token: the status alone.
    static func status(_ port: Int, _ path: String) async -> Int? {
        let line = await answer(port, path).split(separator: "\r\n").first ?? ""
        let words = line.split(separator: " ")
        return words.count > 1 ? Int(words[1]) : nil
    }

    /// Head and body; empty where nobody answers. On a thread of its own, which it blocks.
    static func answer(_ port: Int, _ path: String) async -> String {
        await withCheckedContinuation { continuation in
            Thread {
                let process = Process()
                let output = Pipe()
                process.executableURL = URL(filePath: "/usr/bin/env")
                process.arguments = [
                    "bash", "-c",
                    "exec 3<>/dev/tcp/127.0.0.1/\(port) && printf 'GET \(path) HTTP/1.1\\r\\nHost: h\\r\\n"
                        + "Connection: close\\r\\n\\r\\n' >&3 && timeout 10 cat <&3",
                ]
                (process.standardOutput, process.standardError) = (output, FileHandle.nullDevice)
                guard (try? process.run()) != nil else { return continuation.resume(returning: "") }
                let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
                process.waitUntilExit()
                continuation.resume(returning: text)
            }.start()
        }
    }
}
