package import Engine

#if _endian(big)
    #error("the file formats here are little-endian and are read by copying")
#endif

/// Reads little-endian values from a part of a buffer. Every read is checked against what is left, before
/// anything is allocated.
package struct ByteReader {
    package let bytes: [UInt8]
    package private(set) var position: Int
    /// One past the last byte that may be read.
    package let end: Int

    package init(_ bytes: [UInt8]) {
        self.init(bytes, in: 0..<bytes.count)
    }

    /// - Precondition: the range lies inside the buffer.
    package init(_ bytes: [UInt8], in range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count, "\(range) of \(bytes.count) bytes")
        self.bytes = bytes
        position = range.lowerBound
        end = range.upperBound
    }

    package var remaining: Int { end - position }

    package mutating func read<Value: FixedWidthInteger>(_: Value.Type) throws(ReadingFailure) -> Value {
        let range = try take(Value.bitWidth / 8)
        return bytes.withUnsafeBytes {
            Value(littleEndian: $0.loadUnaligned(fromByteOffset: range.lowerBound, as: Value.self))
        }
    }

    /// A 64-bit count or offset, refused where it exceeds what an `Int` holds.
    package mutating func readCount() throws(ReadingFailure) -> Int {
        let value = try read(UInt64.self)
        guard let count = Int(exactly: value) else { throw ReadingFailure("the number \(value) is out of range") }
        return count
    }

    /// Skips `count` bytes and returns where they are.
    package mutating func take(_ count: Int) throws(ReadingFailure) -> Range<Int> {
        guard count >= 0, count <= remaining else {
            throw ReadingFailure("needs \(count) bytes at offset \(position), but \(remaining) are left")
        }
        defer { position += count }
        return position..<position + count
    }

    package mutating func readText(_ count: Int) throws(ReadingFailure) -> String {
        let range = try take(count)
        guard let text = String(validating: bytes[range], as: UTF8.self) else {
            throw ReadingFailure("the text at offset \(range.lowerBound) is not UTF-8")
        }
        return text
    }
}

extension [UInt8] {
    /// The 32-bit floats that lie in a range of the buffer.
    /// - Precondition: the range lies inside the buffer and holds a whole number of floats.
    package func floats(in range: Range<Int>) -> [Float] {
        precondition(range.count % 4 == 0 && range.upperBound <= count, "\(range) of \(count) bytes as floats")
        return [Float](unsafeUninitializedCapacity: range.count / 4) { buffer, initialized in
            withUnsafeBytes { source in
                let part = UnsafeRawBufferPointer(rebasing: source[range])
                UnsafeMutableRawBufferPointer(buffer).copyMemory(from: part)
            }
            initialized = range.count / 4
        }
    }

    package mutating func append(littleEndian value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }

    package mutating func append(floats: [Float]) {
        floats.withUnsafeBytes { append(contentsOf: $0) }
    }
}
