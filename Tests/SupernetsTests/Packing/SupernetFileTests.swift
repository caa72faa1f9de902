import Foundation
import ModelImport
import SearchSpace
import Testing

@testable import Packages
@testable import Engine
@testable import Supernets

/// The Fashion-MNIST supernet with and without its packed weights on disk.
@Suite(.serialized) struct SupernetFileTests {
    private static let imported = Result {
        try SupernetImporter.importCheckpoint(
            path: GoldenSubnetTests.folder + "/fashion_supernet.pth",
            configPath: GoldenSubnetTests.folder + "/fashion_supernet.json")
    }

    private let folder = FileManager.default.temporaryDirectory.appending(path: "shoal-\(UUID().uuidString)").path()
    private var path: String { folder + "/model.shoal" }
    private var cache: String { SupernetFile.cachePath(of: path) }
    private let package: TensorPackage

    init() throws {
        package = try Self.imported.get()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try package.write(to: path)
    }

    private func removeFolder() { try? FileManager.default.removeItem(atPath: folder) }

    /// Bits of the logits of the largest and a small subnet.
    private func logits(_ supernet: PackedSupernet) throws -> [UInt32] {
        var smallest = supernet.space.largest
        smallest.kernelSizes = smallest.kernelSizes.map { _ in 3 }
        smallest.expandRatios = smallest.expandRatios.map { _ in 3 }
        return try [supernet.space.largest, supernet.space.canonical(smallest)].flatMap { subnet in
            let statistics = supernet.checkpointStatistics(for: subnet)
            let plan = try supernet.plan(subnet, statistics: statistics, kernels: KernelSet.selected())
            let (session, image) = (Session(for: [plan]), TestImage(plan.inputShape))
            return withExtendedLifetime((session, image)) { session.run(plan, on: image.values).map(\.bitPattern) }
        }
    }

    @Test func outputsAreTheSameBitForBitWithAndWithoutPackedWeights() throws {
        defer { removeFolder() }
        let expected = try logits(PackedSupernet(package))

        let first = try SupernetFile(path)
        let second = try SupernetFile(path)

        #expect(first.origin == .package(unwritten: nil) && second.origin == .cache)
        #expect(try logits(first.supernet) == expected)
        #expect(try logits(second.supernet) == expected)
        #expect(first.weightsSHA256 == package.weightsSHA256 && second.weightsSHA256 == package.weightsSHA256)
        #expect(second.supernet.packedBytes == first.supernet.packedBytes)
    }

    @Test func damagedPackedWeightsAreMadeAnew() throws {
        defer { removeFolder() }
        let expected = try logits(SupernetFile(path).supernet)
        let bytes = try Data(contentsOf: URL(filePath: cache))
        for place in [0, 9, 60, bytes.count / 2, bytes.count - 1] {
            var flipped = bytes
            flipped[place] ^= 16
            for damaged in [flipped, bytes.prefix(place)] {
                try damaged.write(to: URL(filePath: cache))

                let file = try SupernetFile(path)

                #expect(file.origin == .package(unwritten: nil), "byte \(place)")
                #expect(try logits(file.supernet) == expected)
                #expect(try Data(contentsOf: URL(filePath: cache)) == bytes)
            }
        }
    }

    @Test func packedWeightsOfAnotherPackageAreNotUsed() throws {
        defer { removeFolder() }
        _ = try SupernetFile(path)
        var other = package
        let name = "classifier.linear.bias"
        let bias = try #require(package.tensors[name])
        other.tensors[name] = Tensor(shape: bias.shape, values: bias.values.map { $0 + 1 })
        try other.write(to: path)

        let file = try SupernetFile(path)

        #expect(file.origin == .package(unwritten: nil))
        #expect(try logits(file.supernet) == logits(PackedSupernet(other)))
        #expect(file.weightsSHA256 == other.weightsSHA256)
    }

    /// A whole file of this package that lacks what the supernet needs.
    @Test func packedWeightsWithoutAPartAreMadeAnew() throws {
        defer { removeFolder() }
        let package = try PackageFile(path)
        _ = try SupernetFile(package)
        let whole = try PackedFile.read(from: cache, identity: package.identity)
        try PackedFile(
            identity: whole.identity, weightsSHA256: whole.weightsSHA256, parts: Array(whole.parts.dropLast())
        ).write(to: cache)

        #expect(try SupernetFile(package).origin == .package(unwritten: nil))
        #expect(try SupernetFile(package).origin == .cache)
    }

    @Test func aDamagedTensorIsRefusedWhereItWouldBePackedAndHarmlessBesideWhatWas() throws {
        defer { removeFolder() }
        var damaged = try Data(contentsOf: URL(filePath: path))
        damaged[damaged.count - 10] ^= 1
        try damaged.write(to: URL(filePath: path))
        #expect(throws: PackageFailure.self) { try SupernetFile(path) }
        #expect(!FileManager.default.fileExists(atPath: cache))

        try package.write(to: path)
        let expected = try logits(SupernetFile(path).supernet)
        try damaged.write(to: URL(filePath: path))

        #expect(try logits(SupernetFile(path).supernet) == expected)
        #expect(throws: PackageFailure.self) { try PackageFile(path).verify() }
    }

    /// A folder in the cache's place: nobody can write there, whatever their rights.
    @Test func whereNothingCanBeWrittenTheWeightsArePackedEachTime() throws {
        defer { removeFolder() }
        try FileManager.default.createDirectory(atPath: cache, withIntermediateDirectories: false)
        for _ in 0..<2 {
            guard case .package(let reason?) = try SupernetFile(path).origin else {
                Issue.record("the cache was written")
                return
            }
            #expect(reason.hasPrefix(cache + ": cannot be written"))
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 2)
    }
}
