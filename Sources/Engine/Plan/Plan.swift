/// How to compute one subnet (or network) at one resolution: kernel calls in order, with every address but the
/// arena's decided beforehand. Immutable; any number of sessions may run it, one arena each.
///
/// Switching between operating points replaces the reference to the plan between two runs, nothing else.
public final class Plan: Sendable {
    /// One operation's part in the network.
    public struct Step: Sendable {
        /// Name of the layer, as in the checkpoint.
        public let name: String
        /// Name of the batch normalisation in its epilogue, `nil` where there is none.
        public let normalization: String?
        /// Steps that belong together: an index into `groups`.
        public let group: Int
    }

    /// A row-major array in the arena.
    public struct Place: Sendable {
        /// Of the graph's value.
        public let name: String
        let offset: Int
        public let count: Int
    }

    public let operations: [PlanOperation]
    public let steps: [Step]
    /// Names of the groups in the order of execution, such as `blocks.3`.
    public let groups: [String]
    public let inputShape: PlanOperation.Shape
    /// Inputs beyond the image, which is the first.
    public let inputs: [Place]
    /// At least one.
    public let outputs: [Place]
    /// Number of values in the first output.
    public let outputCount: Int
    /// Floats that a session's arena must hold.
    public let arenaCount: Int
    public let flops: Int
    let imageBorder: Window.Border
    package let inputOffset: Int
    package let outputOffset: Int
    /// Floats of the largest map that begins where the input or the output does.
    package let endCount: Int
    /// What the operations' pointers lead to.
    private let owners: [AlignedBuffer]
    /// Bytes of packed weights, scales and shifts that the plan reads, each counted once.
    public var weightBytes: Int {
        var seen: Set<UnsafeMutablePointer<Float>> = []
        return owners.reduce(0) { $0 + (seen.insert($1.base).inserted ? $1.byteCount : 0) }
    }

    init(
        operations: [PlanOperation], steps: [Step], groups: [String], inputShape: PlanOperation.Shape,
        imageBorder: Window.Border, outputCount: Int, arenaCount: Int, inputOffset: Int, outputOffset: Int,
        owners: [AlignedBuffer], inputs: [Place], outputs: [Place], endCount: Int
    ) {
        precondition(operations.count == steps.count, "one step per operation")
        self.operations = operations
        self.steps = steps
        self.groups = groups
        self.inputShape = inputShape
        self.imageBorder = imageBorder
        self.outputCount = outputCount
        self.arenaCount = arenaCount
        self.inputOffset = inputOffset
        self.outputOffset = outputOffset
        self.owners = owners
        self.inputs = inputs
        self.outputs = outputs
        self.endCount = endCount
        flops = operations.reduce(0) { $0 + $1.flops }
    }

    /// Writes a planar image (channel, row, column) into an arena, with the border of zeros that its convolution reads.
    public func place(_ image: UnsafeBufferPointer<Float>, in arena: UnsafeMutablePointer<Float>) {
        precondition(image.count == inputShape.channels * inputShape.pixels, "an input of \(image.count) values")
        guard let source = image.baseAddress else { return }
        let (width, height) = (inputShape.width, inputShape.height)
        let border = imageBorder
        let line = border.left + width + border.right
        for channel in 0..<inputShape.channels {
            let plane = arena + inputOffset + channel * (border.top + height + border.bottom) * line
            plane.update(repeating: 0, count: border.top * line)
            for row in 0..<height {
                let start = plane + (border.top + row) * line
                start.update(repeating: 0, count: border.left)
                (start + border.left).update(from: source + (channel * height + row) * width, count: width)
                (start + border.left + width).update(repeating: 0, count: border.right)
            }
            (plane + (border.top + height) * line).update(repeating: 0, count: border.bottom * line)
        }
    }

    /// Writes a further input, row-major, into an arena.
    /// - Parameter index: 0 for the first one after the image.
    public func place(_ values: UnsafeBufferPointer<Float>, at index: Int, in arena: UnsafeMutablePointer<Float>) {
        precondition(values.count == inputs[index].count, "an input of \(values.count) values")
        if let source = values.baseAddress { (arena + inputs[index].offset).update(from: source, count: values.count) }
    }

    /// An output of the last run in this arena, row-major.
    public func output(_ index: Int, in arena: UnsafeMutablePointer<Float>) -> UnsafeBufferPointer<Float> {
        UnsafeBufferPointer(start: arena + outputs[index].offset, count: outputs[index].count)
    }

    /// The first output of the last run in this arena.
    public func output(in arena: UnsafeMutablePointer<Float>) -> UnsafeBufferPointer<Float> {
        UnsafeBufferPointer(start: arena + outputOffset, count: outputCount)
    }
}
