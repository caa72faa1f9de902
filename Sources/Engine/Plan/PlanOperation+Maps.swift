import CKernels

/// What operations that rearrange, combine and normalise maps need beyond two maps.
///
/// @unchecked because the pointers lead to tables that are immutable and kept alive by the plan.
struct MapParameters: @unchecked Sendable {
    /// Runs of channels of a gather, or taps of rows.
    var first: UnsafeRawPointer?
    /// Starts of each block's runs, or taps of columns.
    var second: UnsafeRawPointer?
    /// Of each run of a gather, where the map begins that it is taken from, as `Int64`.
    var origins: UnsafeRawPointer?
    var combination = CK_ADD
    var operand = CK_EACH
    var isReversed = false
    var isChannelsLast = false
    var interleaving = (stride: 1, top: 0, left: 0)
    var epsilon: Float = 0
    var groups = 1
    var weightStride = 0
}

extension PlanOperation {
    func performMap(in arena: UnsafeMutablePointer<Float>, _ part: Int32, _ parts: Int32) {
        switch kind {
        case .fromRows, .toRows:
            let map = kind == .fromRows ? output : input
            var call = ck_rows(
                input: arena + inputOffset, output: arena + outputOffset, pixels: Int32(map.pixels),
                channels: Int32(map.channels), channels_last: maps.isChannelsLast ? 1 : 0)
            function(&call, part, parts)
        case .gather: performGather(in: arena, part, parts)
        case .resample: performResample(in: arena, part, parts)
        case .interleave:
            var call = ck_interleave(
                input: arena + inputOffset, output: arena + outputOffset, input_height: Int32(input.height),
                input_width: Int32(input.width), output_height: Int32(output.height),
                output_width: Int32(output.width), stride: Int32(maps.interleaving.stride),
                top: Int32(maps.interleaving.top), left: Int32(maps.interleaving.left), blocks: Int32(output.blocks))
            function(&call, part, parts)
        case .combine: performCombine(in: arena, part, parts)
        case .affine:
            var call = ck_affine(
                input: arena + inputOffset, output: arena + outputOffset, epilogue: epilogue(in: arena),
                pixels: Int32(output.pixels), blocks: Int32(output.blocks))
            function(&call, part, parts)
        case .softmax, .layerNorm:
            var call = ck_across(
                input: arena + inputOffset, output: arena + outputOffset,
                epilogue: kind == .layerNorm ? epilogue(in: arena) : ck_epilogue(), pixels: Int32(output.pixels),
                channels: Int32(output.channels), epsilon: maps.epsilon)
            function(&call, part, parts)
        case .grouped: performGrouped(in: arena, part, parts)
        case .filter:
            var call = ck_filter(
                input: arena + inputOffset, output: arena + outputOffset, weights: weights,
                epilogue: epilogue(in: arena), window: window.call, input_height: Int32(input.height),
                input_width: Int32(input.width), output_height: Int32(output.height),
                output_width: Int32(output.width), blocks: Int32(output.blocks))
            function(&call, part, parts)
        default: preconditionFailure("\(kind) is no operation on maps")
        }
    }

    private func performGather(in arena: UnsafeMutablePointer<Float>, _ part: Int32, _ parts: Int32) {
        var call = ck_gather(
            arena: arena, output: arena + outputOffset, lanes: maps.first?.assumingMemoryBound(to: ck_lanes.self),
            starts: maps.second?.assumingMemoryBound(to: Int32.self), pixels: Int32(output.pixels),
            blocks: Int32(output.blocks))
        function(&call, part, parts)
    }

    private func performResample(in arena: UnsafeMutablePointer<Float>, _ part: Int32, _ parts: Int32) {
        var call = ck_resample(
            input: arena + inputOffset, output: arena + outputOffset,
            rows: maps.first?.assumingMemoryBound(to: ck_tap.self),
            columns: maps.second?.assumingMemoryBound(to: ck_tap.self), input_height: Int32(input.height),
            input_width: Int32(input.width), output_height: Int32(output.height), output_width: Int32(output.width),
            blocks: Int32(output.blocks))
        function(&call, part, parts)
    }

    private func performCombine(in arena: UnsafeMutablePointer<Float>, _ part: Int32, _ parts: Int32) {
        var call = ck_combine(
            left: arena + inputOffset, right: residualOffset < 0 ? weights : UnsafePointer(arena + residualOffset),
            output: arena + outputOffset, pixels: Int32(output.pixels), blocks: Int32(output.blocks),
            channels: Int32(output.channels),
            combination: Int32(bitPattern: maps.combination.rawValue),
            operand: Int32(bitPattern: maps.operand.rawValue), is_reversed: maps.isReversed ? 1 : 0,
            activation: Int32(bitPattern: activation.rawValue), first: parameters.first, second: parameters.second)
        function(&call, part, parts)
    }

    private func performGrouped(in arena: UnsafeMutablePointer<Float>, _ part: Int32, _ parts: Int32) {
        let lanes = Int(CK_LANES)
        let channels = (input.channels + maps.groups - 1) / maps.groups
        let group = ck_convolution(
            input: arena + inputOffset, output: arena + outputOffset, weights: weights, epilogue: epilogue(in: arena),
            window: window.call, input_height: Int32(input.height), input_width: Int32(input.width),
            output_height: Int32(output.height), output_width: Int32(output.width), input_channels: Int32(channels),
            output_blocks: Int32(output.blocks / maps.groups))
        var call = ck_grouped(
            group: group, groups: Int32(maps.groups), input_blocks: Int32((channels + lanes - 1) / lanes),
            weight_stride: Int64(maps.weightStride))
        function(&call, part, parts)
    }
}
