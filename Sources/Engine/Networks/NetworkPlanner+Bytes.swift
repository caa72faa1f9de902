import CKernels
import Fusion
import Graphs

/// Steps that read or leave maps of bytes.
extension NetworkPlanner {
    func readsBytes(_ step: FusedStep) -> Bool { step.inputs.contains { byteScales[$0] != nil } }

    // MARK: Image

    /// The step that rounds the image for the one convolution that reads it, and that convolution.
    var bytesOfImage: (rounding: Int, convolution: FusedConvolution)? {
        let readers = readers(of: network.input)
        guard readers.count == 1, network.inputs.count == 1, network.inputs[0].layout == .channelsFirst,
            network.inputShape.channels <= 4, case let rounding = network.steps[readers[0]],
            rounding.work == .nothing, rounding.finish.isPlain, rounding.outputQuantization != nil,
            rounding.output != network.output, case let later = self.readers(of: rounding.output), later.count == 1,
            network.steps[later[0]].inputs == [rounding.output],
            network.steps[later[0]].finish.residual?.value != rounding.output,
            case .convolution(let convolution) = network.steps[later[0]].work, convolution.groups == 1,
            convolution.integers != nil
        else { return nil }
        return (readers[0], convolution)
    }

    // MARK: Steps

    mutating func lowerBytes(_ index: Int) throws(GraphFailure) {
        let step = network.steps[index]
        let target = step.outputQuantization.map { ByteScale($0) }
        let result: PlanBuilder.Map
        switch step.work {
        case .convolution(let convolution): return try convolveBytes(index, convolution, target)
        case .maximum(let window): result = try largestBytes(step, Window(window), target)
        case .average(let window, let countsPadding):
            let (map, scale) = try bytes(step, 0)
            result = builder.quantizedPool(
                step.name, map, .average(countsBorder: countsPadding), Window(window), from: scale, to: target)
        case .globalAverage:
            let (map, scale) = try bytes(step, 0)
            let window = Window(kernel: .init(map.shape.height, map.shape.width))
            result = builder.quantizedPool(
                step.name, map, .average(countsBorder: false), window, from: scale, to: target)
        case .addition:
            result = builder.quantizedAdd(
                step.name, try bytes(step, 0), try bytes(step, 1), step.finish.activation, to: target)
        case .scaling:
            guard let target else { throw GraphFailure("is a product of bytes that is real") }
            result = builder.quantizedScale(step.name, try bytes(step, 0), by: try bytes(step, 1), to: target)
        case .lookup(let values): result = try looked(step, values, target)
        case .nothing: result = try converted(step, target)
        default: throw GraphFailure("is not covered by kernels of bytes")
        }
        keep(result, as: step.output, after: index)
    }

    private mutating func keep(_ map: PlanBuilder.Map, as name: String, after index: Int) {
        maps[name] = map
        release(after: index)
    }

    private func bytes(_ step: FusedStep, _ position: Int) throws(GraphFailure) -> (PlanBuilder.Map, ByteScale) {
        let map = try input(step, position)
        guard let scale = byteScales[step.inputs[position]] else {
            throw GraphFailure("reads \(step.inputs[position].printable), which is not of 8 bits")
        }
        return (map, scale)
    }

    /// The bytes of the largest values, by their own scale at first.
    private mutating func largestBytes(
        _ step: FusedStep, _ window: Window, _ target: ByteScale?
    ) throws(GraphFailure) -> PlanBuilder.Map {
        let (map, scale) = try bytes(step, 0)
        let largest = builder.quantizedPool(step.name, map, .max, window, from: scale, to: scale)
        if target == scale, step.finish.activation == .none { return largest }
        let result: PlanBuilder.Map
        if let target {
            let table = (0...255).map { byte in
                let value = scale.scale * Float(byte - scale.zero)
                return UInt8(target.byte(of: step.finish.activation.value(at: value)))
            }
            result = builder.lookup(step.name + ".rounding", largest, table)
        } else {
            result = builder.quantizedAdd(step.name, (largest, scale), nil, step.finish.activation, to: nil)
        }
        builder.release(largest)
        return result
    }

    private mutating func looked(
        _ step: FusedStep, _ values: [Float], _ target: ByteScale?
    ) throws(GraphFailure) -> PlanBuilder.Map {
        let (map, _) = try bytes(step, 0)
        if let table = table(of: step) { return builder.lookup(step.name, map, table) }
        return builder.lookup(step.name, map, reals: values.map { step.finish.activation.value(at: $0) })
    }

    private mutating func converted(
        _ step: FusedStep, _ target: ByteScale?
    ) throws(GraphFailure) -> PlanBuilder.Map {
        if let image = bytesOfImage, network.steps[image.rounding].output == step.output, let target {
            return builder.quantizedImage(step.name, border: Window(image.convolution.window).border, target)
        }
        if byteScales[step.inputs[0]] == nil {
            guard let target else { throw GraphFailure("rounds nothing") }
            return builder.quantize(step.name, try input(step, 0), to: target)
        }
        let source = try bytes(step, 0)
        if let table = table(of: step) { return builder.lookup(step.name, source.0, table) }
        return builder.quantizedAdd(step.name, source, nil, step.finish.activation, to: target)
    }

    /// Bytes for bytes, where the step is a function of single ones.
    private func table(of step: FusedStep) -> [UInt8]? {
        guard let source = step.inputs.first.flatMap({ network.quantizations[$0] }),
            let target = step.outputQuantization, let table = step.table(of: source)
        else { return nil }
        // The table begins with the least integer, which is byte 0.
        return table.map { UInt8($0 + (target.isSigned ? 128 : 0)) }
    }

    // MARK: Convolutions

    private mutating func convolveBytes(
        _ index: Int, _ convolution: FusedConvolution, _ target: ByteScale?
    ) throws(GraphFailure) {
        let step = network.steps[index]
        let (input, source) = try bytes(step, 0)
        guard let integers = convolution.integers else { throw GraphFailure("has weights that are not of 8 bits") }
        let filter = weights.quantized(step.output) {
            QuantizedConvolution(
                values: integers.values, inputChannels: convolution.inputChannels,
                outputChannels: convolution.outputChannels, window: Window(convolution.window),
                isDepthwise: convolution.isDepthwise, zero: source.zero)
        }
        let scale = (0..<convolution.outputChannels).map {
            source.scale * integers.scales[$0] * convolution.scale[$0]
        }
        var finish = PlanBuilder.QuantizedFinish(activation: step.finish.activation, residual: nil, output: target)
        if let residual = step.finish.residual {
            guard let map = maps[residual.value], let scale = byteScales[residual.value] else {
                throw GraphFailure("adds \(residual.value.printable), which is not of 8 bits")
            }
            finish.residual = (map, scale, residual.isActivated)
        }
        let following = target == nil ? nil : tabled(after: index)
        finish.table = following?.table
        let result: PlanBuilder.Map
        if let image = bytesOfImage, network.steps[image.rounding].output == step.inputs[0] {
            let shape = PlanOperation.Shape(step.shape)
            result = builder.convolved(
                step.name, input, input.shape, filter, scale, convolution.shift, source, finish, to: shape,
                isImage: true)
        } else {
            result = builder.quantizedConvolution(
                step.name, input, filter, scale: scale, shift: convolution.shift, from: source, finish)
        }
        if let following { done.insert(following.step) }
        keep(result, as: following.map { network.steps[$0.step].output } ?? step.output, after: index)
    }

    /// The only reader of a step's bytes, where it is a function of single bytes.
    private func tabled(after index: Int) -> (step: Int, table: [UInt8])? {
        let readers = readers(of: network.steps[index].output)
        guard !keepsSteps, readers.count == 1, network.steps[index].output != network.output,
            let table = table(of: network.steps[readers[0]])
        else { return nil }
        return (readers[0], table)
    }
}
