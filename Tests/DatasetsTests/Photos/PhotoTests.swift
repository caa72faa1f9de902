import CZlib
import Engine
import Foundation
import Packages
import Testing

@testable import Datasets

/// The fixtures are one picture in several formats: 20 x 14 pixels of (12 x, 18 y, 7 (x + y)).
@Suite struct PhotoTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures").path(percentEncoded: false)
    private static let (height, width) = (14, 20)

    private static func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(filePath: folder + "/" + name)))
    }

    private static func expected(_ x: Int, _ y: Int) -> [Int] { [12 * x, 18 * y, 7 * (x + y)] }

    private static func furthest(_ photo: Photo, _ expected: (Int, Int) -> [Int]) -> Int {
        var furthest = 0
        for y in 0..<photo.height {
            for x in 0..<photo.width {
                for (channel, value) in expected(x, y).enumerated() {
                    let found = Int(photo.pixels[(y * photo.width + x) * 3 + channel])
                    furthest = max(furthest, abs(found - value))
                }
            }
        }
        return furthest
    }

    @Test(arguments: [("colour.png", 0), ("colour.jpg", 8), ("progressive.jpg", 8)])
    func colourIsDecoded(name: String, tolerance: Int) throws {
        let photo = try #require(try Photo.decode(try Self.bytes(name)))
        #expect((photo.height, photo.width) == (Self.height, Self.width))
        #expect(Self.furthest(photo, Self.expected) <= tolerance)
    }

    @Test(arguments: [("grey.png", 0), ("grey16.png", 1), ("grey.jpg", 4)])
    func greyBecomesThreeEqualChannels(name: String, tolerance: Int) throws {
        let photo = try #require(try Photo.decode(try Self.bytes(name)))
        #expect(Self.furthest(photo) { x, _ in [12 * x, 12 * x, 12 * x] } <= tolerance)
    }

    /// ITU-R BT.601, as Pillow's mode L; grey pixels stay.
    @Test func lumaIsWeighted() {
        let photo = Photo(height: 1, width: 5, pixels: [255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9, 255, 255, 255])
        #expect(photo.grey == [76, 150, 29, 9, 255])
    }

    @Test func transparentPixelsAreBlack() throws {
        let photo = try #require(try Photo.decode(try Self.bytes("transparent.png")))
        #expect(Self.furthest(photo) { x, y in x < 10 ? Self.expected(x, y) : [0, 0, 0] } == 0)
    }

    /// The file with chunks after its header.
    private static func bytes(_ name: String, with chunks: [(type: String, data: [UInt8])]) throws -> [UInt8] {
        func number(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }
        var bytes = try Self.bytes(name)
        let added = chunks.flatMap { chunk in
            let content = Array(chunk.type.utf8) + chunk.data
            return number(UInt32(chunk.data.count)) + content
                + number(UInt32(crc32(0, content, UInt32(content.count))))
        }
        bytes.insert(contentsOf: added, at: 8 + 12 + 13)
        return bytes
    }

    /// Pillow, torchvision and OpenCV hand over the bytes of the file, too.
    @Test(arguments: ["colour.png", "grey.png", "grey16.png", "palette.png", "transparent.png"])
    func statedColourSpacesChangeNothing(name: String) throws {
        let linear: [UInt8] = [0, 1, 0x86, 0xA0]
        let chromaticities = [31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000].flatMap { value in
            withUnsafeBytes(of: UInt32(value).bigEndian) { Array($0) }
        }
        let plain = try Photo.decode(try Self.bytes(name))
        for chunks in [
            [("gAMA", linear)], [("gAMA", linear), ("cHRM", chromaticities)], [("sRGB", [0])],
            [("gAMA", [0, 0, 0xB1, 0x8F]), ("iCCP", Array("profile".utf8) + [0, 0, 1, 2, 3])],
        ] {
            let bytes = try Self.bytes(name, with: chunks.map { (type: $0.0, data: $0.1) })
            #expect(try Photo.decode(bytes) == plain, "\(chunks.map(\.0))")
        }
    }

    @Test func printColoursAreRefused() throws {
        let bytes = try Self.bytes("print.jpg")
        #expect(throws: ReadingFailure("is a JPEG for print (CMYK); convert it to RGB")) { try Photo.decode(bytes) }
    }

    @Test func otherBytesAreNoPhoto() throws {
        #expect(try Photo.decode([1, 2, 3, 4]) == nil)
        #expect(try Photo.decode([]) == nil)
    }

    @Test(arguments: ["colour.jpg", "progressive.jpg", "grey.jpg", "colour.png", "palette.png"])
    func cutShortFilesAreRefused(name: String) throws {
        let bytes = try Self.bytes(name)
        for count in stride(from: 4, to: bytes.count - 16, by: 7) {
            #expect(throws: ReadingFailure.self, "\(count) of \(bytes.count) bytes") {
                try Photo.decode(Array(bytes.prefix(count)))
            }
        }
    }

    @Test(arguments: [UInt64.random(in: 0...UInt64.max)])
    func mutatedFilesNeverCrash(seed: UInt64) throws {
        var state = seed
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let good = try ["colour.jpg", "progressive.jpg", "palette.png", "grey16.png"].map(Self.bytes)
        for _ in 0..<1_500 {
            var bytes = good[random(good.count)]
            for _ in 0...random(4) { bytes[4 + random(bytes.count - 4)] = UInt8(random(256)) }
            do { _ = try Photo.decode(bytes) } catch { #expect(!error.reason.isEmpty, "seed \(seed)") }
        }
    }

    // MARK: Sets

    @Test func foldersAndLabelsByName() throws {
        let scratch = FileManager.default.temporaryDirectory.appending(path: "shoal photos \(UUID())")
        try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: scratch) }
        for (name, source) in [("b.png", "colour.png"), ("a.JPG", "colour.jpg"), ("c.txt", "grey.png")] {
            try Data(Self.bytes(source)).write(to: scratch.appending(path: name))
        }
        let labels = scratch.appending(path: "labels.tsv")
        try Data("7\tb.png\tn01\tseven\n3\ta.JPG\tn02\tthree\n9\tz.png\tn03\tnine\n".utf8).write(to: labels)
        let folder = scratch.path(percentEncoded: false)

        let set = try ImageSet.read(images: [folder], labels: [labels.path(percentEncoded: false)])
        #expect((set.count, set.channels, set.height, set.width) == (2, 3, 14, 20))
        #expect(set.labels == [3, 7])
        // Channel by channel: the first row of the PNG's red.
        #expect(Array(set.pixels[set.imageBytes..<set.imageBytes + 20]) == (0..<20).map { UInt8(12 * $0) })

        try Data("7\tb.png\n".utf8).write(to: labels)
        #expect(throws: DatasetFailure.self) {
            try ImageSet.read(images: [folder], labels: [labels.path(percentEncoded: false)])
        }
        let square = try ImageSet.read(images: [folder], fittingPhotosTo: ImageSize(8))
        #expect((square.height, square.width) == (8, 8))
    }

    @Test func emptyFoldersAreRefused() throws {
        let scratch = FileManager.default.temporaryDirectory.appending(path: "shoal-\(UUID())")
        try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: scratch) }
        let path = scratch.path(percentEncoded: false)
        #expect(throws: DatasetFailure(file: path, reason: "holds no .jpg, .jpeg or .png")) {
            try ImageSet.read(images: [path])
        }
    }
}
