import CKernels

/// Operations that rearrange, combine and normalise maps.
extension PlanBuilder {
    // MARK: Rows

    /// A further input of the plan, a row-major array.
    mutating func addInput(_ name: String, _ shape: PlanOperation.Shape) -> ArenaLayout.Region {
        let region = layout.allocate(shape.channels * shape.pixels)
        inputs.append(Plan.Place(name: name, offset: region.offset, count: shape.channels * shape.pixels))
        return region
    }

    /// The map that an input holds in rows; the input is released.
    mutating func fromRows(
        _ name: String, _ region: ArenaLayout.Region, _ shape: PlanOperation.Shape, channelsLast: Bool
    ) -> Map {
        let map = allocate(shape)
        let rows = Map(shape: shape, element: .float32, region: region)
        var operation = makeOperation(.fromRows, kernels.kernel(CK_OP_FROM_ROWS), from: rows, to: map)
        operation.maps.isChannelsLast = channelsLast
        append(name, operation, [], nil)
        release(rows)
        return map
    }

    /// The map as a row-major array, one of the plan's outputs. The map may be released afterwards.
    mutating func toRows(_ name: String, _ input: Map, channelsLast: Bool) -> Plan.Place {
        let count = input.shape.channels * input.shape.pixels
        let rows = Map(shape: input.shape, element: .float32, region: layout.allocate(count))
        var operation = makeOperation(
            .toRows, kernels.kernel(CK_OP_TO_ROWS), from: input, to: rows)
        operation.maps.isChannelsLast = channelsLast
        append(name, operation, [], nil)
        return Plan.Place(name: name, offset: rows.region.offset, count: count)
    }

    // MARK: Channels

    /// Neighbouring channels of a map, or of zeros.
    struct Channels {
        let map: Map?
        let first: Int
        let count: Int
    }

    /// A map of these channels, one after another. Those that lie in place in `target` stay there.
    mutating func gather(
        _ name: String, _ channels: [Channels], _ shape: PlanOperation.Shape, into target: Map? = nil
    ) -> Map {
        let map = target ?? allocate(shape)
        let runs = GatheredBlocks(channels, shape, at: map.region.offset)
        for blocks in runs.rangesToCopy {
            let part = Map(
                shape: .init(
                    channels: blocks.count * Int(CK_LANES), height: shape.height, width: shape.width),
                element: .float32,
                region: .init(
                    offset: map.region.offset + blocks.lowerBound * shape.pixels * Int(CK_LANES),
                    count: blocks.count * shape.pixels * Int(CK_LANES)))
            var operation = makeOperation(
                .gather, kernels.kernel(CK_OP_GATHER), from: part, to: part)
            let (lanes, starts, origins) = runs.tables(blocks)
            operation.maps.first = UnsafeRawPointer(lanes.base)
            operation.maps.second = UnsafeRawPointer(starts.base)
            operation.maps.origins = UnsafeRawPointer(origins.base)
            append(name, operation, [lanes, starts, origins], nil)
        }
        return map
    }

    // MARK: Pixels

    mutating func resample(_ name: String, _ input: Map, rows: [ck_tap], columns: [ck_tap]) -> Map {
        let input = copied(name, input, as: .float32)
        let map = allocate(.init(channels: input.shape.channels, height: rows.count, width: columns.count))
        var operation = makeOperation(
            .resample, kernels.kernel(CK_OP_RESAMPLE), from: input, to: map)
        let (rows, columns) = (AlignedBuffer(holding: rows), AlignedBuffer(holding: columns))
        operation.maps.first = UnsafeRawPointer(rows.base)
        operation.maps.second = UnsafeRawPointer(columns.base)
        append(name, operation, [rows, columns], nil)
        releaseCopies()
        return map
    }

    mutating func interleave(
        _ name: String, _ input: Map, to shape: PlanOperation.Shape, stride: Int, top: Int, left: Int
    ) -> Map {
        precondition(input.shape.blocks == shape.blocks * stride * stride, "\(name): \(input.shape) to \(shape)")
        let input = copied(name, input, as: .float32)
        let map = allocate(shape)
        var operation = makeOperation(
            .interleave, kernels.kernel(CK_OP_INTERLEAVE), from: input, to: map)
        operation.maps.interleaving = (stride, top, left)
        append(name, operation, [], nil)
        releaseCopies()
        return map
    }

    // MARK: Elements

    /// - Parameter operand: what `right` is.
    mutating func combine(
        _ name: String, _ left: Map, _ right: Map, _ combination: ck_combination, _ operand: ck_operand,
        isReversed: Bool, _ activation: Activation
    ) -> Map {
        let (left, right) = (copied(name, left, as: .float32), copied(name, right, as: .float32))
        let map = allocate(left.shape)
        var operation = makeOperation(
            .combine, kernels.kernel(CK_OP_COMBINE), from: left, to: map,
            activation: activation)
        operation.residualOffset = right.region.offset
        operation.maps.combination = combination
        operation.maps.operand = operand
        operation.maps.isReversed = isReversed
        append(name, operation, [], nil)
        releaseCopies()
        return map
    }

    /// Every value where it is positive, elsewhere times its channel's slope.
    mutating func slopes(_ name: String, _ input: Map, _ slopes: [Float]) -> Map {
        let input = copied(name, input, as: .float32)
        let map = allocate(input.shape)
        var operation = makeOperation(
            .combine, kernels.kernel(CK_OP_COMBINE), from: input, to: map)
        let packed = Epilogue(scale: slopes, shift: slopes)
        operation.weights = packed.scale
        operation.maps.combination = CK_SLOPE
        operation.maps.operand = CK_PER_CHANNEL
        append(name, operation, [packed.buffer], nil)
        releaseCopies()
        return map
    }

    /// An epilogue alone.
    mutating func affine(_ name: String, _ input: Map, _ finish: Finish) -> Map {
        let input = copied(name, input, as: .float32)
        let map = allocate(input.shape)
        let operation = makeOperation(
            .affine, kernels.kernel(CK_OP_AFFINE), from: input, to: map, finish: finish)
        append(name, operation, [], finish)
        releaseCopies()
        return map
    }

    /// An activation in place.
    mutating func activate(_ name: String, _ map: Map, _ activation: Activation) {
        let operation = makeOperation(
            .add, kernels.kernel(CK_OP_ADD, map.element), from: map, to: map, activation: activation)
        append(name, operation, [], nil)
    }

    mutating func softmax(_ name: String, _ input: Map) -> Map {
        let input = copied(name, input, as: .float32)
        let map = allocate(input.shape)
        append(
            name,
            makeOperation(.softmax, kernels.kernel(CK_OP_SOFTMAX), from: input, to: map),
            [], nil)
        releaseCopies()
        return map
    }

    mutating func layerNorm(_ name: String, _ input: Map, _ scale: Epilogue, epsilon: Float) -> Map {
        let input = copied(name, input, as: .float32)
        let map = allocate(input.shape)
        let finish = Finish(epilogue: scale, Activation.none)
        var operation = makeOperation(
            .layerNorm, kernels.kernel(CK_OP_LAYER_NORM), from: input, to: map,
            finish: finish)
        operation.maps.epsilon = epsilon
        append(name, operation, [], finish)
        releaseCopies()
        return map
    }

    // MARK: Convolutions

    /// Convolution in groups of whole blocks of channels.
    mutating func convolution(_ name: String, _ input: Map, _ filter: GroupedConvolution, _ finish: Finish) -> Map {
        precondition(input.shape.channels == filter.inputChannels, "\(name): weights for another map")
        let channels = filter.outputChannels
        guard let shape = filter.window.output(of: input.shape, channels: channels) else {
            preconditionFailure("\(name): the window does not fit in \(input.shape)")
        }
        let (input, finish) = (copied(name, input, as: .float32), copied(name, finish, as: .float32))
        let bordered = bordered(name, input, filter.window)
        let map = allocate(shape)
        var operation = makeOperation(
            .grouped, kernels.kernel(CK_OP_GROUPED), from: bordered, to: map,
            finish: finish)
        operation.weights = UnsafePointer(filter.weights.base)
        operation.window = filter.window
        operation.maps.groups = filter.groups
        operation.maps.weightStride = filter.weightStride
        append(name, operation, [filter.weights], finish)
        if filter.window.border != .none { release(bordered) }
        releaseCopies()
        return map
    }

    private mutating func bordered(_ name: String, _ input: Map, _ window: Window) -> Map {
        guard window.border != .none else { return input }
        let map = allocate(window.border.around(input.shape))
        var operation = makeOperation(
            .border, kernels.kernel(CK_OP_BORDER), from: input, to: map)
        operation.window = window
        append(name + ".border", operation, [], nil)
        return map
    }

    /// Depthwise convolution with any window.
    mutating func filter(
        _ name: String, _ input: Map, _ weights: PackedConvolution, _ window: Window, _ finish: Finish
    ) -> Map {
        guard let shape = window.output(of: input.shape, channels: input.shape.channels) else {
            preconditionFailure("\(name): the window does not fit in \(input.shape)")
        }
        let (input, finish) = (copied(name, input, as: .float32), copied(name, finish, as: .float32))
        let map = allocate(shape)
        var operation = makeOperation(
            .filter, kernels.kernel(CK_OP_FILTER), from: input, to: map, finish: finish)
        operation.weights = UnsafePointer(weights.weights.base)
        operation.window = window
        append(name, operation, [weights.weights], finish)
        releaseCopies()
        return map
    }

    // MARK: Shared regions

    /// A region that several maps lie in, released with the last of them.
    struct SharedRegion {
        let region: ArenaLayout.Region
        var users: Int
    }

    /// Reserves room for a map whose parts are computed in place.
    mutating func share(_ shape: PlanOperation.Shape) -> Int {
        shared.append(SharedRegion(region: layout.allocate(shape.storage), users: 1))
        return shared.count - 1
    }

    /// The map whose first block is block `block` of a shared region.
    mutating func part(of index: Int, block: Int, _ shape: PlanOperation.Shape) -> Map {
        shared[index].users += 1
        let offset = shared[index].region.offset + block * shape.pixels * Int(CK_LANES)
        return Map(
            shape: shape, element: .float32, region: .init(offset: offset, count: shape.storage), owner: index)
    }

    /// Whether no other map lies where this one does, so that it may be changed in place.
    func isAlone(_ map: Map) -> Bool { map.owner.map { shared[$0].users == 1 } ?? true }

    mutating func releaseShared(_ index: Int) {
        shared[index].users -= 1
        if shared[index].users == 0 { layout.release(shared[index].region) }
    }

    // MARK: Result

    /// - Parameter outputs: what `toRows` gave, or maps of one pixel as they are.
    func build(outputs: [Plan.Place]) -> Plan {
        var operations = operations
        UpcomingWeights.assign(to: &operations)
        return Plan(
            operations: operations, steps: steps, groups: groups, inputShape: inputShape, imageBorder: imageBorder,
            outputCount: outputs[0].count, arenaCount: layout.highWater + Self.guardCount,
            inputOffset: inputRegion.offset, outputOffset: outputs[0].offset, owners: owners, inputs: inputs,
            outputs: outputs, endCount: endCount(output: outputs[0].offset))
    }

    /// Floats before the first and after the last map: a gather reads up to a vector before and after what it needs.
    package static let guardCount = Int(CK_LANES)
}

extension AlignedBuffer {
    /// A table of other values than floats.
    convenience init<Element: BitwiseCopyable>(holding elements: [Element]) {
        let bytes = elements.count * MemoryLayout<Element>.stride
        self.init(count: (bytes + MemoryLayout<Float>.stride - 1) / MemoryLayout<Float>.stride)
        elements.withUnsafeBytes { source in
            if let start = source.baseAddress {
                UnsafeMutableRawPointer(base).copyMemory(from: start, byteCount: bytes)
            }
        }
    }
}

/// Which lanes of a map come from where.
private struct GatheredBlocks {
    private let blocks: [[ck_lanes]]
    /// Where the map of each run begins.
    private let origins: [[Int64]]
    private let isInPlace: [Bool]

    /// - Parameter offset: of the map in the arena.
    init(_ channels: [PlanBuilder.Channels], _ shape: PlanOperation.Shape, at offset: Int) {
        let lanes = Int(CK_LANES)
        var blocks = [[ck_lanes]](repeating: [], count: shape.blocks)
        var origins = [[Int64]](repeating: [], count: shape.blocks)
        var target = 0
        for run in channels {
            var done = 0
            while done < run.count {
                let (block, lane) = ((target + done) / lanes, (target + done) % lanes)
                let source = run.first + done
                let count = min(run.count - done, lanes - lane, lanes - source % lanes)
                if let map = run.map {
                    let start = map.region.offset + source / lanes * shape.pixels * lanes + source % lanes - lane
                    blocks[block].append(
                        ck_lanes(source: Int64(start), first: Int32(lane), end: Int32(lane + count)))
                    origins[block].append(Int64(map.region.offset))
                }
                done += count
            }
            target += run.count
        }
        (self.blocks, self.origins) = (blocks, origins)
        isInPlace = blocks.enumerated().map { index, runs in
            let place = offset + index * shape.pixels * lanes
            let first = min(lanes, shape.channels - index * lanes)
            return runs.allSatisfy { $0.source == Int64(place) }
                && runs.reduce(0) { $0 + Int($1.end - $1.first) } == first
        }
    }

    var rangesToCopy: [Range<Int>] {
        var ranges: [Range<Int>] = []
        for block in blocks.indices where !isInPlace[block] {
            if let last = ranges.last, last.upperBound == block {
                ranges[ranges.count - 1] = last.lowerBound..<block + 1
            } else {
                ranges.append(block..<block + 1)
            }
        }
        return ranges
    }

    func tables(_ range: Range<Int>) -> (lanes: AlignedBuffer, starts: AlignedBuffer, origins: AlignedBuffer) {
        var starts: [Int32] = [0]
        for block in range { starts.append((starts.last ?? 0) + Int32(blocks[block].count)) }
        return (
            AlignedBuffer(holding: Array(blocks[range].joined())), AlignedBuffer(holding: starts),
            AlignedBuffer(holding: Array(origins[range].joined()))
        )
    }
}
