import Engine

/// One picture of a camera, 8 bits per channel, channels of a pixel side by side as the decoders give them.
struct Photo: Equatable {
    let height: Int
    let width: Int
    /// `height` rows of `width` pixels of three bytes, red first.
    let pixels: [UInt8]

    static let channels = 3
    /// The most pixels of a picture; what a small file claims must not become gigabytes.
    static let pixelLimit = 1 << 26

    /// Decodes a JPEG or PNG, told by the first bytes; `nil` when it is neither.
    static func decode(_ bytes: [UInt8]) throws(ReadingFailure) -> Photo? {
        if bytes.starts(with: [0xFF, 0xD8, 0xFF]) { return try JPEGFile.decode(bytes) }
        if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) { return try PNGFile.decode(bytes) }
        return nil
    }

    static func checkedCount(height: Int, width: Int) throws(ReadingFailure) -> Int {
        guard height > 0, width > 0 else { throw ReadingFailure("is not a JPEG or PNG that can be decoded: no pixels") }
        guard height <= pixelLimit / width else {
            throw ReadingFailure("has \(width) x \(height) pixels, more than \(pixelLimit)")
        }
        return height * width * channels
    }

    /// Its luma by ITU-R BT.601: 0.299 red, 0.587 green, 0.114 blue; grey pixels stay what they are.
    var grey: [UInt8] {
        stride(from: 0, to: pixels.count, by: Self.channels).map { place in
            let (red, green, blue) = (Int(pixels[place]), Int(pixels[place + 1]), Int(pixels[place + 2]))
            return UInt8((299 * red + 587 * green + 114 * blue + 500) / 1_000)
        }
    }

    /// The same picture channel by channel.
    var planar: [UInt8] {
        let count = height * width
        return [UInt8](unsafeUninitializedCapacity: pixels.count) { buffer, initialized in
            for channel in 0..<Self.channels {
                for pixel in 0..<count { buffer[channel * count + pixel] = pixels[pixel * Self.channels + channel] }
            }
            initialized = pixels.count
        }
    }
}
