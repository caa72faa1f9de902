import CPNG
import Engine
import Graphs

/// PNG through libpng: every depth and colour type, as 8-bit RGB; what is transparent is over black.
///
/// The values are those that the file holds, whatever gamma, chromaticities or profile it states: networks have learnt
/// from what Pillow and OpenCV read, which correct nothing.
enum PNGFile {
    static func decode(_ bytes: [UInt8]) throws(ReadingFailure) -> Photo {
        // libpng would bring the values of a file with a gamma to that of sRGB.
        let bytes = withoutDescriptions(bytes)
        var image = png_image()
        image.version = UInt32(PNG_IMAGE_VERSION)
        defer { png_image_free(&image) }
        guard png_image_begin_read_from_memory(&image, bytes, bytes.count) != 0 else { throw failure(image) }
        // 16-bit files mean what 8-bit files mean.
        image.flags |= UInt32(PNG_IMAGE_FLAG_16BIT_sRGB)
        image.format = UInt32(PNG_FORMAT_FLAG_COLOR)
        let (height, width) = (Int(image.height), Int(image.width))
        var pixels = [UInt8](repeating: 0, count: try Photo.checkedCount(height: height, width: width))
        var black = png_color(red: 0, green: 0, blue: 0)
        guard png_image_finish_read(&image, &black, &pixels, 0, nil) != 0 else { throw failure(image) }
        return Photo(height: height, width: width, pixels: pixels)
    }

    /// The file without the chunks that pixels are not made of (PNG 5.3: length, type, data, check; a small first
    /// letter marks what a reader may leave out). From a chunk on that is cut short all stays, for libpng to refuse.
    private static func withoutDescriptions(_ bytes: [UInt8]) -> [UInt8] {
        let (signature, frame) = (8, 12)
        var kept = Array(bytes.prefix(signature))
        kept.reserveCapacity(bytes.count)
        var start = signature
        while bytes.count - start >= frame {
            let length = bytes[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
            guard length <= bytes.count - start - frame else { break }
            let end = start + length + frame
            let type = bytes[start + 4..<start + 8]
            let isCritical = type.first.map { $0 & 0x20 == 0 } ?? false
            if isCritical || type.elementsEqual("tRNS".utf8) { kept += bytes[start..<end] }
            start = end
        }
        return kept + bytes[min(start, bytes.count)...]
    }

    private static func failure(_ image: png_image) -> ReadingFailure {
        var message = image.message
        let text = withUnsafeBytes(of: &message) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        return ReadingFailure("is not a PNG that can be decoded: \(text.printable)")
    }
}
