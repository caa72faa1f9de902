public import CKernels
import Glibc

/// The kernels of one instruction set, with the processor's features that they may use: what a plan is made with.
public struct KernelSet: Sendable {
    public let instructionSet: InstructionSet
    public let features: ProcessorFeatures
    /// Measured preferences for floats; where there is none, the cost models decide.
    public var choices = KernelChoices()
    /// By element and operation.
    private let functions: [[ck_function?]]
    /// By element.
    private let tilings: [PointwiseTiling?]

    /// - Precondition: the machine supports the set and has the features.
    /// - Parameters:
    ///   - features: without one, kernels that need it give way to those that do its work with the set alone.
    ///   - pointwise: name of the only pointwise row to use; the best for each shape without it.
    public init(
        _ instructionSet: InstructionSet, features: ProcessorFeatures = .available, pointwise name: String? = nil
    ) {
        precondition(instructionSet.isSupported, "\(instructionSet) is not supported here")
        precondition(ProcessorFeatures.available.isSuperset(of: features), "\(features) are not supported here")
        self.instructionSet = instructionSet
        self.features = features
        let rows = KernelTable.rows.filter {
            $0.instruction_set == instructionSet.code
                && features.isSuperset(of: ProcessorFeatures(rawValue: $0.features))
        }
        functions = MapElement.allCases.map { element in
            var functions = [ck_function?](repeating: nil, count: Int(CK_OPERATION_COUNT.rawValue))
            // A later row is the faster one.
            for row in rows where row.element == element.code { functions[Int(row.operation.rawValue)] = row.function }
            return functions
        }
        tilings = MapElement.allCases.map { element in
            PointwiseTiling(
                rows.filter { row in
                    row.element == element.code && (name == nil || String(cString: row.name) == name)
                })
        }
    }

    /// Whether there is a kernel for maps of this element.
    public func covers(_ operation: ck_operation, _ element: MapElement) -> Bool {
        functions[Int(element.code.rawValue)][Int(operation.rawValue)] != nil
    }

    /// The fastest kernel for an operation on maps of this element.
    /// - Precondition: the table has a row for it in this set.
    package func kernel(_ operation: ck_operation, _ element: MapElement = .float32) -> ck_function {
        guard let function = functions[Int(element.code.rawValue)][Int(operation.rawValue)] else {
            preconditionFailure("no kernel for operation \(operation.rawValue) on \(element) in \(instructionSet)")
        }
        return function
    }

    /// The pointwise kernel whose micro-tile suits a shape.
    func pointwise(_ input: PlanOperation.Shape, outputs: Int, _ element: MapElement = .float32) -> ck_function {
        let tiling = tiling(element)
        if element == .float32, let way = choices.ways[KernelChoices.Shape(.pointwise, input, outputs: outputs)],
            let tile = tiling.tiles.first(where: { $0.name == way })
        {
            return tile.function
        }
        return tiling.best(pixels: input.pixels, blocks: (outputs + Int(CK_LANES) - 1) / Int(CK_LANES)).function
    }

    private func tiling(_ element: MapElement) -> PointwiseTiling {
        guard let tiling = tilings[Int(element.code.rawValue)] else {
            preconditionFailure("no pointwise kernel on \(element) in \(instructionSet)")
        }
        return tiling
    }

    /// Names of the pointwise rows, the one that the cost model chooses first.
    func pointwiseWays(_ input: PlanOperation.Shape, outputs: Int) -> [String] {
        let tiling = tiling(.float32)
        let best = tiling.best(pixels: input.pixels, blocks: (outputs + Int(CK_LANES) - 1) / Int(CK_LANES)).name
        return [best] + tiling.tiles.map(\.name).filter { $0 != best }
    }

    /// The set named by `SHOAL_INSTRUCTION_SET`, unless empty, else the fastest; with what was measured here.
    public static func selected() throws(InstructionSetRefusal) -> KernelSet {
        var kernels = try untuned()
        if let file = KernelChoicesFile.current(kernels.instructionSet) { kernels.choices = file.load() }
        return kernels
    }

    /// The same without what was measured.
    public static func untuned() throws(InstructionSetRefusal) -> KernelSet {
        guard let raw = getenv(InstructionSet.environmentVariable), raw.pointee != 0 else { return KernelSet(.fastest) }
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
