import Foundation
import HTTPServing
import Hummingbird
import NIOCore
import ServingHarness
import Testing

/// What clients see on the wire, over real sockets.
@Suite struct HTTP1MannersTests {
    /// A server that answers `POST /` with the size of the body, while the body runs.
    private func serving(
        bodyTime: TimeAmount = .seconds(120), _ body: @Sendable @escaping (Int) throws -> Void
    ) async throws {
        let limits = HTTPLimits(
            bodyBytes: 1 << 20, connections: 4, idleTimeout: .seconds(120), bodyTime: bodyTime)
        let router = Router()
        router.on("/", method: .head) { _, _ in "a body" }
        router.post("/") { request, _ in
            do throws(BodyFailure) { return "\(try await request.collectedBody(within: limits).readableBytes)" } catch {
                return error.description
            }
        }
        try await ServingHarness.serving(
            { limits.application(router, at: .hostname("127.0.0.1", port: 0), onBound: $0) }
        ) { url in
            let port = try #require(url.port)
            // A thread that waits must not be one of those that serve.
            try await withCheckedThrowingContinuation { (ended: CheckedContinuation<Void, any Error>) in
                Thread { ended.resume(with: Result { try body(port) }) }.start()
            }
        }
    }

    private struct Connection {
        let descriptor: Int32

        init(_ port: Int) throws {
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = in_port_t(port).bigEndian
            address.sin_addr.s_addr = inet_addr("127.0.0.1")
            // The server's threads may be busy with other tests; idle connections are closed after 120 s here.
            var patience = timeval(tv_sec: 45, tv_usec: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
            let size = socklen_t(MemoryLayout<sockaddr_in>.size)
            let connected = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, size) }
            }
            try #require(connected == 0)
        }

        func send(_ text: String) {
            let bytes = Array(text.utf8)
            _ = write(descriptor, bytes, bytes.count)
        }

        /// The next bytes; `nil` at the end of the connection, empty where nothing comes.
        func receive() -> String? {
            var chunk = [UInt8](repeating: 0, count: 4_096)
            let count = read(descriptor, &chunk, chunk.count)
            return count == 0 ? nil : String(decoding: chunk[..<max(0, count)], as: UTF8.self)
        }

        func hasAnswer(within milliseconds: Int32) -> Bool {
            var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            return poll(&waiting, 1, milliseconds) > 0
        }

        /// Everything up to the connection's end; `nil` where that does not come.
        func rest() -> String? {
            var text = ""
            while let part = receive() {
                if part.isEmpty { return nil }
                text += part
            }
            return text
        }

        func close() { _ = Foundation.close(descriptor) }
    }

    @Test(.timeLimit(.minutes(5))) func aClientThatAsksFirstIsToldToContinue() async throws {
        try await serving { port in
            let connection = try Connection(port)
            defer { connection.close() }
            for round in 1...2 {
                connection.send("POST / HTTP/1.1\r\nHost: b\r\nContent-Length: 5\r\nExpect: 100-Continue\r\n\r\n")
                #expect(connection.receive() == "HTTP/1.1 100 Continue\r\n\r\n", "\(round)")
                connection.send("12345")
                let answer = connection.receive()
                #expect(answer?.hasPrefix("HTTP/1.1 200 OK") == true && answer?.hasSuffix("5") == true, "\(round)")
            }
        }
    }

    @Test(.timeLimit(.minutes(5))) func aConnectionOfHTTP10IsClosed() async throws {
        try await serving { port in
            for expectation in ["", "Expect: 100-continue\r\n"] {
                let connection = try Connection(port)
                defer { connection.close() }
                connection.send("POST / HTTP/1.0\r\nContent-Length: 3\r\n\(expectation)\r\nabc")
                let answer = try #require(connection.rest())
                #expect(answer.hasPrefix("HTTP/1.0 200") || answer.hasPrefix("HTTP/1.1 200"), "\(answer)")
                #expect(answer.hasSuffix("3"))
            }
        }
    }

    @Test(.timeLimit(.minutes(5)), arguments: ["", "Host: a\r\nHost: b\r\n"])
    func aRequestThatDoesNotNameItsHostIsRefused(hosts: String) async throws {
        try await serving { port in
            let connection = try Connection(port)
            defer { connection.close() }
            connection.send("POST / HTTP/1.1\r\n\(hosts)Content-Length: 3\r\n\r\nabc")
            let answer = try #require(connection.rest())
            #expect(answer.hasPrefix("HTTP/1.1 400 Bad Request\r\n") && answer.hasSuffix("\r\n\r\n"), "\(answer)")
        }
    }

    /// Nor does a request that has come already take the answer's place.
    @Test(.timeLimit(.minutes(5))) func aHeadIsAnsweredWithoutABody() async throws {
        try await serving { port in
            let connection = try Connection(port)
            defer { connection.close() }
            connection.send(
                "HEAD / HTTP/1.1\r\nHost: b\r\n\r\n"
                    + "POST / HTTP/1.1\r\nHost: b\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc")
            let answer = try #require(connection.rest())
            let parts = answer.components(separatedBy: "\r\n\r\n")
            // Two heads, and the body of the second alone.
            #expect(parts.count == 3 && parts.last == "3", "\(answer)")
            #expect(parts.prefix(2).allSatisfy { $0.hasPrefix("HTTP/1.1 200 OK") }, "\(answer)")
        }
    }

    /// Neither is taken for the other.
    @Test(.timeLimit(.minutes(5))) func bodiesThatAreTooLargeOrCutOffSayWhich() async throws {
        try await serving { port in
            for (head, body, said) in [
                ("5", "1", "the body ended before all of it had come"),
                (
                    "\((1 << 20) + 1)", String(repeating: "1", count: (1 << 20) + 1),
                    "the body is larger than 1048576 bytes"
                ),
                // More than sockets hold: the client reads when it has written all.
                (
                    "\(32 << 20)", String(repeating: "1", count: 32 << 20), "the body is larger than 1048576 bytes"
                ),
            ] {
                let connection = try Connection(port)
                defer { connection.close() }
                connection.send(
                    "POST / HTTP/1.1\r\nHost: b\r\nConnection: close\r\nContent-Length: \(head)\r\n\r\n\(body)")
                shutdown(connection.descriptor, Int32(SHUT_WR))
                let answer = try #require(connection.rest())
                #expect(answer.hasSuffix(said), "\(answer)")
            }
        }
    }

    /// Each byte would begin the time for an idle connection anew.
    @Test(.timeLimit(.minutes(5))) func aBodyThatTricklesIsGivenUpAsAWhole() async throws {
        try await serving(bodyTime: .seconds(2)) { port in
            let connection = try Connection(port)
            defer { connection.close() }
            // In time, so that a deadline does not outlive its body.
            connection.send("POST / HTTP/1.1\r\nHost: b\r\nContent-Length: 3\r\n\r\nabc")
            #expect(connection.receive()?.hasSuffix("3") == true)
            let start = ContinuousClock.now
            connection.send("POST / HTTP/1.1\r\nHost: b\r\nContent-Length: 100000\r\n\r\n")
            var isOpen = true
            while isOpen, start.duration(to: .now) < .seconds(45) {
                connection.send("1")
                isOpen = !connection.hasAnswer(within: 200)
            }
            #expect(!isOpen && start.duration(to: .now) >= .seconds(2))
            #expect(connection.rest()?.hasPrefix("HTTP/1.1 408 Request Timeout\r\n") == true)
        }
    }

    /// Nothing of the body comes; the connection goes on once it has.
    @Test(.timeLimit(.minutes(5))) func aLengthBeyondTheLimitIsRefusedByTheHead() async throws {
        try await serving { port in
            let connection = try Connection(port)
            defer { connection.close() }
            let length = (1 << 20) + 1
            connection.send("POST / HTTP/1.1\r\nHost: b\r\nContent-Length: \(length)\r\n\r\n")
            #expect(connection.receive()?.hasSuffix("the body is larger than 1048576 bytes") == true)
            connection.send(String(repeating: "1", count: length))
            connection.send("POST / HTTP/1.1\r\nHost: b\r\nContent-Length: 3\r\n\r\nabc")
            #expect(connection.receive()?.hasSuffix("3") == true)
        }
    }
}
