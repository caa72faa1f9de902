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

/// Loads the hooks of a model. Whatever is wrong with them, the model runs: without hooks.
struct HookLoader: Sendable {
    var configuration: AgentConfiguration.Hooks
    let kernels: KernelSet
    /// The operating points with their plans.
    let points: [(point: FleetModel.OperatingPoint, plan: Plan)]
    let weightsSHA256: String
    /// `nil` for a supernet.
    let package: HookablePackage?
    /// Makes a plan of a subnet; `nil` where it has no statistics.
    let subnet: @Sendable (SubnetConfiguration) throws -> Plan?

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
        let sensors = configuration.sensors ?? [:]
        if let missing = state.inputs.sensorMissing(from: sensors.keys) {
            throw HookRefusal(
                "\(configuration.file): reads the sensor \(missing), which the configuration's sensors do not name")
        }
        let places = points.indices.filter { state.subnet == nil || points[$0].point.configuration == state.subnet }
        guard let largest = places.first.map({ points[$0].plan }) else {
            throw HookRefusal("\(configuration.file): belongs to a subnet that is no operating point here")
        }
        let attached: AttachedHooks
        if let package {
            attached = try AttachedHooks(state, path: configuration.file, of: package)
        } else {
            let smaller = try state.smaller.map {
                AttachedHooks.Smaller(try plan(of: $0, before: largest), before: largest)
            }
            attached = AttachedHooks(state: state, plain: largest, form: .betweenNetworks(smaller))
        }
        var settings: BackgroundLearner.Settings?
        if configuration.learns == true {
            var learning = BackgroundLearner.Settings()
            if let share = configuration.processorShare { learning.processorShare = share }
            if let busiest = configuration.busiest { learning.limits.load = busiest }
            if let bytes = configuration.sampleBytes { learning.sampleBytes = bytes }
            settings = learning
        }
        let shared = try shared(state)
        settings?.collaborator = shared
        return DeployedHooks(
            path: configuration.file, attached: attached,
            budgets: points.indices.map { index in
                guard places.contains(index) else { return nil }
                return (points[index].point.demand?.hookBudget ?? configuration.budget).map { Float($0) }
            }, learning: settings, shared: shared,
            sensors: state.inputs.sensors.compactMap { sensors[$0] })
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

    private func plan(of network: HookState.Network, before largest: Plan) throws -> Plan {
        guard let configuration = network.subnet else {
            return try AttachedHooks.plan(of: network, channels: largest.inputShape.channels, kernels)
        }
        guard let known = try subnet(configuration) else {
            throw HookRefusal("the statistics hold no subnet \(configuration), which the hooks try first")
        }
        return known
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
