import Engine
import Graphs
import Packages

/// The values of a Darknet `.weights` file, in the order of the layers: a header of three or four 32-bit numbers and
/// the count of images seen, then 32-bit floats.
struct DarknetWeights {
    static let byteLimit = 1 << 31

    private var reader: ByteReader

    init(_ bytes: [UInt8]) throws(ReadingFailure) {
        reader = ByteReader(bytes)
        let (major, minor) = (try reader.read(Int32.self), try reader.read(Int32.self))
        _ = try reader.read(Int32.self)
        guard 0..<1_000 ~= major, 0..<1_000 ~= minor else {
            throw ReadingFailure("has version \(major).\(minor), which is not supported")
        }
        // The count of images seen has 64 bits since version 0.2.
        _ = try reader.take(major * 10 + minor >= 2 ? 8 : 4)
    }

    mutating func next(_ shape: [Int]) throws(GraphFailure) -> TensorValue {
        let count = try GraphLimits.checkedCount(of: shape, .float32)
        guard let range = try? reader.take(4 * count) else {
            throw GraphFailure("the weights end before its \(count) values of shape \(shape)")
        }
        return TensorValue(shape: shape, .float32(reader.bytes.floats(in: range)))
    }

    var remaining: Int { reader.remaining }
}
