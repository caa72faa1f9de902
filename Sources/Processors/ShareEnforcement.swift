/// Holds threads to their shares of the CPU time in the strongest way that the kernel permits: control groups of
/// version 2, else processors and priorities by share, else not at all. Each refusal is kept in one sentence.
///
/// Nothing is touched while no thread has a limit. Not on the inference path.
public struct ShareEnforcement: Sendable {
    public enum Means: String, Sendable { case cgroup, affinity, none }

    public struct Outcome: Equatable, Sendable {
        public var means: Means
        /// What is in force, as the kernel says it.
        public var detail: String
        /// Why it is not a stronger way; empty for control groups.
        public var reason: String

        public init(means: Means, detail: String, reason: String) {
            (self.means, self.detail, self.reason) = (means, detail, reason)
        }
    }

    /// Opens the control groups, when they are asked for first.
    public typealias Opening = @Sendable () throws(ShareRefusal) -> ThreadGroups

    private let processors: [Int]
    private let scheduling: any ThreadScheduling
    private let opening: Opening
    private var groups: Result<ThreadGroups, ShareRefusal>?
    /// Threads whose placement was changed, and where they may run otherwise.
    private var placed: [Int32: [Int]] = [:]

    /// - Parameter processors: that the process may use, rising.
    public init(processors: [Int], scheduling: any ThreadScheduling, groups: @escaping Opening) {
        (self.processors, self.scheduling, self.opening) = (processors, scheduling, groups)
    }

    /// - Returns: `nil` where no thread has a limit, and none is held.
    public mutating func enforce(_ demands: [ShareDemand]) -> Outcome? {
        guard demands.contains(where: { $0.limit != nil }) else {
            release()
            return nil
        }
        let refusal: ShareRefusal
        do throws(ShareRefusal) {
            let detail = try hold(demands)
            return Outcome(means: .cgroup, detail: detail, reason: "")
        } catch { refusal = error }
        do throws(ShareRefusal) {
            return Outcome(means: .affinity, detail: try place(demands), reason: refusal.description)
        } catch {
            return Outcome(means: .none, detail: "", reason: "\(refusal); \(error)")
        }
    }

    private mutating func hold(_ demands: [ShareDemand]) throws(ShareRefusal) -> String {
        if groups == nil {
            let opening = opening
            groups = Result { () throws(ShareRefusal) in try opening() }
        }
        guard var open = try groups?.get() else { return "" }
        do throws(ShareRefusal) {
            let report = try open.hold(demands)
            groups = .success(open)
            return report.joined(separator: ", ")
        } catch {
            // What was refused once is not asked for again with every assignment.
            groups = .failure(error)
            throw error
        }
    }

    private mutating func place(_ demands: [ShareDemand]) throws(ShareRefusal) -> String {
        var report: [String] = []
        for (demand, placement) in zip(demands, ThreadPlacement.placements(of: demands, on: processors)) {
            let home = demand.processor.map { [$0] } ?? processors
            placed[demand.thread] = home
            let now = try scheduling.place(demand.thread, on: placement.processors ?? home)
            var text = "\(demand.name) on \(Self.text(now))"
            do throws(ShareRefusal) {
                text += ", nice \(try scheduling.rank(demand.thread, nice: placement.nice))"
            } catch {
                // Only root may take a priority back; the processors hold all the same.
                text += ", \(error)"
            }
            report.append(text)
        }
        return report.joined(separator: "; ")
    }

    /// Everything is as it was, as far as the kernel lets it be.
    public mutating func release() {
        if case .success(var open)? = groups {
            open.release()
            groups = .success(open)
        }
        for (thread, home) in placed.sorted(by: { $0.key < $1.key }) {
            _ = try? scheduling.place(thread, on: home)
            _ = try? scheduling.rank(thread, nice: 0)
        }
        placed.removeAll()
    }

    private static func text(_ processors: [Int]) -> String {
        (processors.count == 1 ? "processor " : "processors ") + processors.map(String.init).joined(separator: " ")
    }
}
