public import Engine
public import Graphs
public import NetworkParts

/// Times several plans in turn, one run each, so that all of them see the same machine.
public enum InterleavedTimer {
    /// Runs of each plan that go before the measured ones.
    public static let warmUpRuns = 3

    /// Milliseconds of every run of one plan, in order.
    public struct Times: Sendable {
        public fileprivate(set) var wall: [Double] = []
        /// Of all threads of this process: what is comparable on one thread where other programs take the processors.
        public fileprivate(set) var processor: [Double] = []
    }

    /// - Parameter counted: is called after each round, `repeats` and `warmUpRuns` times.
    public static func measure(
        _ plans: [Plan], repeats: Int, threads: Int = 1, counted: () -> Void = {}
    ) -> [Times] {
        let session = Session(for: plans, threads: threads)
        let images = TestImage.shared(by: plans)
        return measure(count: plans.count, repeats: repeats, counted: counted) { index in
            session.activate(plans[index])
            return { _ = session.run(on: images[index].values) }
        }
    }

    /// Plans and networks that are not one plan, in turn.
    /// - Throws: what an operator without a kernel refuses.
    public static func measure(
        _ works: [TimedWork], repeats: Int, threads: Int = 1, counted: () -> Void = {}
    ) throws -> [Times] {
        let plans = works.compactMap(\.plan)
        guard plans.count < works.count else {
            return measure(plans, repeats: repeats, threads: threads, counted: counted)
        }
        let session = Session(for: plans, threads: threads)
        let runs = works.map { $0.prepared(session, threads: threads) }
        var failure: (any Error)?
        let times = measure(count: works.count, repeats: repeats, counted: counted) { index in
            { do { try runs[index]() } catch { failure = error } }
        }
        if let failure { throw failure }
        return times
    }

    /// - Parameter prepare: for what is measured next, by its place; gives the work whose time counts.
    private static func measure(
        count: Int, repeats: Int, counted: () -> Void, prepare: (Int) -> () -> Void
    ) -> [Times] {
        precondition(repeats > 0 && count > 0, "\(repeats) repeats of \(count) plans")
        var times = [Times](repeating: Times(), count: count)
        for run in 0..<repeats + warmUpRuns {
            for index in 0..<count {
                let work = prepare(index)
                let processorStart = PlanTimer.processorTime()
                let start = PlanTimer.now()
                work()
                let end = PlanTimer.now()
                let processorEnd = PlanTimer.processorTime()
                guard run >= warmUpRuns else { continue }
                times[index].wall.append(Double(end - start) / 1e6)
                times[index].processor.append(Double(processorEnd - processorStart) / 1e6)
            }
            counted()
        }
        return times
    }
}

/// What is timed: a plan, or a network of which kernels cover only parts.
public enum TimedWork: Sendable {
    case plan(Plan)
    case hybrid(HybridNetwork)

    public var plan: Plan? {
        if case .plan(let plan) = self { plan } else { nil }
    }

    public var plans: [Plan] {
        switch self {
        case .plan(let plan): [plan]
        case .hybrid(let network): network.plans
        }
    }

    /// What it computes in.
    public var precision: Precision {
        switch self {
        case .plan(let plan): plan.precision
        case .hybrid(let network): network.precision
        }
    }

    /// One run on a test image or, for a network of several inputs, on test values of each.
    func prepared(_ session: Session, threads: Int) -> () throws -> Void {
        switch self {
        case .plan(let plan):
            let image = TestImage(plan.inputShape)
            return { _ = session.run(plan, on: image.values) }
        case .hybrid(let network):
            let own = HybridSession(network, threads: threads)
            let inputs = network.testInputs
            return { _ = try own.run(inputs) }
        }
    }
}

extension HybridNetwork {
    /// Values of a fixed pattern within -1...1, for measurements that need no particular ones.
    public var testInputs: [String: TensorValue] {
        var inputs: [String: TensorValue] = [:]
        for input in bound.graph.inputs {
            guard let type = bound.types[input.name] else { continue }
            let values = (0..<type.count).map { Float($0 % 251) / 125 - 1 }
            inputs[input.name] = TensorValue(shape: type.shape, .float32(values))
        }
        return inputs
    }
}

/// An image of a fixed pattern of values within -1...1, for measurements that need no particular one.
public struct TestImage {
    /// One for each plan, the same for those that read the same size: many subnets need no more memory than one.
    public static func shared(by plans: [Plan]) -> [TestImage] {
        var images: [(shape: PlanOperation.Shape, image: TestImage)] = []
        return plans.map { plan in
            if let known = images.first(where: { $0.shape == plan.inputShape }) { return known.image }
            let image = TestImage(plan.inputShape)
            images.append((plan.inputShape, image))
            return image
        }
    }

    private let buffer: AlignedBuffer
    public var values: UnsafeBufferPointer<Float> { UnsafeBufferPointer(start: buffer.base, count: buffer.count) }

    public init(_ shape: PlanOperation.Shape) {
        buffer = AlignedBuffer(count: shape.channels * shape.pixels)
        for index in 0..<buffer.count { buffer.base[index] = Float(index % 251) / 125 - 1 }
    }
}
