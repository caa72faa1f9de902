import CScheduler
import Glibc

/// Where a thread may run and how it ranks there, by its share: what stands in for a control group.
///
/// The cores are split by share: threads with a limit are kept on as few processors as their limits add up to, each on
/// the one that has least to carry, and away from the others where there are processors enough. Their priority gives
/// them the weight of their share beside a whole thread's (each step of `nice` is 1.25 times less). That ranks threads
/// which want the processor at once; it caps none where nobody else does.
public struct ThreadPlacement: Equatable, Sendable {
    /// `nil` leaves the thread where it may run.
    public var processors: [Int]?
    /// 0...19.
    public var nice: Int32

    public init(processors: [Int]?, nice: Int32) { (self.processors, self.nice) = (processors, nice) }

    /// - Parameter processors: that the process may use, rising.
    public static func placements(of demands: [ShareDemand], on processors: [Int]) -> [ThreadPlacement] {
        var result = demands.map { ThreadPlacement(processors: $0.processor.map { [$0] }, nice: nice($0.limit)) }
        let limited = demands.indices.filter { demands[$0].limit != nil && demands[$0].processor == nil }
        guard !limited.isEmpty, !processors.isEmpty else { return result }
        let unlimited = demands.indices.filter { demands[$0].limit == nil && demands[$0].processor == nil }
        let sum = limited.reduce(0) { $0 + (demands[$1].limit ?? 0) }
        let most = unlimited.isEmpty ? processors.count : max(1, processors.count - 1)
        let count = min(max(1, Int(sum.rounded(.up))), most)
        // The last ones: interrupts prefer the first.
        let kept = processors.suffix(count)
        var loads = kept.map { (processor: $0, load: 0.0) }
        for index in limited.sorted(by: { (demands[$0].limit ?? 0, $1) > (demands[$1].limit ?? 0, $0) }) {
            let least = loads.indices.min { loads[$0].load < loads[$1].load } ?? 0
            loads[least].load += demands[index].limit ?? 0
            result[index].processors = [loads[least].processor]
        }
        let rest = Array(processors.dropLast(count))
        for index in unlimited { result[index].processors = rest.isEmpty ? processors : rest }
        return result
    }

    private static func nice(_ limit: Double?) -> Int32 {
        guard let limit else { return 0 }
        return Int32(min(19, max(0, (log(1 / limit) / log(1.25)).rounded())))
    }
}

/// What the scheduler is told of single threads; a port, as `GroupFiles` is.
public protocol ThreadScheduling: Sendable {
    /// - Returns: where it may run after that, as the kernel says it.
    func place(_ thread: Int32, on processors: [Int]) throws(ShareRefusal) -> [Int]
    /// - Returns: its priority after that.
    func rank(_ thread: Int32, nice: Int32) throws(ShareRefusal) -> Int32
}

public struct KernelThreadScheduling: ThreadScheduling {
    public init() {}

    public func place(_ thread: Int32, on processors: [Int]) throws(ShareRefusal) -> [Int] {
        let wanted = ProcessorAffinity(processors: processors)
        guard wanted.takeOn(thread), let now = ProcessorAffinity(of: thread) else {
            throw ShareRefusal("affinity of thread \(thread): \(String(cString: strerror(errno)))")
        }
        return now.processors
    }

    public func rank(_ thread: Int32, nice: Int32) throws(ShareRefusal) -> Int32 {
        let which = __priority_which_t(PRIO_PROCESS.rawValue)
        guard setpriority(which, id_t(thread), nice) == 0 else {
            throw ShareRefusal("priority of thread \(thread): \(String(cString: strerror(errno)))")
        }
        return getpriority(which, id_t(thread))
    }
}

public enum ThreadNumber {
    /// Of the calling thread, as the kernel numbers it.
    public static var current: Int32 { gettid() }
}
