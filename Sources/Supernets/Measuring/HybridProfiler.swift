public import Engine
public import Graphs
public import NetworkParts

/// Where the time of a network goes of which kernels cover only parts, on one thread.
public enum HybridProfiler {
    public enum Part: Sendable {
        case plan([PlanProfiler.Row])
        case node(Node, medianMicroseconds: Double)
    }

    /// - Throws: what an operator without a kernel refuses.
    public static func profile(_ network: HybridNetwork, repeats: Int) throws(GraphFailure) -> [Part] {
        precondition(repeats > 0, "\(repeats) repeats")
        let session = HybridSession(network)
        let inputs = network.testInputs
        var events: [HybridSession.Event] = []
        var times: [[UInt64]] = []
        for _ in 0..<repeats + 1 {
            events = []
            var (own, last) = ([UInt64](), PlanTimer.now())
            _ = try session.run(inputs) { event in
                let now = PlanTimer.now()
                own.append(now - last)
                events.append(event)
                last = PlanTimer.now()
            }
            times.append(own)
        }
        let plans = network.plans
        return events.enumerated().map { index, event in
            switch event {
            case .plan(let place): return .plan(PlanProfiler.profile(plans[place], repeats: repeats))
            case .node(let node):
                let sorted = times.dropFirst().map { $0[index] }.sorted()
                return .node(node, medianMicroseconds: Double(sorted[sorted.count / 2]) / 1e3)
            }
        }
    }
}
