import CZlib
package import Engine

/// Gzip through zlib, with a bound on what comes out.
package enum Gzip {
    /// - Parameter limit: bytes; a stream that holds more is refused without being expanded further.
    package static func decompress(_ bytes: [UInt8], limit: Int) throws(ReadingFailure) -> [UInt8] {
        var stream = z_stream()
        // 16 more than the largest window asks zlib for the gzip header.
        guard inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw ReadingFailure("cannot be decompressed: zlib does not start")
        }
        defer { inflateEnd(&stream) }
        var output: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 20)
        var input = bytes
        var status = Z_OK
        input.withUnsafeMutableBufferPointer { source in
            stream.next_in = source.baseAddress
            stream.avail_in = UInt32(clamping: source.count)
            while status == Z_OK, output.count <= limit {
                status = inflateStep(&stream, into: &chunk, appendingTo: &output)
            }
        }
        guard output.count <= limit else { throw ReadingFailure("expands to more than \(limit) bytes") }
        guard status == Z_STREAM_END else { throw ReadingFailure("is damaged or cut short: not a whole gzip stream") }
        return output
    }

    private static func inflateStep(
        _ stream: inout z_stream, into chunk: inout [UInt8], appendingTo output: inout [UInt8]
    ) -> Int32 {
        let capacity = chunk.count
        var produced = 0
        let status = chunk.withUnsafeMutableBufferPointer { buffer in
            stream.next_out = buffer.baseAddress
            stream.avail_out = UInt32(capacity)
            let status = inflate(&stream, Z_NO_FLUSH)
            produced = capacity - Int(stream.avail_out)
            return status
        }
        output.append(contentsOf: chunk[..<produced])
        // No progress with room left means that the input ended early.
        return status == Z_OK && produced == 0 && stream.avail_in == 0 ? Z_BUF_ERROR : status
    }
}
