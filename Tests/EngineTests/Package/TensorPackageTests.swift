import Engine
import Foundation
import Testing

@Suite struct TensorPackageTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "shoal-\(UUID())").path()
    private var path: String { folder + "/p.shoal" }
    private let package = TensorPackage(
        kind: "supernet", manifest: Array("{}".utf8),
        tensors: ["a.weight": Tensor(shape: [2, 3], values: [1, 2, 3, 4, 5, .pi]), "b": Tensor(shape: [], values: [7])])

    init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }

    private func bytes() throws -> Data { try Data(contentsOf: URL(filePath: path)) }

    @Test func whatIsWrittenIsReadBack() throws {
        try package.write(to: path)
        #expect(try TensorPackage.read(from: path) == package)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["p.shoal"])
    }

    @Test func everyFlippedByteIsNoticed() throws {
        try package.write(to: path)
        let good = try bytes()
        for index in good.indices {
            var bad = good
            bad[index] ^= 0x20
            try bad.write(to: URL(filePath: path))
            #expect(throws: PackageFailure.self, "byte \(index)") { try TensorPackage.read(from: path) }
        }
    }

    @Test func everyTruncationAndAnyTailIsNoticed() throws {
        try package.write(to: path)
        let good = try bytes()
        for count in 0..<good.count {
            try good.prefix(count).write(to: URL(filePath: path))
            #expect(throws: PackageFailure.self, "\(count) bytes") { try TensorPackage.read(from: path) }
        }
        try (good + [0]).write(to: URL(filePath: path))
        #expect(throws: PackageFailure.self) { try TensorPackage.read(from: path) }
    }

    @Test func aNewerVersionIsRefusedByNumber() throws {
        try package.write(to: path)
        var newer = try bytes()
        newer[8] = 2
        try newer.write(to: URL(filePath: path))
        #expect(
            throws: PackageFailure(file: path, reason: "has format version 2; this program reads version 1")
        ) { try TensorPackage.read(from: path) }
    }

    @Test func weightsAreNamedByTheirContent() throws {
        var other = package
        #expect(other.weightsSHA256 == package.weightsSHA256 && package.weightsSHA256.count == 64)
        other.manifest = []
        #expect(other.weightsSHA256 == package.weightsSHA256)
        other.tensors["b"] = Tensor(shape: [1], values: [7])
        #expect(other.weightsSHA256 != package.weightsSHA256)
    }

    @Test func aMissingFileAndAFolderAreNamed() {
        #expect(throws: PackageFailure.self) { try TensorPackage.read(from: folder + "/none") }
        #expect(throws: PackageFailure(file: folder, reason: "is a folder")) { try TensorPackage.read(from: folder) }
    }
}
