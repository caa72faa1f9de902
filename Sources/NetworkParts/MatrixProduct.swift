import Engine
import CKernels
import Graphs

/// Products of two computed matrices, as in attention, by a kernel: sums in 32-bit floats, in the order of the inner
/// dimension.
struct MatrixProduct: Sendable {
    private let function: ck_function
    /// As profiles show it.
    let kernelName: String

    init(_ kernels: KernelSet) {
        function = kernels.kernel(CK_OP_PRODUCT)
        kernelName = "f32-product-\(kernels.instructionSet.rawValue)"
    }

    /// Whether a node is one that `result` computes.
    static func covers(_ node: Node, _ types: [String: ValueType]) -> Bool {
        node.operatorName == "MatMul" && node.inputs.allSatisfy { types[$0]?.element == .float32 }
    }

    /// The node's result, or `nil` where its definition has to compute or refuse it.
    func result(of call: OperatorCall, in session: Session) -> [TensorValue]? {
        guard call.node.operatorName == "MatMul", call.node.inputs.count == 2,
            case .float32(let left)? = call.known(0)?.elements, case .float32(let right)? = call.known(1)?.elements,
            let shapes = try? MatrixShapes(call.shape(0), call.shape(1)), shapes.inner > 0
        else { return nil }
        let sizes = [left.count, right.count, shapes.output.reduce(1, *)]
        guard sizes.allSatisfy({ 1...Int(Int32.max) ~= $0 }) else { return nil }
        let leftOffsets = shapes.firstMatrices.map { Int64($0 * shapes.rows * shapes.inner) }
        let rightOffsets = shapes.secondMatrices.map { Int64($0 * shapes.inner * shapes.columns) }
        let product = [Float](unsafeUninitializedCapacity: sizes[2]) { output, count in
            left.withUnsafeBufferPointer { left in
                right.withUnsafeBufferPointer { right in
                    leftOffsets.withUnsafeBufferPointer { leftOffsets in
                        rightOffsets.withUnsafeBufferPointer { rightOffsets in
                            let call = ck_product(
                                left: left.baseAddress, right: right.baseAddress, output: output.baseAddress,
                                left_offsets: leftOffsets.baseAddress, right_offsets: rightOffsets.baseAddress,
                                products: Int32(leftOffsets.count), rows: Int32(shapes.rows),
                                inner: Int32(shapes.inner), columns: Int32(shapes.columns))
                            session.share(call, of: 2 * sizes[2] * shapes.inner, with: function)
                        }
                    }
                }
            }
            count = sizes[2]
        }
        return [TensorValue(shape: shapes.output, .float32(product))]
    }
}
