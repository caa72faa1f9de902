import Foundation
import FrameSocket
import InferenceAPI
import Logging
import Processors
import Synchronization

/// Takes frames from applications of this board by a Unix socket, images through shared memory (see `FrameRequest`),
/// and puts them into the queues of the models.
///
/// A thread per connection reads packets and copies images, so that the models' threads never wait for a peer; an
/// answer that a peer does not take ends its connection. Whatever a peer does to its memory, its socket or its
/// descriptors concerns that peer alone.
final class FrameServer: Sendable {
    static let connectionLimit = 16
    /// Frames of one connection that wait for their answers; the queues are shared with the others.
    static let frameLimit = 8
    /// Of an image.
    static let byteLimit = 8 << 20
    /// Packets in a row that cannot be read, until the connection is closed.
    private static let strangePacketLimit = 16

    private let desk: InferenceDesk
    private let listener: PacketSocket
    private let logger: Logger
    private let connections = Mutex<[ObjectIdentifier: PacketSocket]>([:])
    private let isStopping = Atomic<Bool>(false)

    /// - Throws: `ConfigurationFailure` where the socket cannot be made.
    init(_ desk: InferenceDesk, at path: String, logger: Logger) throws(ConfigurationFailure) {
        try InferencePlace.clear(path)
        do throws(PacketSocket.Failure) { listener = try .listening(at: path) } catch {
            throw ConfigurationFailure(file: "frames.socket", reason: error.description)
        }
        self.desk = desk
        self.logger = logger
        logger.info("frame socket listens", metadata: ["at": "\(path)"])
    }

    func start() {
        spawn("frames") { server in
            while let peer = server.listener.accepted() { server.welcome(peer) }
        }
    }

    func stop() {
        isStopping.store(true, ordering: .relaxed)
        listener.shut()
        for peer in connections.withLock({ $0.values.map(\.self) }) { peer.shut() }
    }

    var connectionCount: Int { connections.withLock { $0.count } }

    private func spawn(_ name: String, _ body: @escaping @Sendable (FrameServer) -> Void) {
        let thread = Thread { [self] in body(self) }
        thread.name = name
        thread.stackSize = 1 << 19
        thread.start()
    }

    private func welcome(_ peer: PacketSocket) {
        let isTaken = connections.withLock { connections in
            guard connections.count < Self.connectionLimit else { return false }
            connections[ObjectIdentifier(peer)] = peer
            return true
        }
        guard isTaken else {
            let reason = "\(Self.connectionLimit) applications are connected already"
            _ = peer.send(FrameAnswer(id: 0, refused: .unavailable, reason).encoded(), waits: false)
            return
        }
        if isStopping.load(ordering: .relaxed) { peer.shut() }
        spawn("frames of one") { server in
            server.serve(peer)
            _ = server.connections.withLock { $0.removeValue(forKey: ObjectIdentifier(peer)) }
        }
    }

    private func serve(_ peer: PacketSocket) {
        var buffer = [UInt8](repeating: 0, count: FrameRequest.byteLimit)
        var (memory, strange) = (ForeignMemory?.none, 0)
        let waiting = WaitingFrames()
        while strange < Self.strangePacketLimit, let packet = peer.receive(into: &buffer) {
            let arrival = MonotonicClock.now()
            // Whoever sends a descriptor gets rid of it.
            let passed = packet.descriptor.map { descriptor in
                Result { () throws(ForeignMemory.Refusal) in try ForeignMemory(descriptor) }
            }
            let request: FrameRequest
            do throws(FrameRefusal) {
                guard !packet.isCut else { throw .unreadable }
                request = try FrameRequest(buffer[..<packet.count])
            } catch {
                strange = error.isReadable ? 0 : strange + 1
                Self.answer(.init(id: error.id, refused: .malformed, error.reason), to: peer)
                continue
            }
            strange = 0
            switch request {
            case .attach(let id):
                switch passed {
                case .success(let passed)?:
                    memory = passed
                    Self.answer(.init(id: id), to: peer)
                case .failure(let refusal)?:
                    Self.answer(.init(id: id, refused: .malformed, refusal.description), to: peer)
                case nil: Self.answer(.init(id: id, refused: .malformed, "no memory came with the packet"), to: peer)
                }
            case .frame(let frame): submit(frame, memory, from: peer, arrival: arrival, waiting)
            }
        }
        peer.shut()
    }

    private func submit(
        _ frame: FrameRequest.Frame, _ memory: ForeignMemory?, from peer: PacketSocket, arrival: UInt64,
        _ waiting: WaitingFrames
    ) {
        guard waiting.enter(limit: Self.frameLimit) else {
            let refusal = InferenceRefusal(.unavailable, "\(Self.frameLimit) frames of this connection wait already")
            return Self.answer(.init(id: frame.id, refusal), to: peer)
        }
        do throws(InferenceRefusal) {
            guard let model = desk.models?.first(where: { $0.name == frame.model }) else {
                throw InferenceRefusal(.unknown, "there is no model \(frame.model.debugDescription)")
            }
            guard model.outputCount <= FrameAnswer.valueLimit else {
                throw InferenceRefusal(.tooLarge, "an output of \(model.outputCount) values fits no answer")
            }
            let request = try Self.request(frame, memory, for: model)
            let id = frame.id
            try desk.submit(request, on: model, arrival: arrival) { result in
                waiting.leave()
                switch result {
                case .success(let result):
                    Self.answer(
                        .init(
                            id: id, operatingPoint: UInt32(result.operatingPoint),
                            latencyMilliseconds: result.latencyMilliseconds, values: result.values), to: peer)
                case .failure(let refusal): Self.answer(.init(id: id, refusal), to: peer)
                }
            }
        } catch {
            waiting.leave()
            Self.answer(.init(id: frame.id, error), to: peer)
        }
    }

    private static func request(
        _ frame: FrameRequest.Frame, _ memory: ForeignMemory?, for model: ServedModel
    ) throws(InferenceRefusal) -> InferenceRequest {
        let (height, width) = (Int(frame.height), Int(frame.width))
        let sides = 1...InferenceRequest.sideLimit
        guard sides.contains(height), sides.contains(width) else {
            throw InferenceRefusal(.malformed, "an image of \(height)x\(width) pixels; sides are \(sides)")
        }
        let count = height * width * model.channels * frame.layout.valueBytes
        guard count <= byteLimit else {
            throw InferenceRefusal(.tooLarge, "an image of \(count) bytes; the limit is \(byteLimit)")
        }
        guard let memory else { throw InferenceRefusal(.malformed, "no memory was attached") }
        guard let bytes = memory.read(count: count, at: frame.offset) else {
            throw InferenceRefusal(.malformed, "the memory does not have \(count) bytes at \(frame.offset)")
        }
        let pixels: InferenceRequest.Pixels =
            switch frame.layout {
            case .planarBytes: .planar(bytes)
            case .interleavedBytes: .interleaved(bytes)
            case .normalisedFloats: .normalised(try floats(bytes))
            }
        return InferenceRequest(
            images: 1, height: height, width: width, pixels: pixels,
            timeoutMicroseconds: frame.deadlineMicroseconds == 0 ? nil : Int(frame.deadlineMicroseconds),
            sensors: frame.sensors)
    }

    /// Networks make numbers of NaN, which would be no answer.
    private static func floats(_ bytes: [UInt8]) throws(InferenceRefusal) -> [Float] {
        let values = bytes.withUnsafeBytes { bytes in
            (0..<bytes.count / 4).map {
                Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)))
            }
        }
        guard values.allSatisfy(\.isFinite) else {
            throw InferenceRefusal(.malformed, "the image holds a value that is no number")
        }
        return values
    }

    /// A peer that leaves its answers lying has gone for all that we know.
    private static func answer(_ answer: FrameAnswer, to peer: PacketSocket) {
        if !peer.send(answer.encoded(), waits: false) { peer.shut() }
    }
}

/// Of one connection: frames that were taken and not answered.
private final class WaitingFrames: Sendable {
    private let count = Atomic<Int>(0)

    /// Only the connection's thread enters.
    func enter(limit: Int) -> Bool {
        guard count.load(ordering: .relaxed) < limit else { return false }
        count.add(1, ordering: .relaxed)
        return true
    }

    func leave() { count.subtract(1, ordering: .relaxed) }
}

extension FrameAnswer {
    fileprivate init(id: UInt64, _ refusal: InferenceRefusal) {
        let status: Status =
            switch refusal.kind {
            case .malformed: .malformed
            case .unknown: .unknown
            case .tooLarge: .tooLarge
            case .unavailable: .unavailable
            case .failed: .failed
            }
        self.init(id: id, refused: status, refusal.message)
    }
}
