import CAllocations
import Datasets
import Engine
import Foundation
import Fusion
import Graphs
import ModelImport
import Packages
import SearchSpace
import Supernets
import Testing

/// Every golden subnet of the Fashion-MNIST supernet against the reference implementation's logits and accuracies.
@Suite struct GoldenSubnetTests {
    struct Golden: Decodable, Sendable, CustomTestStringConvertible {
        let name: String
        let configuration: SubnetConfiguration
        /// Per cent of all 10,000 test images.
        let top1: Double
        var testDescription: String { name }
    }

    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Examples/fashion-supernet").path()
    static let subnets: [Golden] = {
        let data = FileManager.default.contents(atPath: folder + "/golden.json") ?? Data()
        return (try? JSONDecoder().decode([Golden].self, from: data)) ?? []
    }()
    static let images: [String] = {
        let names = ["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz", "train-images-idx3-ubyte.gz"]
        let files = names.map { "/usr/share/datasets/fashion-mnist/" + $0 }
        return files.allSatisfy { FileManager.default.isReadableFile(atPath: $0) } ? files : []
    }()

    private let supernet: PackedSupernet
    private let tensors: [String: Tensor]

    init() throws {
        let package = try SupernetImporter.importCheckpoint(
            path: Self.folder + "/fashion_supernet.pth", configPath: Self.folder + "/fashion_supernet.json")
        supernet = try PackedSupernet(package)
        tensors = try SafetensorsFile.read(from: Self.folder + "/golden.safetensors")
    }

    private func preprocessor(_ images: ImageSet, side: Int) -> ImagePreprocessor {
        ImagePreprocessor(
            channels: 1, height: images.height, width: images.width, size: .init(side),
            mean: supernet.architecture.mean, std: supernet.architecture.std)
    }

    private func logits(_ plan: Plan, _ images: ImageSet, count: Int) -> [[Float]] {
        let preprocessor = preprocessor(images, side: plan.inputShape.height)
        let session = Session(for: [plan])
        let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: plan.inputShape.pixels)
        defer { buffer.deallocate() }
        return (0..<count).map { index in
            preprocessor.convert(images, at: index, into: buffer)
            return Array(session.run(plan, on: UnsafeBufferPointer(buffer)))
        }
    }

    /// Written out as a network of its own, a subnet answers as its plan does, by kernels and by definitions.
    @Test(arguments: subnets)
    func subnetsAreNetworksOfTheirOwn(golden: Golden) throws {
        let statistics = try SubnetStatistics(configuration: golden.configuration, named: golden.name, in: tensors)
        let kernels = KernelSet(.portable)
        let network = try supernet.fusedNetwork(golden.configuration, statistics: statistics)
        let (plan, own) = (
            try supernet.plan(golden.configuration, statistics: statistics, kernels: kernels),
            try network.plan(kernels: kernels)
        )
        #expect(own.flops == plan.flops && network.inputShape.height == golden.configuration.resolution)
        let session = Session(for: [plan, own])
        let image = (0..<plan.inputShape.pixels).map { Float(($0 * 7) % 23) / 11 - 1 }
        let (expected, actual) = image.withUnsafeBufferPointer { pixels in
            (Array(session.run(plan, on: pixels)), Array(session.run(own, on: pixels)))
        }
        let scale = expected.map(abs).max() ?? 0
        #expect(actual.count == expected.count && scale > 0)
        for (value, other) in zip(actual, expected) { #expect(abs(value - other) <= 1e-4 * scale) }
    }

    @Test func thereAreTwelveSubnets() { #expect(Self.subnets.count == 12) }

    @Test(
        .enabled(if: !images.isEmpty, "Debian package dataset-fashion-mnist is not installed"), arguments: subnets,
        InstructionSet.allCases.filter(\.isSupported))
    func logitsAreWithinOneInTenThousand(golden: Golden, set: InstructionSet) throws {
        let statistics = try SubnetStatistics(configuration: golden.configuration, named: golden.name, in: tensors)
        let plan = try supernet.plan(golden.configuration, statistics: statistics, kernels: KernelSet(set))
        let images = try ImageSet.read(images: [Self.images[0]])
        let expected = try #require(tensors[golden.name + "/logits"])

        let actual = logits(plan, images, count: 16).flatMap { $0 }
        let scale = expected.values.map(abs).max() ?? 1
        for (value, reference) in zip(actual, expected.values) {
            #expect(abs(value - reference) <= 1e-4 * scale)
        }
    }

    @Test(
        .enabled(if: !images.isEmpty, "Debian package dataset-fashion-mnist is not installed"),
        arguments: subnets.filter { ["min", "random5"].contains($0.name) })
    func accuraciesAreThosePublished(golden: Golden) throws {
        let images = try ImageSet.read(images: [Self.images[0]], labels: [Self.images[1]])
        let labels = try #require(images.labels)
        func top1(_ statistics: SubnetStatistics) throws -> Double {
            let plan = try supernet.plan(golden.configuration, statistics: statistics, kernels: KernelSet(.fastest))
            let answers = logits(plan, images, count: images.count).map { row in
                row.withUnsafeBufferPointer(\.indexOfMaximum)
            }
            return 100 * Double(zip(answers, labels).count { $0 == $1 }) / Double(images.count)
        }
        let given = try SubnetStatistics(configuration: golden.configuration, named: golden.name, in: tensors)
        #expect(abs(try top1(given) - golden.top1) <= 0.1)

        let training = try ImageSet.read(images: [Self.images[2]]).prefix(2_000)
        let preprocessor = preprocessor(training, side: golden.configuration.resolution)
        let own = try BatchNormCalibrator(supernet: supernet, kernels: KernelSet(.fastest))
            .calibrate(golden.configuration, imageCount: training.count) {
                preprocessor.convert(training, at: $0, into: $1)
            }
        #expect(abs(try top1(own) - golden.top1) <= 0.5)
    }

    /// In bfloat16: the accuracies of fp32 to within a fifth of a point, and its logits on the 16 golden images to
    /// within a thirtieth of the largest.
    @Test(
        .enabled(if: !images.isEmpty, "Debian package dataset-fashion-mnist is not installed"),
        arguments: subnets.filter { ["min", "max", "random5"].contains($0.name) })
    func bfloat16KeepsTheAccuracies(golden: Golden) throws {
        let images = try ImageSet.read(images: [Self.images[0]], labels: [Self.images[1]])
        let labels = try #require(images.labels)
        let statistics = try SubnetStatistics(configuration: golden.configuration, named: golden.name, in: tensors)
        let expected = try #require(tensors[golden.name + "/logits"])
        let plan = try supernet.bfloat16().plan(
            golden.configuration, statistics: statistics, kernels: KernelSet(.fastest))

        let rows = logits(plan, images, count: images.count)
        let answers = rows.map { $0.withUnsafeBufferPointer(\.indexOfMaximum) }
        let top1 = 100 * Double(zip(answers, labels).count { $0 == $1 }) / Double(images.count)
        #expect(abs(top1 - golden.top1) <= 0.2)
        let scale = expected.values.map(abs).max() ?? 1
        let error = zip(rows.prefix(16).flatMap { $0 }, expected.values).map { abs($0 - $1) }.max() ?? 0
        #expect(error <= scale / 30)
    }

    /// Random switches between prepared plans of both precisions in one session change nothing in the results.
    @Test func switchingBetweenFramesLeavesNoTrace() throws {
        let narrow = supernet.bfloat16()
        let plans = try Self.subnets.enumerated().map { index, golden in
            try (index % 2 == 0 ? supernet : narrow).plan(
                golden.configuration,
                statistics: try SubnetStatistics(configuration: golden.configuration, named: golden.name, in: tensors),
                kernels: KernelSet(.fastest))
        }
        let image = (0..<28 * 28).map { Float($0 % 29) / 14 - 1 }
        func run(_ plan: Plan, _ session: Session) -> [Float] {
            image.withUnsafeBufferPointer {
                Array(session.run(plan, on: UnsafeBufferPointer(rebasing: $0.prefix(plan.inputShape.pixels))))
            }
        }
        let alone = plans.map { run($0, Session(for: [$0])) }
        let shared = Session(for: plans)
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<2_000 {
            let index = Int.random(in: 0..<plans.count, using: &generator)
            #expect(run(plans[index], shared) == alone[index])
        }
    }

    /// Threads share an inference without changing a bit of it; neither they nor the caller allocate.
    @Test(arguments: [1, 2, 3])
    func threadsChangeNothingAndRunsAllocateNothing(threads: Int) throws {
        let plans = try Self.subnets.prefix(4).map { golden in
            try supernet.plan(
                golden.configuration,
                statistics: SubnetStatistics(configuration: golden.configuration, named: golden.name, in: tensors),
                kernels: KernelSet(.fastest))
        }
        let session = Session(for: plans, threads: threads)
        for plan in plans {
            let image = TestImage(plan.inputShape)
            let own = Session(for: [plan])
            let alone = withExtendedLifetime(own) { Array(own.run(plan, on: image.values)) }
            ca_begin()
            for _ in 0..<50 {
                session.activate(plan)
                let output = session.run(on: image.values)
                for index in 0..<output.count where output[index] != alone[index] {
                    Issue.record("\(threads) threads: logit \(index) differs")
                }
            }
            #expect(ca_count() == 0)
        }
    }

    @Test func aForeignConfigurationAndMissingStatisticsAreRefused() {
        var configuration = supernet.space.largest
        let nothing = SubnetStatistics(configuration: configuration, origin: .file, layers: [:])
        #expect(throws: SupernetRefusal.statistics(layer: "first_conv.bn", reason: "missing")) {
            try supernet.plan(configuration, statistics: nothing, kernels: KernelSet(.portable))
        }
        configuration.resolution = 21
        #expect(throws: SupernetRefusal.self) {
            try supernet.plan(configuration, statistics: nothing, kernels: KernelSet(.portable))
        }
    }

    @Test func statisticsFilesBelongToTheirWeights() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "shoal-\(UUID())").path()
        let golden = try #require(Self.subnets.first)
        let configuration = supernet.space.canonical(golden.configuration)
        var file = StatisticsFile(weightsSHA256: "a")
        let exact = try SubnetStatistics(configuration: configuration, named: golden.name, in: tensors)
        try file.insert(exact)
        try file.write(to: path)

        let read = try StatisticsFile.read(from: path, for: "a")
        #expect(read == file)
        // Two bytes per channel, and the names and checksums of one file.
        let size = try #require(FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
        #expect(size < exact.storedBytes + 8_192)
        let kept = try #require(read.statistics(for: configuration))
        #expect(kept.layers.keys == exact.layers.keys)
        #expect(throws: SupernetRefusal.self) { try StatisticsFile.read(from: path, for: "b") }
    }
}
