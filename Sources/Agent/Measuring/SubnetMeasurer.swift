import AgentCore
import Engine
import FleetModel
import Foundation
import SearchSpace
import Supernets
import Synchronization
import WireProtocol

/// A supernet whose subnets this board can measure.
struct MeasurableSupernet: Sendable {
    let supernet: PackedSupernet
    let sha256: String
    let kernels: KernelSet
}

/// Measures one subnet on a thread of low priority, beside the board's streams, which come first and interrupt it.
final class SubnetMeasurer: Sendable {
    private let order: MeasureOrder
    private let supernet: MeasurableSupernet?
    private let timer: UndisturbedTimer
    private let isStopped = Atomic<Bool>(false)

    /// - Parameter supernet: of the order's model; `nil` where there is none.
    init(_ order: MeasureOrder, of supernet: MeasurableSupernet?, timer: UndisturbedTimer = UndisturbedTimer()) {
        self.order = order
        self.supernet = supernet
        self.timer = timer
    }

    /// - Parameter report: called once on the measuring thread, unless it was stopped.
    func start(_ report: @escaping @Sendable (MeasureReport.Content) -> Void) {
        let thread = Thread { [self] in
            // Of the calling thread; the lowest there is.
            _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 19)
            let content = measure()
            if !isStopped.load(ordering: .relaxed) { report(content) }
        }
        thread.name = "measure"
        thread.stackSize = 4 << 20
        thread.start()
    }

    func stop() { isStopped.store(true, ordering: .relaxed) }

    func measure() -> MeasureReport.Content {
        guard let supernet else { return .refused(reason: "\(order.model) is no supernet here") }
        guard supernet.sha256 == order.supernetSHA256 else {
            return .refused(reason: "\(order.model) has other weights here: \(supernet.sha256)")
        }
        do {
            let space = supernet.supernet.space
            try space.validate(order.subnet)
            let subnet = space.canonical(order.subnet)
            let plan = try supernet.supernet.plan(
                subnet, statistics: supernet.supernet.checkpointStatistics(for: subnet), kernels: supernet.kernels)
            switch timer.measure(plan, goesOn: { !isStopped.load(ordering: .relaxed) }) {
            case .measured(let batches): return .measured(batches)
            case .stopped: return .refused(reason: "stopped")
            case .tooBusy(let undisturbed, let runs):
                return .refused(reason: "the board is too busy: \(undisturbed) of \(runs) runs were not interrupted")
            }
        } catch {
            return .refused(reason: String("\(error)".prefix(FleetLimits.textBytes / 4)))
        }
    }
}
