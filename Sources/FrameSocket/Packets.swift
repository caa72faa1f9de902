private let magic: UInt32 = 0x3146_4853  // "SHF1"
private let version: UInt16 = 1

struct PacketWriter {
    var bytes: [UInt8] = []

    mutating func head(_ kind: UInt16) {
        integer(magic)
        integer(version)
        integer(kind)
    }

    mutating func integer(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
    }
}

/// Reads a packet from its start; every read checks what is left.
struct PacketReader {
    private let bytes: ArraySlice<UInt8>
    private var position: Int

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    var isAtEnd: Bool { position == bytes.endIndex }

    /// - Returns: the packet's kind; `nil` where it is none of this version.
    mutating func head() -> UInt16? {
        guard let found: UInt32 = integer(), found == magic, let number: UInt16 = integer(), number == version else {
            return nil
        }
        return integer()
    }

    mutating func integer<Value: FixedWidthInteger>() -> Value? {
        let size = Value.bitWidth / 8
        guard bytes.endIndex - position >= size else { return nil }
        var value = Value.zero
        withUnsafeMutableBytes(of: &value) { target in
            for index in 0..<size { target[index] = bytes[position + index] }
        }
        position += size
        return Value(littleEndian: value)
    }

    mutating func text(_ count: Int) -> String? {
        guard bytes.endIndex - position >= count else { return nil }
        defer { position += count }
        return String(validating: bytes[position..<position + count], as: UTF8.self)
    }
}
