import CKernels

extension PlanBuilder {
    /// For a part of a network, whose input is a map in the kernels' layout at the arena's start.
    package init(blocked shape: PlanOperation.Shape, kernels: KernelSet) {
        self.kernels = kernels
        element = .float32
        inputShape = shape
        imageBorder = .none
        inputRegion = layout.allocate(shape.storage)
    }

    /// The input of a part of a network, to be released like any other map.
    package var blockedInput: Map { Map(shape: inputShape, element: .float32, region: inputRegion) }

    /// Keeps the places of the input and of the result for themselves, so that they can be moved without the others.
    package mutating func reserveResult(_ shape: PlanOperation.Shape) {
        result = Map(shape: shape, element: .float32, region: layout.allocate(shape.storage))
    }

    /// The next map of the result's shape is the result.
    package mutating func aimAtResult() { target = result }

    /// Floats of the largest map that begins where the input or the output does.
    func endCount(output offset: Int) -> Int {
        guard let result, offset == result.region.offset || offset == inputRegion.offset else {
            return layout.highWater
        }
        return max(inputRegion.count, result.region.count)
    }
}

extension PlanOperation {
    /// The same operation with its maps at other offsets.
    /// - Parameter tables: what it needs that the plan does not keep alive is added.
    package func relocated(keeping tables: inout [AlignedBuffer], _ place: (Int) -> Int) -> PlanOperation {
        func moved(_ offset: Int) -> Int { offset < 0 ? offset : place(offset) }
        var result = self
        result.inputOffset = moved(inputOffset)
        result.outputOffset = moved(outputOffset)
        result.residualOffset = moved(residualOffset)
        result.factorsOffset = moved(factorsOffset)
        result.meansOffset = moved(meansOffset)
        result.weightsOffset = moved(weightsOffset)
        result.scratchOffset = moved(scratchOffset)
        if kind == .gather {
            let table = gathered(moved)
            tables.append(table)
            result.maps.first = UnsafeRawPointer(table.base)
        }
        return result
    }

    /// The runs of a gather, taken from where their maps are moved to.
    private func gathered(_ moved: (Int) -> Int) -> AlignedBuffer {
        guard let lanes = maps.first?.assumingMemoryBound(to: ck_lanes.self),
            let starts = maps.second?.assumingMemoryBound(to: Int32.self),
            let origins = maps.origins?.assumingMemoryBound(to: Int64.self)
        else { preconditionFailure("a gather without tables") }
        let runs = (0..<Int(starts[output.blocks])).map { index in
            var run = lanes[index]
            run.source += Int64(moved(Int(origins[index]))) - origins[index]
            return run
        }
        return AlignedBuffer(holding: runs)
    }
}
