import FrameSocket

/// Submits frames to the agent of this board, which runs them with the models of its fleet, earliest deadline first,
/// at the operating points that it chooses for all of them together.
///
///     let frames = try FrameClient(socket: "/run/shoal/frames", imageBytes: 640 * 480 * 3)
///     let answer = try frames.infer("classifier", height: 480, width: 640, deadline: .milliseconds(30)) { pixels in
///         pixels.copyBytes(from: camera)
///     }
///
/// Images lie in memory shared with the agent; several may be under way at once. Belongs to one thread.
public final class FrameClient {
    public enum Layout: Sendable {
        /// Bytes, channel by channel.
        case planar
        /// Bytes, the channels of a pixel side by side.
        case interleaved
        /// Floats as the network reads them, channel by channel.
        case normalised
    }

    public struct Answer: Equatable, Sendable {
        /// Of the frame, as `submit` returned it.
        public var id: UInt64
        /// The point that ran it: a place in the model's Pareto table, 0 is the fastest.
        public var operatingPoint: Int
        /// From the frame's arrival at the agent to its result.
        public var latencyMilliseconds: Double
        /// The network's first output; empty where the frame was refused.
        public var values: [Float]
        /// Why it was refused; `nil` where it was run.
        public var refusal: String?
    }

    private let socket: PacketSocket
    private let memory: SharedMemory
    private let imageBytes: Int
    /// By place in the memory, the frame whose image lies there.
    private var places: [UInt64?]
    private var nextID: UInt64 = 1
    private var buffer = [UInt8](repeating: 0, count: FrameAnswer.byteLimit)

    /// Frames under way.
    public var pending: Int { places.count { $0 != nil } }

    /// - Parameters:
    ///   - path: the `frames` socket of the agent's configuration.
    ///   - imageBytes: of the largest image.
    ///   - images: that may be under way at once.
    /// - Throws: `environment` where no agent listens there, or there is no memory.
    public init(socket path: String, imageBytes: Int, images: Int = 4) throws(ShoalFailure) {
        guard (1...1 << 28).contains(imageBytes), (1...64).contains(images) else {
            throw ShoalFailure(.argument, "\(images) images of \(imageBytes) bytes cannot be shared")
        }
        do throws(PacketSocket.Failure) {
            socket = try PacketSocket.connected(to: path)
            memory = try SharedMemory(count: imageBytes * images)
        } catch { throw ShoalFailure(.environment, error.description) }
        self.imageBytes = imageBytes
        places = Array(repeating: nil, count: images)
        guard let packet = FrameRequest.attach(id: 0).encoded(),
            socket.send(packet, descriptor: memory.descriptor, waits: true)
        else { throw ShoalFailure(.environment, "\(path): the agent has gone") }
        let attached = try receive()
        guard attached.status == .done else { throw ShoalFailure(.environment, "\(path): \(attached.reason)") }
    }

    /// Sends a frame; its answer comes from `answer()`.
    /// - Parameters:
    ///   - deadline: after which the answer is of no use, counted from its arrival at the agent.
    ///   - sensors: for hooks that read some, by name.
    ///   - fill: writes the image, into `imageBytes` bytes.
    /// - Returns: the frame's id.
    /// - Throws: `argument` where as many images are under way as fit, or the frame's description is too long.
    public func submit(
        _ model: String, height: Int, width: Int, layout: Layout = .interleaved, deadline: Duration? = nil,
        sensors: [String: Double] = [:], fill: (UnsafeMutableRawBufferPointer) -> Void
    ) throws(ShoalFailure) -> UInt64 {
        guard let place = places.firstIndex(where: { $0 == nil }) else {
            throw ShoalFailure(.argument, "\(places.count) images are under way already; take an answer first")
        }
        guard let height = UInt32(exactly: height), let width = UInt32(exactly: width) else {
            throw ShoalFailure(.image, "an image of \(height)x\(width) pixels")
        }
        let offset = place * imageBytes
        fill(UnsafeMutableRawBufferPointer(rebasing: memory.bytes[offset..<offset + imageBytes]))
        let wire: FrameLayout =
            switch layout {
            case .planar: .planarBytes
            case .interleaved: .interleavedBytes
            case .normalised: .normalisedFloats
            }
        let microseconds = deadline.map { UInt32(clamping: max(1, Int64($0 / .microseconds(1)))) }
        let frame = FrameRequest.Frame(
            id: nextID, model: model, offset: UInt64(offset), height: height, width: width, layout: wire,
            deadlineMicroseconds: microseconds ?? 0, sensors: sensors)
        guard let packet = FrameRequest.frame(frame).encoded() else {
            throw ShoalFailure(.argument, "the model's name and the sensors are too long")
        }
        guard socket.send(packet, waits: true) else { throw ShoalFailure(.environment, "the agent has gone") }
        places[place] = nextID
        nextID += 1
        return frame.id
    }

    /// Waits for the next answer, of whichever frame is done first.
    /// - Throws: `argument` where no frame is under way, `environment` where the agent has gone.
    public func answer() throws(ShoalFailure) -> Answer {
        guard pending > 0 else { throw ShoalFailure(.argument, "no frame is under way") }
        let answer = try receive()
        guard let place = places.firstIndex(of: answer.id) else {
            throw ShoalFailure(.environment, "the agent answered a frame \(answer.id) that is not under way")
        }
        places[place] = nil
        return Answer(
            id: answer.id, operatingPoint: Int(answer.operatingPoint),
            latencyMilliseconds: answer.latencyMilliseconds, values: answer.values,
            refusal: answer.status == .done ? nil : answer.reason)
    }

    /// Sends a frame and waits for its answer; the only one under way.
    /// - Throws: as `submit` and `answer`; `argument` where others are under way.
    public func infer(
        _ model: String, height: Int, width: Int, layout: Layout = .interleaved, deadline: Duration? = nil,
        sensors: [String: Double] = [:], fill: (UnsafeMutableRawBufferPointer) -> Void
    ) throws(ShoalFailure) -> Answer {
        guard pending == 0 else { throw ShoalFailure(.argument, "\(pending) frames are under way") }
        _ = try submit(
            model, height: height, width: width, layout: layout, deadline: deadline, sensors: sensors, fill: fill)
        return try answer()
    }

    private func receive() throws(ShoalFailure) -> FrameAnswer {
        guard let packet = socket.receive(into: &buffer), !packet.isCut,
            let answer = FrameAnswer(buffer[..<packet.count])
        else { throw ShoalFailure(.environment, "the agent has gone, or speaks another version") }
        return answer
    }
}
