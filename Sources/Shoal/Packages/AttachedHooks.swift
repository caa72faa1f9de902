import Datasets
package import Engine
package import HookNetworks
package import NetworkParts
package import Packages

/// The state of hooks with the networks that they belong to, checked, to be made for a thread that runs them.
package struct AttachedHooks: Sendable {
    /// What the hooks belong to.
    package enum Form: Sendable {
        case withinNetwork(SectionedPlan)
        case betweenNetworks([Smaller])
    }

    /// A network that is tried before the largest.
    package struct Smaller: Sendable {
        let plan: Plan
        /// `nil` where it reads images of the same size.
        let resizing: ImagePreprocessor?

        package init(_ plan: Plan, before largest: Plan) {
            let (shape, wanted) = (plan.inputShape, largest.inputShape)
            self.plan = plan
            resizing =
                shape == wanted
                ? nil
                : ImagePreprocessor(
                    channels: wanted.channels, height: wanted.height, width: wanted.width,
                    size: shape.size, mean: [Float](repeating: 0, count: wanted.channels),
                    std: [Float](repeating: 1, count: wanted.channels))
        }

        /// As a network to be tried before another, whose images are resized for it.
        package func rung(_ gate: Gate?) -> ModelCascade.Rung {
            guard let resizing else { return ModelCascade.Rung(plan, gate: gate) }
            return ModelCascade.Rung(plan, gate: gate) { resizing.resize($0, into: $1) }
        }
    }

    package let state: HookState
    package let plain: Plan
    package let form: Form

    package init(state: HookState, plain: Plan, form: Form) {
        (self.state, self.plain, self.form) = (state, plain, form)
    }

    /// Hooks of a network package.
    /// - Parameter path: of the hook file, for refusals.
    /// - Throws: where they belong to other weights, or a smaller network is not where it was.
    package init(_ state: HookState, path: String, of package: HookablePackage) throws {
        if let other = state.stranger(weightsSHA256: package.weightsSHA256, graphSHA256: package.graphSHA256) {
            throw HookRefusal("\(path): belongs to \(other) than \(package.path) has")
        }
        guard state.precision == nil, state.subnet == nil else {
            throw HookRefusal("\(path): precisions of single convolutions, and subnets, are not chosen here")
        }
        try package.checkHooks()
        (self.state, plain) = (state, package.plan)
        guard !state.kinds.allSatisfy(\.row.isWithinNetwork) else {
            form = .withinNetwork(try package.sections())
            return
        }
        form = .betweenNetworks(
            try state.smaller.map { network in
                let plan = try Self.plan(of: network, channels: package.plan.inputShape.channels, package.kernels)
                return Smaller(plan, before: package.plan)
            })
    }

    /// The plan of a smaller network of a hook file.
    package static func plan(of network: HookState.Network, channels: Int, _ kernels: KernelSet) throws -> Plan {
        guard let path = network.package else { throw HookRefusal("the hooks name no smaller network") }
        let loaded = try HookablePackage(PackageFile(path), channels: channels, kernels: kernels)
        try loaded.checkHooks()
        if let other = network.stranger(weightsSHA256: loaded.weightsSHA256, graphSHA256: loaded.graphSHA256) {
            throw HookRefusal("\(path): has \(other) than the smaller network of the hooks")
        }
        return loaded.plan
    }

    /// Ready to run and to learn meanwhile, on one thread.
    package func network() throws(HookRefusal) -> any LearnableNetwork {
        switch form {
        case .withinNetwork(let sections):
            return try BlockNetwork(
                plain: plain, plan: sections, hooks: state.hooks, inputs: state.inputs, budgets: state.budgetMap)
        case .betweenNetworks(let smaller):
            guard smaller.count == state.hooks.count else {
                throw HookRefusal("the hooks are not one for each network")
            }
            return try ModelCascade(
                zip(smaller, state.hooks).map { $0.rung($1.usableGate) }, largest: plain,
                isCommittee: state.subnet == nil && state.kinds == [.model], inputs: state.inputs,
                budgets: state.budgetMap)
        }
    }
}
