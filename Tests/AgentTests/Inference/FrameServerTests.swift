import Engine
import FleetModel
import Foundation
import FrameSocket
import InferenceAPI
import Logging
import Shoal
import Testing

@testable import Agent

/// A model of the Fashion-MNIST supernet, asked by shared memory.
@Suite struct FrameServerTests {
    private struct Running {
        let folder: FashionFolder
        let desk = InferenceDesk()
        let executor: BoardExecutor
        let server: FrameServer
        var path: String { folder.path + "/s" }
        var runner: ModelRunner { executor.runners[0] }

        /// - Parameters:
        ///   - starts: else frames wait for ever.
        ///   - hasStream: else only requests bring images.
        init(starts: Bool = true, hasStream: Bool = true) throws {
            folder = try FashionFolder()
            var loader = ModelLoader(kernels: try KernelSet.selected())
            let wakeUp = WakeUp()
            // One frame at the start, and none for a long while.
            var model = folder.model("m", framesPerSecond: 0.001)
            if !hasStream { model.stream = .init(framesPerSecond: 0.001) }
            let deployment = try loader.load(model)
            executor = BoardExecutor(
                [ModelRunner(deployment, requests: InferenceQueue(wakeUp: wakeUp))], wakeUp: wakeUp)
            server = try FrameServer(desk, at: folder.path + "/s", logger: Logger(label: "test"))
            if starts { executor.start() }
            desk.open(executor.runners)
            server.start()
        }

        func end() {
            server.stop()
            desk.close()
            executor.stop()
            folder.remove()
        }

        func client(images: Int = 4) throws -> FrameClient {
            try FrameClient(socket: path, imageBytes: 784, images: images)
        }
    }

    private static func fill(_ bytes: UnsafeMutableRawBufferPointer) {
        for index in bytes.indices { bytes[index] = UInt8(index * 7 % 256) }
    }

    @Test(.timeLimit(.minutes(2))) func framesAreAnsweredAsOverHTTP() async throws {
        let running = try Running()
        defer { running.end() }
        let client = try running.client()
        let answer = try client.infer("m", height: 28, width: 28, layout: .planar, fill: Self.fill)
        let served = try #require(running.desk.models?.first)
        let request = InferenceRequest(
            images: 1, height: 28, width: 28, pixels: .planar((0..<784).map { UInt8($0 * 7 % 256) }))
        let result = try await running.desk.infer(request, on: served)
        #expect(answer.refusal == nil && answer.values == result.values && answer.values.count == 10)
        #expect(answer.operatingPoint == result.operatingPoint && answer.latencyMilliseconds > 0)
        let interleaved = try client.infer("m", height: 28, width: 28, fill: Self.fill)
        #expect(interleaved.values == answer.values, "one channel")
        #expect(running.runner.counters.snapshot().frames == 4)
    }

    @Test(.timeLimit(.minutes(2))) func severalFramesAreUnderWayAtOnce() throws {
        let running = try Running()
        defer { running.end() }
        let client = try running.client(images: 8)
        var ids: Set<UInt64> = []
        for round in 0..<24 {
            if round >= 8 { #expect(ids.remove(try client.answer().id) != nil) }
            let id = try client.submit(
                "m", height: 28, width: 28, deadline: .seconds(30), sensors: ["lux": 1], fill: Self.fill)
            ids.insert(id)
        }
        #expect(client.pending == 8)
        #expect(throws: ShoalFailure.self) { try client.submit("m", height: 28, width: 28, fill: Self.fill) }
        while client.pending > 0 {
            let answer = try client.answer()
            #expect(ids.remove(answer.id) != nil && answer.refusal == nil)
        }
        #expect(ids.isEmpty)
        #expect(throws: ShoalFailure.self) { try client.answer() }
    }

    @Test(.timeLimit(.minutes(2))) func aModelWithoutAStreamAnswersRequests() throws {
        let (plain, streamed) = (try Running(hasStream: false), try Running())
        defer {
            plain.end()
            streamed.end()
        }
        let clients = (try plain.client(), try streamed.client())
        for _ in 0..<20 {
            let answer = try clients.0.infer("m", height: 28, width: 28, fill: Self.fill)
            #expect(answer.refusal == nil)
            #expect(answer.values == (try clients.1.infer("m", height: 28, width: 28, fill: Self.fill)).values)
        }
        #expect(plain.runner.counters.snapshot().frames == 20, "requests, and nothing else")
    }

    /// One application does not fill the queues that it shares with others.
    @Test(.timeLimit(.minutes(2))) func framesOfOneConnectionThatWaitAreLimited() throws {
        let running = try Running(starts: false)
        defer { running.end() }
        let client = try running.client(images: 16)
        for _ in 0..<FrameServer.frameLimit { _ = try client.submit("m", height: 28, width: 28, fill: Self.fill) }
        let last: UInt64 = try client.submit("m", height: 28, width: 28, fill: Self.fill)
        let answer = try client.answer()
        #expect(answer.id == last && answer.refusal?.contains("wait already") == true)
        let other = try running.client(images: 16)
        for _ in 0..<FrameServer.frameLimit { _ = try other.submit("m", height: 28, width: 28, fill: Self.fill) }
        running.executor.start()
        for _ in 0..<FrameServer.frameLimit {
            #expect(try client.answer().refusal == nil)
            #expect(try other.answer().refusal == nil)
        }
        #expect(try client.infer("m", height: 28, width: 28, fill: Self.fill).refusal == nil)
    }

    @Test(.timeLimit(.minutes(2))) func refusalsSayWhy() throws {
        let running = try Running()
        defer { running.end() }
        let client = try running.client()
        func refusal(_ model: String, _ height: Int, _ width: Int, deadline: Duration? = nil) throws -> String {
            try client.infer(model, height: height, width: width, deadline: deadline, fill: Self.fill).refusal ?? ""
        }
        #expect(try refusal("n", 28, 28).contains("no model \"n\""))
        #expect(try refusal("m", 0, 28).contains("0x28"))
        #expect(try refusal("m", 4_096, 4_096).contains("the limit is"))
        #expect(try refusal("m", 100, 100).contains("does not have 10000 bytes"))
        #expect(try refusal("m", 28, 28, deadline: .nanoseconds(1)).contains("timeout"))
        // More often than packets that cannot be read are borne.
        for _ in 0..<20 {
            let answer = try client.infer("m", height: 28, width: 28, sensors: ["lux": .nan], fill: Self.fill)
            #expect(answer.refusal == "the sensor \"lux\" is nan, which is no value")
        }
        // As over HTTP: the network would make numbers of them.
        for value in [Float.nan, .infinity] {
            let answer = try client.infer("m", height: 7, width: 28, layout: .normalised) { bytes in
                bytes.copyBytes(from: [UInt8](repeating: 0, count: bytes.count))
                bytes.storeBytes(of: value, toByteOffset: 4 * 100, as: Float.self)
            }
            #expect(answer.refusal == "the image holds a value that is no number")
        }
        #expect(try refusal("m", 28, 28) == "")
    }

    /// Whatever a peer does concerns that peer alone, and no descriptor stays open.
    @Test(.timeLimit(.minutes(2))) func hostilePeersDoNoHarm() throws {
        let running = try Running()
        defer { running.end() }
        let good = try running.client()
        #expect(try good.infer("m", height: 28, width: 28, fill: Self.fill).refusal == nil)
        var buffer = [UInt8](repeating: 0, count: FrameAnswer.byteLimit)
        func answer(_ socket: PacketSocket) -> FrameAnswer? {
            socket.receive(into: &buffer).flatMap { FrameAnswer(buffer[..<$0.count]) }
        }
        let attach = try #require(FrameRequest.attach(id: 5).encoded())
        func frame(offset: UInt64 = 0) throws -> [UInt8] {
            try #require(
                FrameRequest.frame(
                    .init(id: 6, model: "m", offset: offset, height: 28, width: 28, layout: .planarBytes)
                ).encoded())
        }
        for round in 0..<3 {
            // Its other end reads the end once nobody has this one any more.
            var ends: [Int32] = [0, 0]
            #expect(pipe(&ends) == 0)
            defer { close(ends[0]) }
            do {
                // Frames before memory, memory that is none, descriptors beside the wrong packet.
                let peer = try PacketSocket.connected(to: running.path)
                #expect(peer.send(try frame(), waits: true) && answer(peer)?.status == .malformed)
                #expect(peer.send(attach, waits: true) && answer(peer)?.status == .malformed)
                for path in ["/dev/zero", "/proc/self/status", "/"] {
                    let descriptor = open(path, O_RDONLY)
                    #expect(peer.send(attach, descriptor: descriptor, waits: true))
                    #expect(answer(peer)?.reason.contains("not that of memory") == true)
                    #expect(peer.send(try frame(), descriptor: descriptor, waits: true))
                    #expect(answer(peer)?.status == .malformed)
                    close(descriptor)
                }
                #expect(peer.send(attach, descriptor: ends[1], waits: true) && answer(peer)?.status == .malformed)
                #expect(peer.send([1], descriptor: ends[1], waits: true) && answer(peer)?.status == .malformed)
                close(ends[1])
                var byte: UInt8 = 0
                #expect(read(ends[0], &byte, 1) == 0, "the agent has closed it")
                // Memory that is cut short after it was attached, and places outside.
                let memory = try SharedMemory(count: 4_096)
                #expect(peer.send(attach, descriptor: memory.descriptor, waits: true) && answer(peer)?.status == .done)
                #expect(peer.send(try frame(offset: .max), waits: true) && answer(peer)?.status == .malformed)
                #expect(peer.send(try frame(), waits: true) && answer(peer)?.status == .done)
                #expect(ftruncate(memory.descriptor, 10) == 0)
                #expect(peer.send(try frame(), waits: true) && answer(peer)?.status == .malformed)
                // Bytes that are no packet, too long ones, parts of one; the connection ends when it has had enough.
                var strange = 0
                while peer.send([UInt8](repeating: 7, count: [1, 4_096, 9_000][strange % 3]), waits: true),
                    let refused = answer(peer)
                {
                    #expect(refused.status == .malformed && refused.id == 0)
                    strange += 1
                }
                #expect((10...20).contains(strange), "\(strange)")
            }
            do {
                // One that goes while its frames are under way, and one that never reads its answers.
                let memory = try SharedMemory(count: 784)
                let gone = try PacketSocket.connected(to: running.path)
                let deaf = try PacketSocket.connected(to: running.path)
                for peer in [gone, deaf] {
                    #expect(peer.send(attach, descriptor: memory.descriptor, waits: true))
                }
                for _ in 0..<8 { _ = gone.send(try frame(), waits: true) }
                gone.shut()
                var sent = 0
                while sent < 5_000, deaf.send(try frame(), waits: true) { sent += 1 }
                #expect(sent < 5_000, "its connection ended")
            }
            var tries = 0
            while running.server.connectionCount > 1, tries < 1_000 {
                usleep(10_000)
                tries += 1
            }
            #expect(running.server.connectionCount == 1, "connections stayed open")
            // What they had left in the queue is run for nobody.
            var answer = try good.infer("m", height: 28, width: 28, fill: Self.fill)
            while answer.refusal?.contains("waiting") == true, tries < 2_000 {
                usleep(10_000)
                tries += 1
                answer = try good.infer("m", height: 28, width: 28, fill: Self.fill)
            }
            #expect(answer.refusal == nil, "round \(round)")
        }
        // As many as may; the next is told.
        let crowd = try (0..<FrameServer.connectionLimit - 1).map { _ in try running.client() }
        #expect(throws: ShoalFailure.self) { try running.client() }
        #expect(try crowd[3].infer("m", height: 28, width: 28, fill: Self.fill).refusal == nil)
    }

    @Test func anotherFileAtThePathIsLeftAlone() throws {
        let folder = try FashionFolder()
        defer { folder.remove() }
        #expect(throws: ConfigurationFailure.self) {
            try FrameServer(InferenceDesk(), at: folder.path + "/p", logger: Logger(label: "test"))
        }
        #expect(throws: ShoalFailure.self) { try FrameClient(socket: folder.path + "/none", imageBytes: 1) }
    }
}
