public import Graphs

/// A part of a network between two places where a single map is all that later steps read.
public struct NetworkSection: Equatable, Sendable {
    public let network: FusedNetwork
    /// The part adds its input to its result, which has the same shape: leaving it out leaves a meaningful map, as in
    /// SkipNet (Wang et al. 2018) and ConvNet-AIG (Veit, Belongie 2018).
    public let isResidual: Bool

    /// Of the step that it begins with.
    public var name: String { network.steps[0].name }
}

extension FusedNetwork {
    /// The network as a chain of parts that cover it: every residual block by itself, what lies between them joined.
    /// Without any residual block a part ends with its second convolution.
    public func sections() -> [NetworkSection] {
        var pieces: [(steps: Range<Int>, isResidual: Bool)] = []
        for end in cuts {
            let steps = (pieces.last?.steps.upperBound ?? 0)..<end
            pieces.append((steps, steps.lowerBound > 0 && section(steps).isResidualBlock))
        }
        let hasBlocks = pieces.contains { $0.isResidual }
        var result: [(steps: Range<Int>, isResidual: Bool)] = []
        for piece in pieces {
            if let last = result.last, !piece.isResidual, !last.isResidual,
                hasBlocks || !beginsPart(piece.steps.lowerBound, after: last.steps)
            {
                result[result.count - 1].steps = last.steps.lowerBound..<piece.steps.upperBound
            } else {
                result.append(piece)
            }
        }
        return result.map { NetworkSection(network: section($0.steps), isResidual: $0.isResidual) }
    }

    /// Of a chain. Parts read maps in blocks of channels, which vectors and the few channels of images are not.
    private func beginsPart(_ step: Int, after last: Range<Int>) -> Bool {
        let map = steps[step - 1].shape
        return map.pixels > 1 && map.channels > 8 && steps[last].count(where: \.isConvolution) >= 2
    }

    /// The network as two that follow each other, cut where a section begins.
    /// - Precondition: a section before which another one lies.
    public func split(before section: Int) -> (first: FusedNetwork, rest: FusedNetwork) {
        let counts = sections().map(\.network.steps.count)
        precondition((1..<counts.count).contains(section), "cut before section \(section) of \(counts.count)")
        let place = counts[..<section].reduce(0, +)
        return (self.section(0..<place), self.section(place..<steps.count))
    }

    /// Numbers of steps after which nothing but the last one's result is read; the number of all steps is among them.
    private var cuts: [Int] {
        var readers: [String: Int] = [:]
        for (index, step) in steps.enumerated() {
            for name in step.reads { readers[name] = index }
        }
        readers[output] = steps.count
        var (cuts, live): ([Int], Set<String>) = ([], readers[input] == nil ? [] : [input])
        for (index, step) in steps.enumerated() {
            if readers[step.output] != nil { live.insert(step.output) }
            live = live.filter { readers[$0, default: -1] > index }
            if live == [step.output] { cuts.append(index + 1) }
        }
        return cuts
    }

    private func section(_ range: Range<Int>) -> FusedNetwork {
        let isFirst = range.lowerBound == 0
        let last = steps[range.upperBound - 1]
        let shape = last.shape
        return FusedNetwork(
            input: isFirst ? input : steps[range.lowerBound - 1].output,
            inputShape: isFirst ? inputShape : steps[range.lowerBound - 1].shape, steps: Array(steps[range]),
            output: last.output,
            outputType: last.output == output
                ? outputType : ValueType(.float32, [1, shape.channels, shape.height, shape.width]))
    }

    private var isResidualBlock: Bool {
        guard let last = steps.last, last.shape == inputShape else { return false }
        return last.finish.residual?.value == input || (last.work == .addition && last.inputs.contains(input))
    }
}
