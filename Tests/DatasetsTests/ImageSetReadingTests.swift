import Datasets
import Engine
import Foundation
import Packages
import Testing

@Suite struct ImageSetReadingTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "shoal-\(UUID())").path()

    init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }

    private func file(_ name: String, _ bytes: [UInt8]) throws -> String {
        let path = folder + "/" + name
        try Data(bytes).write(to: URL(filePath: path))
        return path
    }

    private static func idx(_ shape: [UInt8], _ values: [UInt8]) -> [UInt8] {
        [0, 0, 8, UInt8(shape.count)] + shape.flatMap { [0, 0, 0, $0] } + values
    }

    private static let two = idx([2, 2, 3], Array(0..<12))

    /// `numpy.save` of `uint8` images of the shape (1, 1, 2, 2) and of `int64` labels.
    private static func numpy(_ type: String, _ shape: String, _ values: [UInt8]) -> [UInt8] {
        var header = "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(shape)), }"
        header += String(repeating: " ", count: 117 - header.utf8.count) + "\n"
        return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count), 0] + Array(header.utf8) + values
    }

    @Test func idxImagesAndLabelsAreRead() throws {
        let set = try ImageSet.read(
            images: [try file("i", Self.two)], labels: [try file("l", Self.idx([2], [7, 9]))])

        #expect((set.channels, set.height, set.width, set.count) == (1, 2, 3, 2))
        #expect(set.pixels == Array(0..<12) && set.labels == [7, 9])
    }

    @Test func severalFilesAreJoinedInOrder() throws {
        let other = Self.idx([1, 2, 3], Array(20..<26))
        let set = try ImageSet.read(images: [try file("a", Self.two), try file("b", other)])

        #expect(set.count == 3 && set.pixels.last == 25)
    }

    @Test func cifarRecordsAreRead() throws {
        let record = { (label: UInt8) in [label] + [UInt8](repeating: label * 20, count: 3072) }
        let set = try ImageSet.read(images: [try file("c", record(3) + record(9))])

        #expect((set.channels, set.height, set.count) == (3, 32, 2))
        #expect(set.labels == [3, 9] && set.pixels[3072] == 180)
    }

    @Test func numpyImagesAndLabelsAreRead() throws {
        let images = Self.numpy("|u1", "1, 1, 2, 2", [1, 2, 3, 4])
        let labels = Self.numpy("<i8", "1,", [5, 0, 0, 0, 0, 0, 0, 0])
        let set = try ImageSet.read(images: [try file("i.npy", images)], labels: [try file("l.npy", labels)])

        #expect(set.pixels == [1, 2, 3, 4] && set.labels == [5])
    }

    /// Channels that are last are in none of the places where channels are looked for.
    @Test func theOrderOfAxesIsSaidWhereChannelsDoNotFit() throws {
        let path = try file("l.npy", Self.numpy("|u1", "2, 8, 8, 3", [UInt8](repeating: 0, count: 384)))
        let set = try ImageSet.read(images: [path])
        let refusal = "images have 8 channels, the network reads 3"
        let hint = "; the shape [2, 8, 8, 3] is read as images x channels x height x width"
        #expect(throws: DatasetFailure(file: path, reason: refusal + hint)) {
            try ImagePreprocessor.check(set, file: path, channels: 3)
        }
        #expect(throws: DatasetFailure(file: path, reason: "images have 8 channels, the network reads 1")) {
            try ImagePreprocessor.check(set, file: path, channels: 1)
        }
    }

    @Test(arguments: [("|u1", "0, 3, 2, 2", "[0, 3, 2, 2]"), ("<f4", "4, 33554432", "[4, 33554432]")])
    func numpyShapesAreRefusedAsTheyStand(type: String, shape: String, named: String) throws {
        let path = try file("e.npy", Self.numpy(type, shape, []))
        #expect(
            throws: DatasetFailure(file: path, reason: "has the shape \(named); dimensions are 1 to 16777216")
        ) { try ImageSet.read(images: [path]) }
    }

    @Test func picturesBecomeGreyForOneChannel() throws {
        let path = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/grey.png").path()
        let size = ImageSize(height: 6, width: 8)
        let grey = try ImageSet.read(images: [path], fittingPhotosTo: size, channels: 1)
        let colour = try ImageSet.read(images: [path], fittingPhotosTo: size, channels: 3)
        #expect((grey.channels, grey.height, grey.width) == (1, 6, 8) && colour.channels == 3)
        #expect(colour.pixels == grey.pixels + grey.pixels + grey.pixels)
    }

    @Test func logitsAreWrittenAsNumpy() throws {
        let path = folder + "/out.npy"
        try NumpyFile.write([1, 2, 3, 4, 5, 6], shape: [2, 3], to: path)

        let bytes = try Data(contentsOf: URL(filePath: path))
        #expect(bytes.count % 64 == 24 && bytes.prefix(6) == Data([0x93] + Array("NUMPY".utf8)))
        #expect(String(decoding: bytes, as: UTF8.self).contains("'shape': (2, 3)"))
    }

    @Test(
        arguments: [
            ([0xFF, 0xD8, 0xFF, 0xE0], "can be decoded"), ([0x89, 0x50, 0x4E, 0x47], "is not a PNG"),
            ([1, 2, 3], "none of the formats"), ([], "none of the formats"), ([0, 0, 8, 3, 0, 0], "cut short"),
            (idx([2, 2, 3], Array(0..<11)), "11 bytes of values"), (idx([0, 2, 3], []), "shape [0, 2, 3]"),
            (idx([3], [1, 2, 3]), "not images"), ([0x1F, 0x8B, 8, 0, 1, 2], "not a whole gzip stream"),
            (numpy("<f4", "1, 1, 1", [0, 0, 0, 0]), "holds <f4 values"),
            (numpy("|u1", "1, 2, 2", [1]), "1 bytes of values"),
        ] as [([UInt8], String)])
    func whatCannotBeReadIsRefusedWithTheReason(bytes: [UInt8], reason: String) throws {
        let path = try file("bad", bytes)
        let failure = #expect(throws: DatasetFailure.self) { try ImageSet.read(images: [path]) }
        #expect(failure?.file == path)
        #expect(failure?.reason.contains(reason) == true, "\(failure?.reason ?? "")")
    }

    @Test func labelsForOtherImagesAreRefused() throws {
        let images = try file("i", Self.two)
        let labels = try file("l", Self.idx([3], [7, 9, 1]))
        #expect(throws: DatasetFailure(file: labels, reason: "3 labels for 2 images")) {
            try ImageSet.read(images: [images], labels: [labels])
        }
        let text = try file("t", Array("1\nx\n".utf8))
        #expect(throws: DatasetFailure(file: text, reason: "line 2 does not begin with a class number")) {
            try ImageSet.read(images: [images], labels: [text])
        }
    }

    @Test func mutatedFilesNeverCrash() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("ImageSetReadingTests seed \(seed)")
        var state = seed
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let good = [Self.two, Self.numpy("|u1", "1, 1, 2, 2", [1, 2, 3, 4])]
        for _ in 0..<3_000 {
            var bytes = good[random(good.count)]
            for _ in 0...random(4) { bytes[random(bytes.count)] = UInt8(random(256)) }
            bytes.removeLast(random(4))
            _ = try? ImageSet.read(images: [try file("mutated", bytes)])
        }
    }

    static let fashion = "/usr/share/datasets/fashion-mnist"

    @Test(.enabled(if: !fashionFiles.isEmpty, "Debian package dataset-fashion-mnist is not installed"))
    func fashionMNISTIsReadFromItsGzipFiles() throws {
        let set = try ImageSet.read(images: [Self.fashionFiles[0]], labels: [Self.fashionFiles[1]])

        #expect((set.channels, set.height, set.width, set.count) == (1, 28, 28, 10_000))
        #expect(set.labels?.prefix(5) == [9, 2, 1, 1, 6])
    }

    static let fashionFiles: [String] = {
        let files = ["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"].map { fashion + "/" + $0 }
        return files.allSatisfy { FileManager.default.isReadableFile(atPath: $0) } ? files : []
    }()
}
