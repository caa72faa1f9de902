import Foundation
import Testing

@testable import Packages
@testable import Engine

@Suite struct PackageFileTests {
    private let folder = TemporaryFolder()
    private let package = TensorPackage(
        kind: "supernet", manifest: Array("{}".utf8),
        tensors: [
            "a": Tensor(shape: [2], values: [1, 2]), "b": Tensor(shape: [1, 20_000], values: .init(0..<20_000)),
        ],
        blobs: ["note": [1, 2, 3]])

    private func write(_ bytes: [UInt8]) throws -> String {
        let path = folder.path + "/model.shoal"
        try Data(bytes).write(to: URL(filePath: path))
        return path
    }

    @Test func sectionsAreReadByName() throws {
        let file = try PackageFile(write(package.serialized()))

        #expect(file.kind == "supernet" && file.manifest == package.manifest)
        #expect(try file.tensor("b") == package.tensors["b"])
        #expect(try file.tensor("b") == package.tensors["b"], "after its pages were given back")
        #expect(try file.tensor("c") == nil)
        #expect(try file.package() == package)
        #expect(try file.weightsSHA256() == package.weightsSHA256)
        try file.verify()
    }

    @Test func identityIsThatOfTheContent() throws {
        let identity = try PackageFile(write(package.serialized())).identity
        #expect(try PackageFile(write(package.serialized())).identity == identity)
        var other = package
        other.tensors["a"] = Tensor(shape: [2], values: [1, 3])
        #expect(try PackageFile(write(other.serialized())).identity != identity)
    }

    @Test func damageOfATensorIsFoundWhenItIsReadOrAllIsVerified() throws {
        var bytes = try package.serialized()
        bytes[bytes.count - 100] ^= 1
        let failure = PackageFailure(
            file: folder.path + "/model.shoal", section: "tensor/b", reason: "the content does not match its SHA-256")

        let file = try PackageFile(write(bytes))

        #expect(throws: failure) { try file.tensor("b") }
        #expect(throws: failure) { try file.verify() }
        #expect(throws: failure) { try file.weightsSHA256() }
        #expect(throws: failure) { try file.package() }
        #expect(try file.tensor("a") == package.tensors["a"])
    }

    @Test func everyTruncationAndEveryFlipOfTheTableIsFoundAtOnce() throws {
        let small = TensorPackage(kind: "supernet", manifest: [], tensors: ["a": Tensor(shape: [2], values: [1, 2])])
        let bytes = try small.serialized()
        for count in 0..<bytes.count {
            let path = try write(Array(bytes[..<count]))
            #expect(throws: PackageFailure.self, "\(count) bytes") { try PackageFile(path) }
        }
        for index in bytes.indices {
            var changed = bytes
            changed[index] ^= 1
            let path = try write(changed)
            #expect(throws: PackageFailure.self, "byte \(index)") { try PackageFile(path).verify() }
        }
    }
}

extension [Float] {
    fileprivate init(_ range: Range<Int>) { self = range.map(Float.init) }
}
