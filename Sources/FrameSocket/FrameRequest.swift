/// What an application asks of the agent's frame socket, one packet each (`SOCK_SEQPACKET`), numbers little-endian.
///
///     attach   u32 'SHF1'  u16 1  u16 1  u64 id                          with one descriptor beside it
///     frame    u32 'SHF1'  u16 1  u16 2  u64 id
///              u64 offset  u32 height  u32 width  u32 deadlineMicroseconds
///              u8 layout  u8 nameLength  u8 sensors  u8 0  name
///              of each sensor  u8 nameLength  name  f64 value, finite; no name twice
///
/// The descriptor is memory (`memfd_create`, or a file of /dev/shm) and stays the connection's until the next one; a
/// frame's image lies there at `offset`. `layout` is 0 for bytes channel by channel, 1 for bytes whose channels lie
/// side by side, 2 for floats that are normalised as the network reads them, channel by channel. A deadline counts from
/// the packet's arrival; 0 is none. The memory may be written again once the frame has been answered.
public enum FrameRequest: Equatable, Sendable {
    case attach(id: UInt64)
    case frame(Frame)

    public struct Frame: Equatable, Sendable {
        public var id: UInt64
        public var model: String
        /// Of the first byte, in the memory attached last.
        public var offset: UInt64
        public var height: UInt32
        public var width: UInt32
        public var layout: FrameLayout
        public var deadlineMicroseconds: UInt32
        public var sensors: [String: Double]

        public init(
            id: UInt64, model: String, offset: UInt64, height: UInt32, width: UInt32, layout: FrameLayout,
            deadlineMicroseconds: UInt32 = 0, sensors: [String: Double] = [:]
        ) {
            self.id = id
            self.model = model
            self.offset = offset
            self.height = height
            self.width = width
            self.layout = layout
            self.deadlineMicroseconds = deadlineMicroseconds
            self.sensors = sensors
        }
    }

    /// Bytes of the longest packet.
    public static let byteLimit = 4_096
    public static let sensorLimit = 32

    /// - Returns: `nil` where a name or their number is too long for a packet.
    public func encoded() -> [UInt8]? {
        var writer = PacketWriter()
        switch self {
        case .attach(let id):
            writer.head(1)
            writer.integer(id)
        case .frame(let frame):
            guard frame.sensors.count <= Self.sensorLimit else { return nil }
            writer.head(2)
            writer.integer(frame.id)
            writer.integer(frame.offset)
            writer.integer(frame.height)
            writer.integer(frame.width)
            writer.integer(frame.deadlineMicroseconds)
            writer.integer(frame.layout.rawValue)
            guard let length = UInt8(exactly: frame.model.utf8.count) else { return nil }
            writer.integer(length)
            writer.integer(UInt8(frame.sensors.count))
            writer.integer(UInt8(0))
            writer.bytes += frame.model.utf8
            for (name, value) in frame.sensors.sorted(by: { $0.key < $1.key }) {
                guard let length = UInt8(exactly: name.utf8.count) else { return nil }
                writer.integer(length)
                writer.bytes += name.utf8
                writer.integer(value.bitPattern)
            }
        }
        return writer.bytes.count <= Self.byteLimit ? writer.bytes : nil
    }

    /// - Throws: `FrameRefusal` for whatever is not exactly one of these packets.
    public init(_ packet: ArraySlice<UInt8>) throws(FrameRefusal) {
        var reader = PacketReader(packet)
        guard let kind = reader.head(), let id: UInt64 = reader.integer() else { throw .unreadable }
        switch kind {
        case 1: self = .attach(id: id)
        case 2: self = .frame(try Self.frame(id, &reader))
        default: throw .unreadable
        }
        guard reader.isAtEnd else { throw .unreadable }
    }

    private static func frame(_ id: UInt64, _ reader: inout PacketReader) throws(FrameRefusal) -> Frame {
        guard let offset: UInt64 = reader.integer(), let height: UInt32 = reader.integer(),
            let width: UInt32 = reader.integer(), let deadline: UInt32 = reader.integer(),
            let layout: UInt8 = reader.integer(), let length: UInt8 = reader.integer(),
            let count: UInt8 = reader.integer(), let zero: UInt8 = reader.integer(), zero == 0,
            let model = reader.text(Int(length)), !model.isEmpty
        else { throw .unreadable }
        // Whoever sends a whole frame is told which one cannot be used, so it is read to its end before it is judged.
        var (sensors, complaint) = ([String: Double](), String?.none)
        if count > sensorLimit { complaint = "\(count) sensors; the limit is \(sensorLimit)" }
        for _ in 0..<count {
            guard let length: UInt8 = reader.integer(), let name = reader.text(Int(length)), !name.isEmpty,
                let bits: UInt64 = reader.integer()
            else { throw .unreadable }
            let value = Double(bitPattern: bits)
            if !value.isFinite {
                complaint = complaint ?? "the sensor \(name.debugDescription) is \(value), which is no value"
            }
            if sensors.updateValue(value, forKey: name) != nil {
                complaint = complaint ?? "the sensor \(name.debugDescription) is given twice"
            }
        }
        guard reader.isAtEnd else { throw .unreadable }
        guard let layout = FrameLayout(rawValue: layout) else {
            let known = FrameLayout.allCases.map { "\($0.rawValue)" }.joined(separator: ", ")
            throw FrameRefusal(id: id, "the layout \(layout) is none of \(known)")
        }
        if let complaint { throw FrameRefusal(id: id, complaint) }
        return Frame(
            id: id, model: model, offset: offset, height: height, width: width, layout: layout,
            deadlineMicroseconds: deadline, sensors: sensors)
    }
}

/// Why a packet is no request.
public struct FrameRefusal: Error, Equatable, Sendable {
    /// Of the frame; 0 where the packet cannot be read.
    public let id: UInt64
    public let reason: String
    /// Whether it is a packet of the protocol, whose values alone cannot be used.
    public let isReadable: Bool

    public static let unreadable = FrameRefusal(id: 0, reason: "no packet of this protocol", isReadable: false)

    init(id: UInt64, _ reason: String) { self.init(id: id, reason: reason, isReadable: true) }

    private init(id: UInt64, reason: String, isReadable: Bool) {
        (self.id, self.reason, self.isReadable) = (id, reason, isReadable)
    }
}

public enum FrameLayout: UInt8, Sendable, CaseIterable {
    case planarBytes = 0
    case interleavedBytes = 1
    case normalisedFloats = 2

    public var valueBytes: Int { self == .normalisedFloats ? 4 : 1 }
}
