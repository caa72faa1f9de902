import Engine
import Supernets
import NetworkParts

/// Chooses what the masks of one part leave out, from a stream of images without labels.
enum MaskFit {
    /// Blocks of channels, and the weights that make up for those left out.
    /// - Parameter wanted: how many blocks are to be left, for every hook.
    /// - Returns: for every hook, or `nil` where there were too few samples.
    static func channels(
        of part: MaskedPart, _ moments: HiddenMoments, leaving wanted: [Int]
    ) -> [(mask: MapMask, reader: HookState.Filter)]? {
        guard let (mean, covariance) = moments.moments() else { return nil }
        let weights = part.weights.map { Double($0) }
        let outputs = part.bias.count
        guard
            var elimination = BlockElimination(
                weights: weights, outputs: outputs, covariance: covariance,
                channelColumns: moments.columns / moments.channels)
        else { return nil }
        var result = [(mask: MapMask, reader: HookState.Filter)?](repeating: nil, count: wanted.count)
        while true {
            for index in wanted.indices where wanted[index] == elimination.left {
                result[index] = (
                    MapMask(blocks: elimination.blocks, strips: [Bool](repeating: true, count: part.strips)),
                    filter(elimination.weights, weights, mean, part.bias)
                )
            }
            guard elimination.left > max(1, wanted.min() ?? 1) else { break }
            elimination.removeCheapest()
        }
        let found = result.compactMap { $0 }
        return found.count == wanted.count ? found : nil
    }

    /// The bias makes up for the mean of what is left out.
    private static func filter(
        _ fitted: [Double], _ weights: [Double], _ mean: [Double], _ bias: [Float]
    ) -> HookState.Filter {
        let shifted = bias.indices.map { output in
            let start = output * mean.count
            return Float(
                mean.indices.reduce(Double(bias[output])) {
                    $0 + (weights[start + $1] - fitted[start + $1]) * mean[$1]
                })
        }
        return HookState.Filter(weights: fitted.map { Float($0) }, bias: shifted)
    }

    /// Strips that the part changes least, on the mean over all images, are left out.
    /// - Parameter changes: sum over images of the squared change of every strip.
    static func points(of part: MaskedPart, _ changes: [Double], leaving wanted: Int) -> MapMask {
        var mask = MapMask(all: part)
        for strip in changes.indices.sorted(by: { changes[$0] < changes[$1] }).prefix(part.strips - wanted) {
            mask.strips[strip] = false
        }
        return mask
    }

    /// Squared change of every strip from a map to another of the same shape, in the kernels' layout.
    static func changes(
        _ before: UnsafePointer<Float>, _ after: UnsafePointer<Float>, _ part: MaskedPart
    ) -> [Double] {
        let shape = part.output
        let channels = shape.channels
        return (0..<part.strips).map { strip in
            var sum: Float = 0
            for block in 0..<shape.blocks {
                for row in part.rows(of: strip) {
                    let line = ((block * shape.height) + row) * shape.width * 16
                    for value in 0..<shape.width * 16 where block * 16 + value % 16 < channels {
                        let change = after[line + value] - before[line + value]
                        sum += change * change
                    }
                }
            }
            return Double(sum)
        }
    }
}
