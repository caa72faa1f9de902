import CZlib
package import Engine

/// Gzip (RFC 1952) through zlib, with a bound on what comes out. A file may hold several members, one after another,
/// and zeros after the last; anything else that follows is refused, as `gzip` warns of it.
///
/// What comes out is measured before it is held: whoever writes a file of 1 MB may make it one of 1 GB.
package enum Gzip {
    static let magic: [UInt8] = [0x1F, 0x8B]

    /// Bytes that are expanded at once, and that a header is looked for in.
    private static let chunk = 1 << 16
    /// Deflate makes at most 258 bytes of two bits.
    private static let largestRatio = 1_032

    /// - Parameters:
    ///   - limit: bytes; a stream that holds more is refused without being expanded further.
    ///   - statedSize: what the content's first bytes say of the length of the whole, in bytes; `nil` where they say
    ///     nothing. More than that is refused; less is returned as it is.
    package static func decompress(
        _ bytes: [UInt8], limit: Int, statedSize: ([UInt8]) throws(ReadingFailure) -> Int? = { _ in nil }
    ) throws(ReadingFailure) -> [UInt8] {
        var head: [UInt8] = []
        try expand(bytes) { part in
            head += part
            return false
        }
        let stated = try statedSize(head)
        if let stated, stated / largestRatio > bytes.count {
            throw ReadingFailure("states \(stated) bytes, more than \(bytes.count) bytes of gzip can hold")
        }
        let size = if let stated { stated } else { try measure(bytes, limit: limit) }
        guard size <= limit else { throw ReadingFailure("expands to more than \(limit) bytes") }
        var output: [UInt8] = []
        output.reserveCapacity(size)
        try expand(bytes) { part throws(ReadingFailure) in
            guard part.count <= size - output.count else {
                throw ReadingFailure("expands to more than the \(size) bytes that its header states")
            }
            output += part
            return true
        }
        return output
    }

    /// Bytes that come out, or a number above the limit.
    private static func measure(_ bytes: [UInt8], limit: Int) throws(ReadingFailure) -> Int {
        var size = 0
        try expand(bytes) { part in
            size += part.count
            return size <= limit
        }
        return size
    }

    /// - Parameter take: told what comes out, full chunks but for the last; `false` ends it before the end is seen.
    private static func expand(
        _ bytes: [UInt8], _ take: (ArraySlice<UInt8>) throws(ReadingFailure) -> Bool
    ) throws(ReadingFailure) {
        var stream = z_stream()
        // 16 more than the largest window asks zlib for the gzip header.
        guard inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw ReadingFailure("cannot be decompressed: zlib does not start")
        }
        defer { inflateEnd(&stream) }
        var buffer = [UInt8](repeating: 0, count: chunk)
        var (position, filled, status) = (0, 0, Z_OK)
        while status != Z_STREAM_END {
            status = step(&stream, bytes, &position, into: &buffer, &filled)
            if status == Z_STREAM_END, try memberFollows(bytes, position) { status = inflateReset(&stream) }
            guard status == Z_OK || status == Z_STREAM_END else {
                throw ReadingFailure("is damaged or cut short: not a whole gzip stream")
            }
            if filled == chunk || status == Z_STREAM_END {
                guard try take(buffer[..<filled]) else { return }
                filled = 0
            }
        }
    }

    private static func step(
        _ stream: inout z_stream, _ bytes: [UInt8], _ position: inout Int, into buffer: inout [UInt8],
        _ filled: inout Int
    ) -> Int32 {
        let (taken, before) = (position, filled)
        let status = bytes.withUnsafeBufferPointer { source in
            buffer.withUnsafeMutableBufferPointer { target in
                // zlib does not write to its input, although its older headers do not say so.
                stream.next_in = UnsafeMutablePointer(mutating: source.baseAddress.map { $0 + taken })
                stream.avail_in = UInt32(clamping: source.count - taken)
                stream.next_out = target.baseAddress.map { $0 + before }
                stream.avail_out = UInt32(target.count - before)
                let status = inflate(&stream, Z_NO_FLUSH)
                position = source.count - Int(stream.avail_in)
                filled = target.count - Int(stream.avail_out)
                return status
            }
        }
        // No progress with room left means that the input ended early.
        return status == Z_OK && position == taken && filled == before ? Z_BUF_ERROR : status
    }

    private static func memberFollows(_ bytes: [UInt8], _ position: Int) throws(ReadingFailure) -> Bool {
        let rest = bytes[position...]
        if rest.starts(with: magic) { return true }
        guard rest.allSatisfy({ $0 == 0 }) else {
            throw ReadingFailure("has \(rest.count) bytes after its gzip stream that are no gzip")
        }
        return false
    }
}
