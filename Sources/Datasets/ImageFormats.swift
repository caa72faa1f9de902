import Engine

/// IDX, the format of MNIST: big-endian magic (type, rank), dimensions, then the values.
enum IDXFile {
    private static let unsignedByte: UInt8 = 8

    static func isIDX(_ bytes: [UInt8]) -> Bool {
        bytes.count >= 4 && bytes[0] == 0 && bytes[1] == 0 && bytes[2] == unsignedByte && (1...4).contains(bytes[3])
    }

    static func images(_ bytes: consuming [UInt8]) throws(ReadingFailure) -> ImageSet {
        let (shape, start) = try checkedHeader(bytes)
        guard shape.count >= 3 else { throw ReadingFailure("holds \(shape.count)-dimensional values, not images") }
        let channels = shape.count == 4 ? shape[1] : 1
        // In place: there may be a gigabyte of them.
        bytes.removeSubrange(..<start)
        return ImageSet(
            channels: channels, height: shape[shape.count - 2], width: shape[shape.count - 1], count: shape[0],
            pixels: bytes)
    }

    static func labels(_ bytes: [UInt8]) throws(ReadingFailure) -> [Int] {
        let (shape, start) = try checkedHeader(bytes)
        guard shape.count == 1 else { throw ReadingFailure("holds \(shape.count)-dimensional values, not labels") }
        return bytes[start...].map { Int($0) }
    }

    /// Length in bytes that the first bytes of a file state of it; `nil` when they are not those of an IDX file.
    static func statedSize(_ head: [UInt8]) throws(ReadingFailure) -> Int? {
        guard isIDX(head) else { return nil }
        let (shape, start) = try header(head)
        return start + (try ImageShape.bytes(of: shape))
    }

    private static func checkedHeader(_ bytes: [UInt8]) throws(ReadingFailure) -> (shape: [Int], start: Int) {
        let (shape, start) = try header(bytes)
        try ImageShape.check(shape, bytes: bytes.count - start)
        return (shape, start)
    }

    private static func header(_ bytes: [UInt8]) throws(ReadingFailure) -> (shape: [Int], start: Int) {
        let rank = Int(bytes[3])
        let start = 4 + 4 * rank
        guard bytes.count >= start else { throw ReadingFailure("is cut short in its header") }
        let shape = (0..<rank).map { dimension in
            bytes[4 + 4 * dimension..<8 + 4 * dimension].reduce(0) { $0 << 8 | Int($1) }
        }
        return (shape, start)
    }
}

/// CIFAR-10's binary records: one label byte and 3 x 32 x 32 pixels, channel by channel.
enum CIFARFile {
    private static let pixelBytes = 3 * 32 * 32
    private static let record = 1 + pixelBytes

    static func isCIFAR(_ bytes: [UInt8]) -> Bool {
        !bytes.isEmpty && bytes.count % record == 0
            && stride(from: 0, to: bytes.count, by: record).allSatisfy { bytes[$0] < 10 }
    }

    static func images(_ bytes: [UInt8]) throws(ReadingFailure) -> ImageSet {
        var pixels: [UInt8] = []
        var labels: [Int] = []
        pixels.reserveCapacity(bytes.count)
        for start in stride(from: 0, to: bytes.count, by: record) {
            labels.append(Int(bytes[start]))
            pixels.append(contentsOf: bytes[start + 1..<start + record])
        }
        return ImageSet(channels: 3, height: 32, width: 32, count: labels.count, pixels: pixels, labels: labels)
    }
}

enum ImageShape {
    /// Largest side of an image, in pixels, and most images in a file.
    private static let dimensionLimit = 1 << 24

    /// Refuses dimensions that are empty, absurd, or do not multiply to the bytes at hand.
    /// - Parameter size: of a value, in bytes.
    static func check(_ shape: [Int], of size: Int = 1, bytes: Int) throws(ReadingFailure) {
        guard try self.bytes(of: shape, size) == bytes else {
            throw ReadingFailure("has \(bytes) bytes of values for the shape \(shape)")
        }
    }

    /// Bytes of the values of a shape.
    /// - Throws: when dimensions are empty or absurd.
    static func bytes(of shape: [Int], _ size: Int = 1) throws(ReadingFailure) -> Int {
        var product = size
        for dimension in shape {
            guard (1...dimensionLimit).contains(dimension) else {
                throw ReadingFailure("has the shape \(shape); dimensions are 1 to \(dimensionLimit)")
            }
            let (next, overflow) = product.multipliedReportingOverflow(by: dimension)
            guard !overflow else { throw ReadingFailure("has the shape \(shape)") }
            product = next
        }
        return product
    }
}
