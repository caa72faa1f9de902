import Engine
import Packages

/// NumPy's `.npy`, versions 1 and 2, in C order and little-endian.
public enum NumpyFile {
    static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

    /// Writes 32-bit floats.
    /// - Throws: `DatasetFailure` when the file cannot be written.
    public static func write(_ values: [Float], shape: [Int], to path: String) throws(DatasetFailure) {
        precondition(values.count == shape.reduce(1, *), "\(values.count) values for the shape \(shape)")
        let dimensions = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
        var header = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(dimensions)), }"
        let padding = 64 - (magic.count + 4 + header.utf8.count + 1) % 64
        header += String(repeating: " ", count: padding % 64) + "\n"
        var bytes = magic + [1, 0]
        bytes.append(littleEndian: UInt16(header.utf8.count))
        bytes.append(contentsOf: header.utf8)
        bytes.append(floats: values)
        do { try FileBytes.write(bytes, to: path) } catch { throw DatasetFailure(file: path, reason: error.reason) }
    }

    static func images(_ bytes: consuming [UInt8]) throws(ReadingFailure) -> ImageSet {
        let array = try Layout(copy bytes)
        guard array.type == "|u1" else { throw ReadingFailure("holds \(array.type) values; images are |u1 (bytes)") }
        guard (3...4).contains(array.shape.count) else {
            throw ReadingFailure("has the shape \(array.shape); images are N,H,W or N,C,H,W")
        }
        let rank = array.shape.count
        // In place: there may be a gigabyte of them. Nothing follows the values, which `Layout` has made sure of.
        bytes.removeSubrange(..<array.values.lowerBound)
        return ImageSet(
            channels: rank == 4 ? array.shape[1] : 1, height: array.shape[rank - 2], width: array.shape[rank - 1],
            count: array.shape[0], pixels: bytes)
    }

    static func labels(_ bytes: [UInt8]) throws(ReadingFailure) -> [Int] {
        let array = try Layout(bytes)
        let sizes = ["|u1": 1, "<i4": 4, "<i8": 8]
        guard let size = sizes[array.type], array.shape.count == 1 else {
            throw ReadingFailure("holds \(array.type) values in the shape \(array.shape); labels are a row of integers")
        }
        var reader = ByteReader(bytes, in: array.values)
        var labels: [Int] = []
        for _ in 0..<array.shape[0] {
            let label =
                switch size {
                case 1: Int(try reader.read(UInt8.self))
                case 4: Int(try reader.read(Int32.self))
                default: Int(try reader.read(Int64.self))
                }
            guard label >= 0 else { throw ReadingFailure("holds the label \(label)") }
            labels.append(label)
        }
        return labels
    }

    /// The header of a file and where its values are.
    fileprivate struct Layout {
        let type: String
        let shape: [Int]
        let values: Range<Int>

        init(_ bytes: [UInt8]) throws(ReadingFailure) {
            var reader = ByteReader(bytes)
            _ = try reader.take(NumpyFile.magic.count)
            let version = try reader.read(UInt8.self)
            _ = try reader.read(UInt8.self)
            guard version == 1 || version == 2 else { throw ReadingFailure("has NumPy format version \(version)") }
            let length = version == 1 ? Int(try reader.read(UInt16.self)) : Int(try reader.read(UInt32.self))
            let header = try reader.readText(length)
            guard let type = Self.field("'descr': '", in: header, until: "'"),
                let dimensions = Self.field("'shape': (", in: header, until: ")"),
                Self.field("'fortran_order': ", in: header, until: ",") == "False"
            else { throw ReadingFailure("has a header that is not of an array in C order") }
            var shape: [Int] = []
            for part in dimensions.split(separator: ",") {
                let text = part.filter { $0 != " " }
                if text.isEmpty { continue }
                guard let dimension = Int(text) else { throw ReadingFailure("has the shape (\(dimensions))") }
                shape.append(dimension)
            }
            let size = type.last?.wholeNumberValue ?? 0
            guard (1...8).contains(size) else { throw ReadingFailure("holds values of type \(type)") }
            try ImageShape.check(shape, of: size, bytes: reader.remaining)
            self.type = type
            self.shape = shape
            values = reader.position..<reader.end
        }

        private static func field(_ name: String, in header: String, until end: Character) -> String? {
            guard let start = header.firstRange(of: name)?.upperBound,
                let stop = header[start...].firstIndex(of: end)
            else { return nil }
            return String(header[start..<stop])
        }
    }
}
