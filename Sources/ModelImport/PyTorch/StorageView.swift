import Engine
import Packages

/// A tensor's elements inside the bytes of its storage, checked to lie there.
struct StorageView {
    let elementType: StorageType
    let shape: [Int]
    let count: Int
    private let strides: [Int]
    /// Byte offset of the first element in the file.
    private let start: Int

    init(_ tensor: TensorReference, in place: Range<Int>) throws(ReadingFailure) {
        let storage = tensor.storage
        guard place.count == storage.count * storage.type.size else {
            throw ReadingFailure(
                "its storage has \(place.count) bytes, not the \(storage.count) elements of \(storage.type.size) bytes")
        }
        guard tensor.shape.count == tensor.strides.count, tensor.offset >= 0,
            (tensor.shape + tensor.strides).allSatisfy({ $0 >= 0 })
        else { throw ReadingFailure("shape \(tensor.shape), strides \(tensor.strides) or offset are not valid") }
        guard let extent = Self.extent(tensor), extent.end <= storage.count else {
            throw ReadingFailure(
                "shape \(tensor.shape) with strides \(tensor.strides) at \(tensor.offset) "
                    + "does not fit its storage of \(storage.count) elements")
        }
        elementType = storage.type
        shape = tensor.shape
        count = extent.count
        // A dimension of size 1 is never stepped along, and its stride may be any number.
        strides = zip(tensor.shape, tensor.strides).map { $0 == 1 ? 0 : $1 }
        start = place.lowerBound + (extent.count == 0 ? 0 : tensor.offset * storage.type.size)
    }

    /// Elements of the tensor and the end of the part of the storage that they span, or `nil` on overflow.
    private static func extent(_ tensor: TensorReference) -> (count: Int, end: Int)? {
        guard !tensor.shape.contains(0) else { return (0, 0) }
        var count = 1
        var last = tensor.offset
        for (size, stride) in zip(tensor.shape, tensor.strides) {
            let (product, productOverflow) = count.multipliedReportingOverflow(by: size)
            let (reach, reachOverflow) = (size - 1).multipliedReportingOverflow(by: stride)
            let (sum, sumOverflow) = last.addingReportingOverflow(reach)
            guard !productOverflow, !reachOverflow, !sumOverflow else { return nil }
            (count, last) = (product, sum)
        }
        guard last < Int.max else { return nil }
        return (count, last + 1)
    }

    /// The elements in row-major order as 32-bit floats.
    func values(_ bytes: [UInt8]) -> [Float] {
        if elementType == .float, isContiguous { return bytes.floats(in: start..<start + 4 * count) }
        return bytes.withUnsafeBytes { bytes in
            var index = [Int](repeating: 0, count: shape.count)
            var element = 0
            return (0..<count).map { _ in
                defer { advance(&index, &element) }
                return float(bytes, at: start + element * elementType.size)
            }
        }
    }

    private var isContiguous: Bool {
        var expected = 1
        for (size, stride) in zip(shape, strides).reversed() where size != 1 {
            guard stride == expected else { return false }
            expected *= size
        }
        return true
    }

    /// Moves to the next element, the last dimension first.
    private func advance(_ index: inout [Int], _ element: inout Int) {
        for dimension in shape.indices.reversed() {
            index[dimension] += 1
            element += strides[dimension]
            if index[dimension] < shape[dimension] { return }
            element -= strides[dimension] * shape[dimension]
            index[dimension] = 0
        }
    }

    private func float(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Float {
        switch elementType {
        case .double: Float(bytes.loadUnaligned(fromByteOffset: offset, as: Double.self))
        case .half: Float(bytes.loadUnaligned(fromByteOffset: offset, as: Float16.self))
        case .bfloat16: Float(bitPattern: UInt32(bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self)) << 16)
        case .float: bytes.loadUnaligned(fromByteOffset: offset, as: Float.self)
        case .long, .int, .short, .char, .byte, .bool: preconditionFailure("integers are not converted")
        }
    }
}
