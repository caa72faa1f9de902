public import CKernels
import Glibc

/// One kernel per operation, all of one instruction set: what a plan is made with.
public struct KernelSet: Sendable {
    public let instructionSet: InstructionSet
    private let tiling: PointwiseTiling
    let depthwise: ck_function
    let stem: ck_function
    let pool: ck_function
    let scale: ck_function
    let scaleRows: ck_function
    let dense: DenseKernels
    let maps: MapKernels

    /// - Precondition: the table has a row for every operation in this set, and the machine supports it.
    /// - Parameter pointwise: name of the only pointwise row to use; the best for each shape without it.
    public init(_ instructionSet: InstructionSet, pointwise name: String? = nil) {
        precondition(instructionSet.isSupported, "\(instructionSet) is not supported here")
        func row(_ operation: ck_operation) -> ck_function {
            let found = KernelTable.rows.first {
                $0.operation == operation && $0.instruction_set == instructionSet.code
            }
            guard let function = found?.function else {
                preconditionFailure("no kernel for operation \(operation.rawValue) in \(instructionSet)")
            }
            return function
        }
        self.instructionSet = instructionSet
        tiling = PointwiseTiling(instructionSet, only: name)
        depthwise = row(CK_OP_DEPTHWISE)
        stem = row(CK_OP_STEM)
        pool = row(CK_OP_POOL)
        scale = row(CK_OP_SCALE)
        scaleRows = row(CK_OP_SCALE_ROWS)
        dense = DenseKernels(row)
        maps = MapKernels(row)
    }

    /// The pointwise kernel whose micro-tile suits a shape.
    func pointwise(pixels: Int, outputs: Int) -> ck_function {
        tiling.kernel(pixels: pixels, blocks: (outputs + Int(CK_LANES) - 1) / Int(CK_LANES))
    }

    /// The set named by `SHOAL_INSTRUCTION_SET`, else the fastest.
    public static func selected() throws(InstructionSetRefusal) -> KernelSet {
        guard let raw = getenv(InstructionSet.environmentVariable) else { return KernelSet(.fastest) }
        let name = String(cString: raw)
        guard let set = InstructionSet(rawValue: name), set.isSupported else {
            throw InstructionSetRefusal(requested: name)
        }
        return KernelSet(set)
    }
}

/// The rows of `CKernels`, as Swift sees them.
public enum KernelTable {
    public static var rows: UnsafeBufferPointer<ck_kernel> {
        var count = 0
        let start = ck_kernel_table(&count)
        return UnsafeBufferPointer(start: start, count: count)
    }
}
