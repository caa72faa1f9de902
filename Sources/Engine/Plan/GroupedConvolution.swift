import CKernels

/// Weights of a convolution in groups, for the kernels: groups of fewer channels than a block are joined to whole
/// blocks, with weights of zero between channels of different groups.
public struct GroupedConvolution: Sendable {
    public let window: Window
    public let inputChannels: Int
    public let outputChannels: Int
    /// After joining.
    public let groups: Int
    let weights: AlignedBuffer
    /// Floats from group to group.
    let weightStride: Int

    /// - Parameter weight: `[output][input / groups][kernel row][kernel column]`.
    /// - Precondition: both numbers of channels are multiples of the groups.
    public init(weight: [Float], inputChannels: Int, outputChannels: Int, groups: Int, window: Window) {
        precondition(
            inputChannels % groups == 0 && outputChannels % groups == 0, "\(groups) groups of \(inputChannels)")
        let (inputs, outputs) = (inputChannels / groups, outputChannels / groups)
        precondition(weight.count == outputChannels * inputs * window.taps, "\(weight.count) weights")
        let joined = Self.joined(groups, inputs, outputs)
        self.window = window
        self.inputChannels = inputChannels
        self.outputChannels = outputChannels
        self.groups = groups / joined
        let parts = (0..<groups / joined).map { group in
            Self.dense(weight, group * joined, joined, (inputs, outputs), window)
        }
        weightStride = parts[0].weights.count
        weights = AlignedBuffer(count: parts.count * weightStride)
        for (index, part) in parts.enumerated() {
            (weights.base + index * weightStride).update(from: part.weights.base, count: weightStride)
        }
    }

    /// The fewest groups that are whole blocks together, and divide all.
    private static func joined(_ groups: Int, _ inputs: Int, _ outputs: Int) -> Int {
        let lanes = Int(CK_LANES)
        return (1...groups).first { count in
            groups % count == 0 && (count == groups || count * inputs % lanes == 0 && count * outputs % lanes == 0)
        } ?? groups
    }

    private static func dense(
        _ weight: [Float], _ first: Int, _ joined: Int, _ size: (inputs: Int, outputs: Int), _ window: Window
    ) -> DenseConvolution {
        let (inputs, outputs, taps) = (size.inputs, size.outputs, window.taps)
        var values = [Float](repeating: 0, count: joined * outputs * joined * inputs * taps)
        for group in 0..<joined {
            for output in 0..<outputs {
                let row = (first + group) * outputs + output
                let target = ((group * outputs + output) * joined + group) * inputs * taps
                for index in 0..<inputs * taps { values[target + index] = weight[row * inputs * taps + index] }
            }
        }
        return DenseConvolution(
            weight: values, inputChannels: joined * inputs, outputChannels: joined * outputs, window: window,
            method: .direct)
    }
}
