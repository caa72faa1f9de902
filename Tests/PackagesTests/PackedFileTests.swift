import Foundation
import Testing

@testable import Packages
@testable import Engine

@Suite struct PackedFileTests {
    private let folder = TemporaryFolder()
    private let identity = [UInt8](repeating: 7, count: 32)
    private var path: String { folder.path + "/model.shoal.packed" }

    private func file(_ values: [Float], identity: [UInt8]? = nil) -> PackedFile {
        PackedFile(
            identity: identity ?? self.identity, weightsSHA256: String(repeating: "a", count: 64),
            parts: [
                .init(name: "first", values: buffer(values)), .init(name: "empty", values: buffer([])),
                .init(name: "whole", values: buffer([Float](repeating: 3, count: 16))),
            ])
    }

    private func buffer(_ values: [Float]) -> AlignedBuffer {
        let buffer = AlignedBuffer(count: values.count)
        for (index, value) in values.enumerated() { buffer.base[index] = value }
        return buffer
    }

    private func values(_ file: PackedFile) -> [String: [Float]] {
        let parts = file.parts.map { part in
            let values = UnsafeBufferPointer(start: part.values.base, count: part.values.count)
            return (part.name, withExtendedLifetime(part) { Array(values) })
        }
        return Dictionary(uniqueKeysWithValues: parts)
    }

    @Test func partsComeBackAligned() throws {
        try file([1, -2, 3.5]).write(to: path)

        let read = try PackedFile.read(from: path, identity: identity)

        #expect(read.weightsSHA256 == String(repeating: "a", count: 64))
        #expect(values(read) == ["first": [1, -2, 3.5], "empty": [], "whole": [Float](repeating: 3, count: 16)])
        #expect(read.parts.allSatisfy { UInt(bitPattern: $0.values.base) % 64 == 0 })
    }

    @Test func partsOutliveTheFile() throws {
        try file([1, -2, 3.5]).write(to: path)

        let part = try PackedFile.read(from: path, identity: identity).parts[0].values
        try Data().write(to: URL(filePath: path))

        #expect(withExtendedLifetime(part) { part.base[2] } == 3.5)
    }

    @Test func everyFlippedBitIsFound() throws {
        try file([1, -2, 3.5]).write(to: path)
        let bytes = try Array(Data(contentsOf: URL(filePath: path)))
        for index in bytes.indices {
            for bit in 0..<8 {
                var changed = bytes
                changed[index] ^= 1 << UInt8(bit)
                #expect(throws: ReadingFailure.self, "bit \(bit) of byte \(index)") { try parse(changed) }
            }
        }
    }

    @Test func everyTruncationAndExtraBytesAreFound() throws {
        try file([1, -2, 3.5]).write(to: path)
        let bytes = try Array(Data(contentsOf: URL(filePath: path)))
        for count in 0..<bytes.count {
            #expect(throws: ReadingFailure.self, "\(count) bytes") { try parse(Array(bytes[..<count])) }
            let zeros = [UInt8](repeating: 0, count: bytes.count - count)
            let torn = Array(bytes[..<count]) + zeros
            if torn != bytes {
                #expect(throws: ReadingFailure.self, "zeros from byte \(count)") { try parse(torn) }
            }
        }
        for extra in [1, 64] {
            #expect(throws: ReadingFailure.self) { try parse(bytes + [UInt8](repeating: 0, count: extra)) }
        }
    }

    private func parse(_ bytes: [UInt8]) throws -> PackedFile {
        try Data(bytes).write(to: URL(filePath: path))
        return try PackedFile.read(from: path, identity: identity)
    }

    @Test func anotherPackagesFileIsRefused() throws {
        try file([1], identity: [UInt8](repeating: 8, count: 32)).write(to: path)
        #expect(throws: ReadingFailure("was made from another package")) {
            try PackedFile.read(from: path, identity: identity)
        }
    }

    /// With a checksum that is right.
    @Test(arguments: [(8, "has version 9 for 16 lanes"), (12, "has version 1 for 9 lanes")])
    func anotherVersionIsRefused(place: Int, reason: String) throws {
        try file([1]).write(to: path)
        var bytes = try Array(Data(contentsOf: URL(filePath: path)))
        bytes[place] = 9
        let end = Int(bytes[PackedFile.prologue - 8]) + 256 * Int(bytes[PackedFile.prologue - 7])
        var crc: [UInt8] = []
        crc.append(littleEndian: bytes[..<(end - 4)].withUnsafeBytes { PackedFile.checksum($0) })
        bytes.replaceSubrange((end - 4)..<end, with: crc)
        #expect(throws: ReadingFailure(reason)) { try parse(bytes) }
    }

    @Test func concurrentWritersLeaveOneWholeFile() async throws {
        let (path, identity) = (path, identity)
        let files = (0..<4).map { file([Float]($0..<1_000 + $0)) }
        await withTaskGroup(of: Void.self) { group in
            for file in files {
                group.addTask { for _ in 0..<5 { try? file.write(to: path) } }
            }
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<20 {
                        do throws(ReadingFailure) {
                            _ = try PackedFile.read(from: path, identity: identity)
                        } catch {
                            #expect(error.reason.hasPrefix("cannot be opened"), "\(error)")
                        }
                    }
                }
            }
        }

        let last = try PackedFile.read(from: path, identity: identity)
        #expect(files.contains { values($0) == values(last) })
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["model.shoal.packed"])
    }
}

extension [Float] {
    fileprivate init(_ range: Range<Int>) { self = range.map(Float.init) }
}

/// A folder that is removed with the last reference to it.
final class TemporaryFolder: Sendable {
    let path = FileManager.default.temporaryDirectory.appending(path: "shoal-\(UUID().uuidString)").path()

    init() { try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: path) }
}
