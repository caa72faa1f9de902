import CTurboJPEG
import Engine
import Graphs

/// JPEG through libjpeg-turbo: baseline and progressive, grey or colour.
enum JPEGFile {
    static func decode(_ bytes: [UInt8]) throws(ReadingFailure) -> Photo {
        guard let decoder = tjInitDecompress() else { throw ReadingFailure("no JPEG decoder could be made") }
        defer { tjDestroy(decoder) }
        func failure() -> ReadingFailure {
            ReadingFailure("is not a JPEG that can be decoded: \(String(cString: tjGetErrorStr2(decoder)).printable)")
        }
        var (width, height, subsampling, colours): (Int32, Int32, Int32, Int32) = (0, 0, 0, 0)
        let size = UInt(bytes.count)
        guard tjDecompressHeader3(decoder, bytes, size, &width, &height, &subsampling, &colours) == 0 else {
            throw failure()
        }
        guard colours != TJCS_CMYK.rawValue.signed, colours != TJCS_YCCK.rawValue.signed else {
            throw ReadingFailure("is a JPEG for print (CMYK); convert it to RGB")
        }
        var pixels = [UInt8](
            repeating: 0, count: try Photo.checkedCount(height: Int(height), width: Int(width)))
        // A file that is cut short decodes with a warning; it is refused like any other damage.
        let flags = TJFLAG_STOPONWARNING | TJFLAG_ACCURATEDCT
        let status = tjDecompress2(
            decoder, bytes, size, &pixels, width, 0, height, TJPF_RGB.rawValue.signed, flags)
        guard status == 0 else { throw failure() }
        return Photo(height: Int(height), width: Int(width), pixels: pixels)
    }
}

extension UInt32 {
    /// C's enumerations are imported without a sign, its functions take them with one.
    fileprivate var signed: Int32 { Int32(bitPattern: self) }
}

extension Int32 {
    fileprivate var signed: Int32 { self }
}
