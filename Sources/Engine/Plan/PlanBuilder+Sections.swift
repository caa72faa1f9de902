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
}

extension PlanOperation {
    /// The same operation with its maps at other offsets.
    package func relocated(_ place: (Int) -> Int) -> PlanOperation {
        func moved(_ offset: Int) -> Int { offset < 0 ? offset : place(offset) }
        var result = self
        result.inputOffset = moved(inputOffset)
        result.outputOffset = moved(outputOffset)
        result.residualOffset = moved(residualOffset)
        result.factorsOffset = moved(factorsOffset)
        result.meansOffset = moved(meansOffset)
        result.weightsOffset = moved(weightsOffset)
        result.scratchOffset = moved(scratchOffset)
        return result
    }
}
