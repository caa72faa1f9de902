import CPNG
import Engine
import Graphs

/// PNG through libpng: every depth and colour type, as 8-bit RGB; what is transparent is over black.
enum PNGFile {
    static func decode(_ bytes: [UInt8]) throws(ReadingFailure) -> Photo {
        var image = png_image()
        image.version = UInt32(PNG_IMAGE_VERSION)
        defer { png_image_free(&image) }
        guard png_image_begin_read_from_memory(&image, bytes, bytes.count) != 0 else { throw failure(image) }
        // Without a gamma of their own, 16-bit files mean what 8-bit files mean.
        image.flags |= UInt32(PNG_IMAGE_FLAG_16BIT_sRGB)
        image.format = UInt32(PNG_FORMAT_FLAG_COLOR)
        let (height, width) = (Int(image.height), Int(image.width))
        var pixels = [UInt8](repeating: 0, count: try Photo.checkedCount(height: height, width: width))
        var black = png_color(red: 0, green: 0, blue: 0)
        guard png_image_finish_read(&image, &black, &pixels, 0, nil) != 0 else { throw failure(image) }
        return Photo(height: height, width: width, pixels: pixels)
    }

    private static func failure(_ image: png_image) -> ReadingFailure {
        var message = image.message
        let text = withUnsafeBytes(of: &message) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        return ReadingFailure("is not a PNG that can be decoded: \(text.printable)")
    }
}
