import Foundation
import Glibc
import Synchronization
import Testing

@testable import Processors

@Suite struct ShareEnforcementTests {
    private static let demands = [
        ShareDemand(name: "a", thread: 8, cores: 0.5), ShareDemand(name: "b", thread: 9, cores: nil),
    ]

    private static func enforcement(
        _ files: FakeGroups, _ scheduling: FakeScheduling, opened: Counter = Counter()
    ) -> ShareEnforcement {
        ShareEnforcement(processors: [0, 1], scheduling: scheduling) { () throws(ShareRefusal) in
            opened.count.wrappingAdd(1, ordering: .relaxed)
            return try ThreadGroups(in: FakeGroups.root, process: 7, isJoining: false, files: files)
        }
    }

    private final class Counter: Sendable { let count = Atomic(0) }

    @Test func groupsAreUsedWhereTheKernelPermits() {
        let (files, scheduling) = (FakeGroups(), FakeScheduling())
        var enforcement = Self.enforcement(files, scheduling)
        #expect(
            enforcement.enforce(Self.demands)
                == .init(means: .cgroup, detail: "a 0.50 cores, b unlimited", reason: ""))
        #expect(scheduling.places.isEmpty && files.groups.count == 2)
        // No share is limited any more.
        #expect(enforcement.enforce([ShareDemand(name: "a", thread: 8, cores: nil)]) == nil)
        #expect(files.groups.isEmpty)
        #expect(enforcement.enforce(Self.demands)?.means == .cgroup)
    }

    @Test func withoutGroupsProcessorsAndPriorityAreSplit() {
        let (files, scheduling, opened) = (FakeGroups(controllers: "pids"), FakeScheduling(), Counter())
        var enforcement = Self.enforcement(files, scheduling, opened: opened)
        let outcome = enforcement.enforce(Self.demands)
        #expect(
            outcome
                == .init(
                    means: .affinity, detail: "a on processor 1, nice 3; b on processor 0, nice 0",
                    reason: "the cpu controller is not delegated to the cgroup \(FakeGroups.root)"))
        #expect(scheduling.places == [8: [1], 9: [0]] && scheduling.nices == [8: 3, 9: 0])
        // The kernel is not asked again what it has refused.
        #expect(enforcement.enforce(Self.demands) == outcome && opened.count.load(ordering: .relaxed) == 1)
        enforcement.release()
        #expect(scheduling.places == [8: [0, 1], 9: [0, 1]] && scheduling.nices == [8: 0, 9: 0])
    }

    @Test func aRefusalInTheMidstFallsBackAndLeavesNoGroup() {
        let (files, scheduling) = (FakeGroups(), FakeScheduling())
        files.refuse("cpu.weight", "Invalid argument")
        var enforcement = Self.enforcement(files, scheduling)
        let outcome = enforcement.enforce(Self.demands)
        #expect(outcome?.means == .affinity)
        #expect(outcome?.reason == FakeGroups.root + "/shoal-7-0/cpu.weight: Invalid argument")
        #expect(files.groups.isEmpty && scheduling.places[8] == [1])
    }

    @Test func aRefusedPriorityLeavesTheProcessors() {
        var enforcement = Self.enforcement(FakeGroups(controllers: ""), FakeScheduling(refusing: ["rank"]))
        #expect(
            enforcement.enforce([ShareDemand(name: "a", thread: 8, cores: 0.5)])?.detail
                == "a on processor 1, priority: Permission denied")
    }

    @Test func whereNothingIsPermittedBothReasonsAreSaid() {
        var enforcement = Self.enforcement(FakeGroups(controllers: ""), FakeScheduling(refusing: ["place"]))
        let outcome = enforcement.enforce(Self.demands)
        #expect(outcome?.means == ShareEnforcement.Means.none && outcome?.detail == "")
        #expect(outcome?.reason.contains("not delegated") == true)
        #expect(outcome?.reason.hasSuffix("; affinity: Operation not permitted") == true)
    }

    @Test func withoutLimitsNothingIsTouched() {
        let (files, scheduling, opened) = (FakeGroups(), FakeScheduling(), Counter())
        var enforcement = Self.enforcement(files, scheduling, opened: opened)
        #expect(enforcement.enforce([ShareDemand(name: "a", thread: 8, cores: 1)]) == nil)
        enforcement.release()
        #expect(files.writes.isEmpty && scheduling.places.isEmpty && opened.count.load(ordering: .relaxed) == 0)
    }
}

/// The kernel of this machine.
@Suite(.serialized) struct KernelShareTests {
    /// A thread that computes until the test is over.
    private final class Worker: Sendable {
        private let number = Atomic<Int32>(0)
        private let isDone = Atomic<Bool>(false)
        private let nanoseconds = Atomic<UInt64>(0)

        func start() -> Int32 {
            let thread = Thread { [self] in
                number.store(ThreadNumber.current, ordering: .releasing)
                while !isDone.load(ordering: .relaxed) {
                    var time = timespec()
                    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
                    nanoseconds.store(
                        UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec), ordering: .relaxed)
                }
            }
            thread.start()
            while number.load(ordering: .acquiring) == 0 { usleep(1_000) }
            return number.load(ordering: .acquiring)
        }

        func stop() { isDone.store(true, ordering: .relaxed) }
        /// CPU time that it has taken.
        var seconds: Double { Double(nanoseconds.load(ordering: .relaxed)) / 1e9 }
    }

    private static func status(_ thread: Int32, _ field: String) -> String? {
        KernelGroupFiles().read("/proc/self/task/\(thread)/status")?.split(separator: "\n")
            .first { $0.hasPrefix(field) }.map { String($0.dropFirst(field.count + 1).drop { $0 == "\t" }) }
    }

    @Test func processorsAndPriorityOfAThreadAreTheKernels() throws {
        let worker = Worker()
        let thread = worker.start()
        defer { worker.stop() }
        let all = ProcessorAffinity.current.processors
        let last = try #require(all.last)
        let scheduling = KernelThreadScheduling()

        #expect(try scheduling.place(thread, on: [last]) == [last])
        #expect(try scheduling.rank(thread, nice: 7) == 7)

        #expect(Self.status(thread, "Cpus_allowed_list") == "\(last)")
        let stat = try #require(KernelGroupFiles().read("/proc/self/task/\(thread)/stat"))
        // Field 19, counted behind the name in parentheses.
        #expect(stat.split(separator: ")").last?.split(separator: " ")[16] == "7")
        #expect(ProcessorAffinity.current.processors == all)
        #expect(throws: ShareRefusal.self) { try scheduling.place(.max, on: [last]) }
        #expect(throws: ShareRefusal.self) { try scheduling.rank(.max, nice: 7) }
    }

    /// Why this process may have no groups of its own; `nil` where it may.
    private static let refusal: String? = {
        do throws(ShareRefusal) {
            let files = KernelGroupFiles()
            let folder = try ThreadGroups.ownFolder(
                mounts: files.read("/proc/self/mounts") ?? "", membership: files.read("/proc/self/cgroup") ?? "")
            var groups = try ThreadGroups(in: folder, process: getpid(), isJoining: false, files: files)
            let worker = Worker()
            let thread = worker.start()
            defer { worker.stop() }
            _ = try groups.hold([ShareDemand(name: "probe", thread: thread, cores: 0.5)])
            groups.release()
            return nil
        } catch { return error.description }
    }()

    @Test(.enabled(if: refusal == nil, "\(refusal ?? "")")) func aGroupCapsAThread() throws {
        let files = KernelGroupFiles()
        let folder = try ThreadGroups.ownFolder(
            mounts: files.read("/proc/self/mounts") ?? "", membership: files.read("/proc/self/cgroup") ?? "")
        var groups = try ThreadGroups(in: folder, process: getpid(), isJoining: false, files: files)
        let worker = Worker()
        let thread = worker.start()
        defer { worker.stop() }

        _ = try groups.hold([ShareDemand(name: "a", thread: thread, cores: 0.2)])

        let before = worker.seconds
        sleep(4)
        let share = (worker.seconds - before) / 4
        // A second's quota more may fall into the four.
        #expect(share <= 0.26, "\(share)")
        groups.release()
        #expect(!files.folders(in: folder).contains { $0.hasPrefix("shoal-\(getpid())") })
    }
}
