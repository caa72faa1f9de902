/// Images of one size with their labels, as bytes.
public struct ImageSet: Equatable, Sendable {
    public let channels: Int
    public let height: Int
    public let width: Int
    public let count: Int
    /// `count` images one after another, each channel by channel, row by row.
    public let pixels: [UInt8]
    /// One class per image, where the files have them.
    public internal(set) var labels: [Int]?

    /// - Precondition: as many pixels and labels as the shape says.
    public init(channels: Int, height: Int, width: Int, count: Int, pixels: [UInt8], labels: [Int]? = nil) {
        precondition(pixels.count == channels * height * width * count, "\(pixels.count) pixels")
        precondition(labels.map { $0.count == count } ?? true, "labels for other images")
        self.channels = channels
        self.height = height
        self.width = width
        self.count = count
        self.pixels = pixels
        self.labels = labels
    }

    public var imageBytes: Int { channels * height * width }

    /// The first `limit` images.
    public func prefix(_ limit: Int) -> ImageSet {
        let kept = Swift.min(Swift.max(0, limit), count)
        return ImageSet(
            channels: channels, height: height, width: width, count: kept,
            pixels: Array(pixels.prefix(kept * imageBytes)), labels: labels.map { Array($0.prefix(kept)) })
    }

    /// The images in a range of positions.
    public func images(_ range: Range<Int>) -> ImageSet {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "\(range) of \(count) images")
        return ImageSet(
            channels: channels, height: height, width: width, count: range.count,
            pixels: Array(pixels[range.lowerBound * imageBytes..<range.upperBound * imageBytes]),
            labels: labels.map { Array($0[range]) })
    }
}

/// Why a file of images or labels cannot be used.
public struct DatasetFailure: Error, Equatable, Sendable, CustomStringConvertible {
    public let file: String
    public let reason: String

    public init(file: String, reason: String) {
        self.file = file
        self.reason = reason
    }

    public var description: String { "\(file): \(reason)" }
}
