import Datasets
import Engine
import FleetModel
import Fusion
import GateSharing
import HookNetworks
import Packages
import SearchSpace
import Shoal
import Supernets
import NetworkParts

/// A network package as the agent runs it.
struct LoadedPackage {
    let plan: Plan
    let sections: () throws -> SectionedPlan
    let weightsSHA256: String
    let normalization: ModelDeployment.Normalization

    init(_ package: PackageFile, channels: Int, kernels: KernelSet) throws {
        let loaded = try LoadedNetwork(package.package(), path: package.path)
        let network = try FusedNetwork(try loaded.bound(to: try loaded.inputShape(channels: channels)))
        plan = try network.plan(kernels: kernels)
        sections = { try SectionedPlan(network, kernels: kernels) }
        weightsSHA256 = try package.weightsSHA256()
        let (mean, std) = try loaded.normalization(channels: channels)
        normalization = .init(mean: mean, std: std)
    }
}

/// Loads the hooks of a model. Whatever is wrong with them, the model runs: without hooks.
struct HookLoader {
    let configuration: AgentConfiguration.Hooks
    let kernels: KernelSet
    /// The operating points with their plans.
    let points: [(point: FleetModel.OperatingPoint, plan: Plan)]
    let weightsSHA256: String
    /// `nil` for a supernet.
    let package: LoadedPackage?
    /// Makes a plan of a subnet; `nil` where it has no statistics.
    let subnet: (SubnetConfiguration) throws -> Plan?

    struct Loading {
        var hooks: DeployedHooks?
        /// Why there are none, or not those of the file itself.
        var failure: String?
    }

    func load() -> Loading {
        do {
            let reading = try HookState.read(from: configuration.file)
            let hooks = try deployed(reading.state)
            // Whatever makes a network of them refuse, it does now.
            _ = try hooks.network()
            return Loading(
                hooks: hooks, failure: reading.damage.map { "\($0); the hooks written before are used" })
        } catch { return Loading(hooks: nil, failure: "\(error)") }
    }

    private func deployed(_ state: HookState) throws -> DeployedHooks {
        guard state.weightsSHA256 == weightsSHA256 else {
            throw HookRefusal("\(configuration.file): belongs to other weights")
        }
        guard state.inputs.sensorCount == 0 else {
            throw HookRefusal("\(configuration.file): reads sensors, which no agent passes")
        }
        let places = points.indices.filter { state.subnet == nil || points[$0].point.configuration == state.subnet }
        guard let largest = places.first.map({ points[$0].plan }) else {
            throw HookRefusal("\(configuration.file): belongs to a subnet that is no operating point here")
        }
        let form: DeployedHooks.Form
        if state.kinds.allSatisfy(\.row.isWithinNetwork), let package {
            form = .withinNetwork(try package.sections())
        } else {
            form = .betweenNetworks(try state.smaller.map { try smaller($0, before: largest) })
        }
        var settings: BackgroundLearner.Settings?
        if configuration.learns == true {
            var learning = BackgroundLearner.Settings()
            if let share = configuration.processorShare { learning.processorShare = share }
            if let bytes = configuration.sampleBytes { learning.sampleBytes = bytes }
            settings = learning
        }
        let shared = try shared(state)
        settings?.collaborator = shared
        return DeployedHooks(
            path: configuration.file, state: state, plain: largest, form: form,
            budgets: points.indices.map { index in
                guard places.contains(index) else { return nil }
                return (points[index].point.demand?.hookBudget ?? configuration.budget).map { Float($0) }
            }, learning: settings, shared: shared)
    }

    /// What all boards began with is kept beside the file, which goes on learning. Hooks of another standardisation or
    /// shape are another start.
    private func shared(_ state: HookState) throws -> SharedGates? {
        guard configuration.shares == true else { return nil }
        guard configuration.learns == true else {
            throw HookRefusal("\(configuration.file): shares goes with learns: true")
        }
        let path = configuration.file + ".start"
        var start = state
        if let kept = try? HookState.read(from: path).state, kept.weightsSHA256 == state.weightsSHA256,
            try GateLayout(kept.hooks.map(\.usableGate)).isOfShape(state.hooks.map(\.gate))
        {
            start = kept
        } else {
            for index in start.hooks.indices { start.hooks[index].samples = nil }
            try start.write(to: path)
        }
        return try SharedGates(start: start, path: configuration.file + ".shared")
    }

    private func smaller(_ network: HookState.Network, before largest: Plan) throws -> DeployedHooks.Smaller {
        let shape = largest.inputShape
        let plan: Plan
        if let configuration = network.subnet {
            guard let known = try subnet(configuration) else {
                throw HookRefusal("the statistics hold no subnet \(configuration), which the hooks try first")
            }
            plan = known
        } else {
            guard let path = network.package else { throw HookRefusal("the hooks name no smaller network") }
            let loaded = try LoadedPackage(PackageFile(path), channels: shape.channels, kernels: kernels)
            guard loaded.weightsSHA256 == network.weightsSHA256 else {
                throw HookRefusal("\(path): has other weights than the smaller network of the hooks")
            }
            plan = loaded.plan
        }
        guard plan.inputShape != shape else { return .init(plan: plan, resizing: nil) }
        return .init(
            plan: plan,
            resizing: ImagePreprocessor(
                channels: shape.channels, height: shape.height, width: shape.width, side: plan.inputShape.height,
                mean: [Float](repeating: 0, count: shape.channels),
                std: [Float](repeating: 1, count: shape.channels)))
    }
}

extension DeployedHooks {
    /// Mean milliseconds of a point on images of the stream; `nil` where it runs without hooks.
    func milliseconds(
        at point: Int, _ images: ImageSet, first: Int, _ preprocessor: ImagePreprocessor, runs: Int
    ) throws(HookRefusal) -> Double? {
        guard let budget = budgets[point] else { return nil }
        let network = try network()
        let shape = plain.inputShape
        let image = AlignedBuffer(count: shape.channels * shape.pixels)
        let input = UnsafeMutableBufferPointer(start: image.base, count: image.count)
        var sum: UInt64 = 0
        for run in 0..<runs {
            preprocessor.convert(images, at: first + run % (images.count - first), into: input)
            let start = PlanTimer.now()
            _ = network.answer(UnsafeBufferPointer(input), budget: budget)
            sum += PlanTimer.now() - start
        }
        return Double(sum) / Double(runs) / 1e6
    }
}
