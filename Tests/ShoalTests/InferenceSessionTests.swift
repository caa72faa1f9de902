import CAllocations
import Engine
import Foundation
import SearchSpace
import Shoal
import Supernets
import Testing

@Suite struct InferenceSessionTests {
    private let packages: Packages

    init() throws { packages = try Packages() }

    /// Logits are the means of the first two channels.
    private func means(last: String = "Flatten") throws -> InferenceSession {
        try InferenceSession(try Model(try packages.network(weights: [1, 0, 0, 0, 1, 0], last: last)).prepare())
    }

    @Test func planarValuesReachTheNetworkAsTheyAre() throws {
        let session = try means()
        let image = (0..<48).map { Float($0) }
        #expect(session.logits.isEmpty)
        try session.run(planar: image.span)
        #expect(session.logits == [7.5, 23.5])
        #expect(session.top(5) == [.init(index: 1, value: 23.5), .init(index: 0, value: 7.5)])
        #expect(session.withLogits { $0.count } == 2)
    }

    @Test(arguments: [PixelLayout.planar, .interleaved])
    func pixelsAreNormalisedAndResized(layout: PixelLayout) throws {
        let session = try means()
        let (height, width) = (6, 8)
        let colours: [UInt8] = [255, 51, 7]
        let pixels = (0..<3 * height * width).map { place in
            layout == .planar ? colours[place / (height * width)] : colours[place % 3]
        }
        try session.run(pixels: pixels.span, height: height, width: width, layout: layout)
        // (255 / 255 - 0.5) / 0.5 and (51 / 255 - 0.5) / 0.25
        #expect(abs(session.logits[0] - 1) < 1e-5 && abs(session.logits[1] + 1.2) < 1e-5, "\(session.logits)")
    }

    @Test func encodedPicturesAreDecoded() throws {
        let session = try means()
        let path = Packages.root + "/Tests/DatasetsTests/Fixtures/colour.png"
        try session.run(encoded: Array(try #require(FileManager.default.contents(atPath: path))))
        #expect(session.logits.count == 2 && session.logits.allSatisfy { (-2.0...2.0).contains($0) })
        let failure = #expect(throws: ShoalFailure.self) { try session.run(encoded: [1, 2, 3]) }
        #expect(failure == ShoalFailure(.image, "the picture is neither a JPEG nor a PNG"))
        let cut = #expect(throws: ShoalFailure.self) { try session.run(encoded: [0xFF, 0xD8, 0xFF, 0xE0, 0]) }
        #expect(cut?.kind == .image)
    }

    @Test(arguments: ["Flatten", "Sin"]) func imagesMayBeRectangles(last: String) throws {
        let path = try packages.network(weights: [1, 0, 0, 0, 1, 0], height: 2, width: 6, last: last)
        let session = try InferenceSession(try Model(path).prepare())
        #expect((session.points[0].height, session.points[0].width) == (2, 6))
        try session.run(planar: [Float](repeating: 0.5, count: 36).span)
        #expect(abs(session.logits[0] - (last == "Sin" ? sin(0.5) : 0.5)) < 1e-6)
        let picture = Packages.root + "/Tests/DatasetsTests/Fixtures/grey.jpg"
        try session.run(encoded: Array(try #require(FileManager.default.contents(atPath: picture))))
        try session.run(pixels: [UInt8](repeating: 9, count: 90).span, height: 5, width: 6)
        #expect(session.logits.count == 2)
    }

    @Test func networksWithoutKernelsRunByDefinitions() throws {
        let session = try means(last: "Sin")
        #expect(session.points[0].slowBecause?.isEmpty == false)
        try session.run(planar: [Float](repeating: 0.25, count: 48).span)
        #expect(session.logits.count == 2 && abs(session.logits[0] - sin(0.25)) < 1e-6)
    }

    @Test func argumentsAreChecked() throws {
        let session = try means()
        let short = [Float](repeating: 0, count: 47)
        let bytes = [UInt8](repeating: 0, count: 48)
        #expect(throws: ShoalFailure(.argument, "operating point 1 of 1")) { try session.activate(1) }
        #expect(throws: ShoalFailure(.argument, "operating point -1 of 1")) { try session.activate(-1) }
        #expect(throws: ShoalFailure(.image, "47 values, the operating point reads 3 x 4 x 4")) {
            try session.run(planar: short.span)
        }
        for (height, width) in [(4, 5), (0, 0), (-4, -4), (1 << 40, 1 << 40), (Int.max, 2)] {
            #expect(throws: ShoalFailure.self) { try session.run(pixels: bytes.span, height: height, width: width) }
        }
        #expect(throws: ShoalFailure(.image, "16385 x 1 pixels, 1 to 16384 a side are taken")) {
            try session.run(pixels: [UInt8](repeating: 0, count: 3 * 16_385).span, height: 16_385, width: 1)
        }
        #expect(throws: ShoalFailure.self) { try InferenceSession([]) }
        #expect(throws: ShoalFailure.self) { try InferenceSession(session.points, threads: 0) }
        #expect(throws: ShoalFailure.self) { try InferenceSession(session.points, threads: 65) }
    }

    /// Two subnets of two resolutions, on one thread and two: the engine's own results, and not one allocation.
    @Test(arguments: [1, 2])
    func switchingAndRunningAllocateNothing(threads: Int) throws {
        let path = try packages.supernet()
        let model = try Model(path)
        var small = try #require(model.subnets.first)
        small.resolution = 20
        let points = try model.prepare([small] + model.subnets)
        let session = try InferenceSession(points, threads: threads)
        let supernet = try SupernetFile(path).supernet
        let expected = try points.map { point in
            let subnet = try #require(point.subnet)
            let configuration = SubnetConfiguration(
                resolution: subnet.resolution, depths: subnet.depths, kernelSizes: subnet.kernelSizes,
                expandRatios: subnet.expandRatios)
            let plan = try supernet.plan(
                configuration, statistics: supernet.checkpointStatistics(for: configuration),
                kernels: try KernelSet.selected())
            let alone = Session(for: [plan])
            let image = Self.image(point.inputCount)
            return withExtendedLifetime(alone) { image.withUnsafeBufferPointer { Array(alone.run(plan, on: $0)) } }
        }
        let images = points.map { Self.image($0.inputCount) }
        let pixels = [UInt8](repeating: 90, count: 28 * 28)
        for place in points.indices {
            try session.activate(place)
            try session.run(pixels: pixels.span, height: 28, width: 28)
        }
        var sums = [Float](repeating: 0, count: 40)
        var wrong = 0
        ca_begin()
        for round in 0..<40 {
            let place = round % 2
            let image = images[place]
            try session.activate(place)
            try session.run(pixels: pixels.span, height: 28, width: 28)
            try session.run(planar: image.span)
            session.withLogits { logits in
                for index in logits.indices where logits[index] != expected[place][index] { wrong += 1 }
                sums[round] = logits[0]
            }
        }
        let allocations = ca_count()
        #expect(wrong == 0)
        #expect(allocations == 0 && ca_is_counting() != 0, "\(allocations) allocations in 40 switches and 80 runs")
        #expect(Set(sums).count == 2)
    }

    private static func image(_ count: Int) -> [Float] { (0..<count).map { Float($0 % 31) / 16 - 1 } }
}
