import Engine
import MapPruning
import NetworkParts

/// Convolutions that replace blocks, and the places where they always do.
extension BlockTrainer {
    /// Fits what has none yet, each in the network as it is, then chooses the fixed places.
    mutating func fitSubstitutes() throws(HookRefusal) {
        for index in hooks.indices where hooks[index].point.kind == .skip && hooks[index].substitute == nil {
            guard BlockPoints.hasSubstitute(hooks[index].point.parts, in: plan) else { continue }
            hooks[index].substitute = fit(index, in: nil)
            progress(0.05 + 0.15 * Double(index + 1) / Double(hooks.count))
        }
        let known = hooks.count(where: \.isFixed)
        guard settings.fixedPlaces > known else { return }
        for step in known..<settings.fixedPlaces {
            guard try fixBest() else { break }
            progress(0.2 + 0.05 * Double(step + 1 - known) / Double(settings.fixedPlaces - known))
        }
        // What the others read has changed, and with it what their gates have learned.
        for index in hooks.indices where !hooks[index].isFixed {
            (hooks[index].gate, hooks[index].samples, hooks[index].head) = (nil, nil, nil)
            if hooks[index].point.kind == .skip, hooks[index].substitute != nil { try refit(index) }
            progress(0.25 + 0.05 * Double(index + 1) / Double(hooks.count))
        }
    }

    /// Adds the place that together with those fixed before moves the least probability on the first images, and fits
    /// what lies behind it anew.
    /// - Returns: whether there was one.
    private mutating func fixBest() throws(HookRefusal) -> Bool {
        var best: (index: Int, damage: Double)?
        for index in hooks.indices
        where hooks[index].point.kind == .skip && hooks[index].substitute != nil && !hooks[index].isFixed {
            var trial = hooks
            trial[index].isFixed = true
            let damage = try damage(of: trial)
            if damage < best?.damage ?? .infinity { best = (index, damage) }
        }
        guard let best else { return false }
        hooks[best.index].isFixed = true
        let start = hooks[best.index].point.parts.lowerBound
        for index in hooks.indices where hooks[index].isFixed && hooks[index].point.parts.lowerBound >= start {
            try refit(index)
        }
        return true
    }

    private func damage(of hooks: [HookState.Hook]) throws(HookRefusal) -> Double {
        let network = try BlockNetwork(plain: plain, plan: plan, hooks: hooks, inputs: inputs)
        let used = min(count, settings.choosingImages)
        var sum = 0.0
        for choice in 0..<used {
            let index = choice * count / used
            network.begin(images(index))
            network.runOn(from: 0)
            sum += logits[index].withUnsafeBufferPointer {
                Double(Divergence.totalVariation($0, network.session.output))
            }
        }
        return sum / Double(max(1, used))
    }

    private mutating func refit(_ index: Int) throws(HookRefusal) {
        let start = hooks[index].point.parts.lowerBound
        guard hooks.contains(where: { $0.isFixed && $0.point.parts.upperBound <= start }) else { return }
        let network = try BlockNetwork(plain: plain, plan: plan, hooks: hooks, inputs: inputs)
        if let filter = fit(index, in: network) { hooks[index].substitute = filter }
    }

    /// - Parameter network: whose fixed places have changed the map that the convolution will read. It is to make of it
    ///   what the blocks made of theirs, so that it mends what those before it have done, as layers of a pruned network
    ///   do that are fitted one after another (He, Zhang, Sun 2017).
    private mutating func fit(_ index: Int, in network: BlockNetwork?) -> HookState.Filter? {
        let parts = hooks[index].point.parts
        let shape = plan.shape(before: parts.lowerBound)
        let session = SectionedSession(for: plan)
        var fit = SubstituteFit(channels: shape.channels, byteLimit: settings.substituteBytes)
        let before = AlignedBuffer(count: shape.storage)
        for image in 0..<count where !fit.isFull {
            let pixels = images(image)
            session.place(pixels)
            for part in 0..<parts.lowerBound { session.perform(plan.parts[part]) }
            if let network {
                network.begin(pixels)
                network.runOn(from: 0, to: parts.lowerBound)
                network.session.save(before: parts.lowerBound, to: before)
            } else {
                session.save(before: parts.lowerBound, to: before)
            }
            for part in parts { session.perform(plan.parts[part]) }
            fit.add(
                before: before.base, after: session.current, height: shape.height, width: shape.width,
                using: &generator)
        }
        return fit.solve()
    }
}
