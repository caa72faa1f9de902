import CZlib
import Engine
import Foundation
import Testing

@testable import Datasets

@Suite struct GzipTests {
    private static let damaged = "is damaged or cut short: not a whole gzip stream"

    private static func gzip(_ bytes: [UInt8]) -> [UInt8] {
        var stream = z_stream()
        deflateInit2_(
            &stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        defer { deflateEnd(&stream) }
        var input = bytes
        var output = [UInt8](repeating: 0, count: Int(deflateBound(&stream, uLong(bytes.count))))
        input.withUnsafeMutableBufferPointer { source in
            output.withUnsafeMutableBufferPointer { target in
                (stream.next_in, stream.avail_in) = (source.baseAddress, UInt32(source.count))
                (stream.next_out, stream.avail_out) = (target.baseAddress, UInt32(target.count))
                _ = deflate(&stream, Z_FINISH)
            }
        }
        return Array(output.dropLast(Int(stream.avail_out)))
    }

    private func refusal(
        _ bytes: [UInt8], limit: Int = 1 << 24, statedSize: ([UInt8]) throws(ReadingFailure) -> Int? = { _ in nil }
    ) -> String {
        do throws(ReadingFailure) {
            _ = try Gzip.decompress(bytes, limit: limit, statedSize: statedSize)
            return "none"
        } catch {
            return error.reason
        }
    }

    /// Both sides of a chunk of 65,536 bytes.
    private static let contents: [[UInt8]] = [0, 1, 65_535, 65_536, 65_537, 3 << 20].map { count in
        (0..<count).map { UInt8(truncatingIfNeeded: $0 ^ $0 >> 8) }
    }

    @Test func contentsComeBack() throws {
        for content in Self.contents {
            for size in [nil, content.count] {
                let found = try Gzip.decompress(Self.gzip(content), limit: 3 << 20, statedSize: { _ in size })
                #expect(found == content)
                #expect(found.capacity < content.count + 65_536)
            }
        }
    }

    @Test func membersAreJoined() throws {
        let all = Self.contents.map(Self.gzip)
        #expect(try Gzip.decompress(all.flatMap { $0 }, limit: 1 << 24) == Self.contents.flatMap { $0 })
        // As bgzip ends a file: with a member that holds nothing.
        #expect(try Gzip.decompress(all[2] + all[0], limit: 65_535) == Self.contents[2])
        #expect(refusal(all[1] + all[2].dropLast(), limit: 65_536) == Self.damaged)
        #expect(refusal(all[1] + all[2], limit: 65_535) == "expands to more than 65535 bytes")
    }

    @Test func zerosMayFollowAndNothingElse() throws {
        for content in Self.contents {
            let whole = Self.gzip(content)
            #expect(try Gzip.decompress(whole + [0, 0, 0], limit: 3 << 20) == content)
            for tail in [[7], [0x1F], [0, 0, 0x1F, 0x8B]] as [[UInt8]] {
                let reason = "has \(tail.count) bytes after its gzip stream that are no gzip"
                #expect(refusal(whole + tail) == reason)
                #expect(refusal(whole + tail, statedSize: { _ in content.count }) == reason)
            }
            #expect(refusal(whole + [0x1F, 0x8B]) == Self.damaged)
        }
    }

    @Test func whatAHeaderStatesIsTheLimit() {
        let bytes = Self.gzip(Self.contents[5])
        #expect(
            refusal(bytes, statedSize: { _ in 1 << 40 })
                == "states \(1 << 40) bytes, more than \(bytes.count) bytes of gzip can hold")
        #expect(refusal(bytes, limit: 99, statedSize: { _ in 100 }) == "expands to more than 99 bytes")
        #expect(
            refusal(bytes, statedSize: { _ in 70_000 }) == "expands to more than the 70000 bytes that its header states"
        )
        #expect(refusal(bytes, limit: (3 << 20) - 1) == "expands to more than \((3 << 20) - 1) bytes")
    }

    /// Images of an IDX file whose header states more than there can be, or less than there is.
    @Test(
        arguments: [
            ([0xFD, 0xE8], "states 65000000016 bytes, more than"), ([0, 1], "expands to more than the 1000016 bytes"),
        ] as [([UInt8], String)])
    func idxHeadersAreReadFirst(count: [UInt8], reason: String) throws {
        let header: [UInt8] = [0, 0, 8, 3, 0, 0] + count + [0, 0, 3, 0xE8, 0, 0, 3, 0xE8]
        let path = FileManager.default.temporaryDirectory.appending(path: "shoal-\(UUID())").path()
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data(Self.gzip(header + [UInt8](repeating: 0, count: 2_000_000))).write(to: URL(filePath: path))

        let failure = #expect(throws: DatasetFailure.self) { try ImageSet.read(images: [path]) }
        #expect(failure?.reason.hasPrefix(reason) == true, "\(failure?.reason ?? "")")
    }
}
