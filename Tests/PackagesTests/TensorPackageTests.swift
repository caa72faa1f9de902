import Foundation
import Testing

@testable import Packages
@testable import Engine

@Suite struct TensorPackageTests {
    private let package = TensorPackage(
        kind: "supernet", manifest: Array(#"{"name":"small"}"#.utf8),
        tensors: [
            "b": Tensor(shape: [2, 3], values: [1, -2, 3.5, 0, .infinity, 1e-30]),
            "a.weight": Tensor(shape: [], values: [7]),
            "empty": Tensor(shape: [0, 4], values: []),
        ])

    @Test func roundTripThroughAFileKeepsEverything() throws {
        let path = temporaryPath()
        defer { try? FileManager.default.removeItem(atPath: path) }

        try Data("old".utf8).write(to: URL(filePath: path))
        try package.write(to: path)

        #expect(try TensorPackage.read(from: path) == package)
        #expect(try Array(Data(contentsOf: URL(filePath: path))) == package.serialized())
    }

    @Test func writingLeavesNoTemporaryFile() throws {
        let folder = temporaryPath()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }

        try package.write(to: folder + "/model.shoal")
        #expect(throws: PackageFailure.self) { try package.write(to: folder + "/absent/model.shoal") }

        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["model.shoal"])
    }

    @Test func everyFlippedByteIsRefused() throws {
        let bytes = try package.serialized()
        for index in bytes.indices {
            for mask: UInt8 in [0x01, 0x80, 0xFF] {
                var changed = bytes
                changed[index] ^= mask
                #expect(throws: ReadingFailure.self, "byte \(index) ^ \(mask)") { try TensorPackage.parse(changed) }
            }
        }
    }

    @Test func everyTruncationAndAnExtraByteAreRefused() throws {
        let bytes = try package.serialized()
        for count in 0..<bytes.count {
            #expect(throws: ReadingFailure.self, "\(count) bytes") { try TensorPackage.parse(Array(bytes[..<count])) }
        }
        #expect(throws: ReadingFailure("1 bytes follow the last section")) { try TensorPackage.parse(bytes + [0]) }
    }

    @Test func newerVersionIsRefusedByNumber() throws {
        var bytes = try package.serialized()
        bytes[8] = 9
        #expect(throws: ReadingFailure("has version 9, newer than version 1, the newest that is read")) {
            try TensorPackage.parse(bytes)
        }
    }

    @Test func changedContentIsRefusedByItsSection() throws {
        let bytes = try package.serialized()
        let place = try #require(bytes.firstRange(of: Array(#"{"name""#.utf8))?.lowerBound)
        var changed = bytes
        changed[place] = 0
        #expect(throws: ReadingFailure("the content does not match its SHA-256", subject: "manifest")) {
            try TensorPackage.parse(changed)
        }
    }

    /// Files whose checksums are right and whose content is not.
    @Test(arguments: [
        ForgedPackage("duplicate", [("kind", "network"), ("manifest", ""), ("kind", "network")], "kind: occurs twice"),
        ForgedPackage("no manifest", [("kind", "network")], "manifest: is missing"),
        ForgedPackage("no kind", [("manifest", "{}")], "kind: is missing"),
        ForgedPackage(
            "unknown section", [("kind", "network"), ("manifest", ""), ("extra", "")],
            "extra: is not a section of version 1"),
        ForgedPackage("short tensor", [("tensor/x", "\u{1}\0\0\0")], "tensor/x: needs 8 bytes"),
        ForgedPackage("deep tensor", [("tensor/x", "\u{9}\0\0\0")], "tensor/x: 9 dimensions are more than 8"),
        ForgedPackage(
            "long tensor", [("tensor/x", "\u{1}\0\0\0\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}")],
            "tensor/x: the shape"),
    ])
    func forgedContentIsRefused(forged: ForgedPackage) throws {
        let failure = try #require(throws: ReadingFailure.self) { try TensorPackage.parse(forged.bytes) }
        #expect("\(failure.subject ?? "-"): \(failure.reason)".hasPrefix(forged.expected))
    }

    @Test func sectionOutsideTheFileIsRefused() throws {
        for (offset, size) in [(64, 1 << 40), (1 << 62, 1 << 62), (1 << 40, 1)] {
            let bytes = ForgedPackage.file([("kind", "network")]) { _, _ in (offset, size) }
            let failure = try #require(throws: ReadingFailure.self) { try TensorPackage.parse(bytes) }
            #expect(failure.subject == "kind" && failure.reason.contains("outside the file"))
        }
    }

    @Test func unalignedSectionIsRefused() throws {
        let bytes = ForgedPackage.file([("kind", "network")]) { offset, size in (offset + 1, size - 1) }
        let failure = try #require(throws: ReadingFailure.self) { try TensorPackage.parse(bytes) }
        #expect(failure.reason == "starts at offset 129 instead of 128")
    }

    @Test func weightsDigestDependsOnTensorsAlone() {
        var other = package
        other.manifest = []
        #expect(other.weightsSHA256 == package.weightsSHA256)
        #expect(other.weightsSHA256.count == 64)
        other.tensors["b"] = Tensor(shape: [3, 2], values: package.tensors["b"]?.values ?? [])
        #expect(other.weightsSHA256 != package.weightsSHA256)
    }

    @Test func fileDigestIsThatOfTheBytes() throws {
        let path = temporaryPath()
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data("abc".utf8).write(to: URL(filePath: path))

        // FIPS 180-4, example of "abc".
        #expect(
            try TensorPackage.sha256Hex(ofFile: path)
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }

    @Test func failureNamesTheFile() throws {
        let failure = try #require(throws: PackageFailure.self) { try TensorPackage.read(from: "/absent.shoal") }
        #expect(failure.description == "/absent.shoal: cannot be opened: No such file or directory")
        let folder = try #require(throws: PackageFailure.self) { try TensorPackage.read(from: "/tmp") }
        #expect(folder.description == "/tmp: is a folder")
    }

    private func temporaryPath() -> String {
        FileManager.default.temporaryDirectory.appending(path: "shoal-\(UUID().uuidString)").path()
    }
}

/// A package with correct checksums around any sections.
struct ForgedPackage: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let bytes: [UInt8]
    let expected: String

    init(_ name: String, _ sections: [(String, String)], _ expected: String) {
        testDescription = name
        bytes = Self.file(sections) { ($0, $1) }
        self.expected = expected
    }

    static func file(_ sections: [(String, String)], place: (Int, Int) -> (Int, Int)) -> [UInt8] {
        var bytes = TensorPackage.magic
        bytes.append(littleEndian: UInt32(1))
        bytes.append(littleEndian: UInt32(sections.count))
        var end = 16 + sections.reduce(0) { $0 + 50 + $1.0.utf8.count } + 32
        for (name, content) in sections {
            let offset = TensorPackage.aligned(end)
            let placed = place(offset, content.utf8.count)
            bytes.append(littleEndian: UInt16(name.utf8.count))
            bytes.append(contentsOf: name.utf8)
            bytes.append(littleEndian: UInt64(placed.0))
            bytes.append(littleEndian: UInt64(placed.1))
            bytes.append(contentsOf: TensorPackage.digest(Array(content.utf8)[...]))
            end = offset + content.utf8.count
        }
        bytes.append(contentsOf: TensorPackage.digest(bytes[...]))
        for (_, content) in sections {
            bytes.append(contentsOf: repeatElement(0, count: TensorPackage.aligned(bytes.count) - bytes.count))
            bytes.append(contentsOf: content.utf8)
        }
        return bytes
    }
}
