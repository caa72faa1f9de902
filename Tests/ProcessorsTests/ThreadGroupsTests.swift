import Testing

@testable import Processors

@Suite struct ThreadGroupsTests {
    private static let root = FakeGroups.root

    private static func groups(_ files: FakeGroups, isJoining: Bool = false) throws(ShareRefusal) -> ThreadGroups {
        try ThreadGroups(in: root, process: 7, isJoining: isJoining, files: files)
    }

    @Test func threadsAreCappedAtTheirSharesAndReadBack() throws {
        let files = FakeGroups()
        var groups = try Self.groups(files)

        let report = try groups.hold([
            ShareDemand(name: "a", thread: 8, cores: 0.5), ShareDemand(name: "b", thread: 9, cores: nil),
        ])

        #expect(report == ["a 0.50 cores", "b unlimited"])
        let first = Self.root + "/shoal-7-0"
        #expect(files.read(first + "/cpu.max") == "500000 1000000\n" && files.read(first + "/cpu.weight") == "500\n")
        #expect(files.read(first + "/cgroup.threads") == "8\n" && files.read(first + "/cgroup.type") == "threaded\n")
        let second = Self.root + "/shoal-7-1"
        #expect(files.read(second + "/cpu.max") == "max 1000000\n" && files.read(second + "/cpu.weight") == "1000\n")
        #expect(files.read(second + "/cgroup.threads") == "9\n")
        #expect(files.read(Self.root + "/cgroup.threads") == "7\n")
    }

    /// A share that changes is written where the thread already is.
    @Test func aChangedShareMovesNoThread() throws {
        let files = FakeGroups()
        var groups = try Self.groups(files)
        _ = try groups.hold([ShareDemand(name: "a", thread: 8, cores: 0.5)])
        let before = files.writes.count { $0.hasSuffix("cgroup.threads") }
        let report = try groups.hold([ShareDemand(name: "a", thread: 8, cores: 0.0001)])
        #expect(files.writes.count { $0.hasSuffix("cgroup.threads") } == before)
        // The kernel's shortest quota.
        #expect(files.read(Self.root + "/shoal-7-0/cpu.max") == "1000 1000000\n" && report == ["a 0.00 cores"])
        #expect(files.read(Self.root + "/shoal-7-0/cpu.weight") == "1\n")
    }

    @Test func releaseLeavesTheFolderAsItWas() throws {
        let files = FakeGroups()
        var groups = try Self.groups(files)
        _ = try groups.hold([ShareDemand(name: "a", thread: 8, cores: 0.5)])
        groups.release()
        #expect(files.groups.isEmpty && files.read(Self.root + "/cgroup.subtree_control") == "\n")
        #expect(files.read(Self.root + "/cgroup.threads") == "7\n9\n8\n")
        #expect(try groups.hold([ShareDemand(name: "a", thread: 8, cores: 0.25)]) == ["a 0.25 cores"])
    }

    /// A controller that somebody else switched on is theirs to switch off.
    @Test func aControllerThatWasOnStaysOn() throws {
        let files = FakeGroups()
        try files.write("+cpu", to: Self.root + "/cgroup.subtree_control")
        var groups = try Self.groups(files)
        _ = try groups.hold([ShareDemand(name: "a", thread: 8, cores: 0.5)])
        groups.release()
        #expect(files.read(Self.root + "/cgroup.subtree_control") == "cpu\n")
    }

    @Test(arguments: [
        "shoal-7-0", "cgroup.type", "cgroup.subtree_control", "cpu.max", "cpu.weight", "shoal-7-1/cgroup.threads",
    ])
    func whatTheKernelRefusesIsNamedAndNothingIsLeft(end: String) throws {
        let files = FakeGroups()
        files.refuse(end, "Permission denied")
        var groups = try Self.groups(files)
        let refusal = #expect(throws: ShareRefusal.self) {
            try groups.hold([
                ShareDemand(name: "a", thread: 8, cores: 0.5), ShareDemand(name: "b", thread: 9, cores: 0.5),
            ])
        }
        #expect(refusal?.description.hasSuffix("\(end): Permission denied") == true, "\(refusal?.description ?? "")")
        #expect(files.groups.isEmpty)
        #expect(files.read(Self.root + "/cgroup.subtree_control") == "\n")
        #expect(Set(files.read(Self.root + "/cgroup.threads")?.split(separator: "\n") ?? []) == ["7", "8", "9"])
    }

    @Test func groupsOfTheDeadAreRemovedAndThoseOfTheLivingAreNot() throws {
        func group(_ name: String, _ threads: String) -> [String: String] {
            [Self.root + "/\(name)/cgroup.threads": threads, Self.root + "/\(name)/cgroup.type": "threaded\n"]
        }
        let others = group("shoal-40-0", "").merging(group("shoal-41-0", "")) { $1 }
            .merging(group("shoal-7-3", "")) { $1 }.merging(group("shoal-x", "")) { $1 }
            .merging(group("mine", "")) { $1 }.merging(["/proc/41/comm": "shoal-agent\n"]) { $1 }
        let files = FakeGroups(others: others)
        _ = try Self.groups(files)
        #expect(files.groups == ["mine", "shoal-41-0", "shoal-x"].map { Self.root + "/" + $0 })
    }

    @Test func aFolderThatIsNotDelegatedIsRefused() {
        #expect(throws: ShareRefusal("the cpu controller is not delegated to the cgroup \(Self.root)")) {
            try Self.groups(FakeGroups(controllers: "memory cpuset pids"))
        }
        #expect(throws: ShareRefusal("/none is no cgroup of version 2")) {
            try ThreadGroups(in: "/none", process: 7, isJoining: false, files: FakeGroups())
        }
    }

    @Test func aGivenFolderIsJoinedFirst() throws {
        let files = FakeGroups(others: [Self.root + "/cgroup.procs": ""])
        _ = try Self.groups(files, isJoining: true)
        #expect(files.read(Self.root + "/cgroup.procs") == "7\n")
        let refusing = FakeGroups()
        #expect(throws: ShareRefusal.self) { try Self.groups(refusing, isJoining: true) }
    }

    @Test(arguments: [
        (
            "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0", "0::/system.slice/a.service",
            "/sys/fs/cgroup/system.slice/a.service"
        ),
        ("x / ext4 rw\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw", "4:cpu:/\n0::/", "/sys/fs/cgroup/unified"),
    ])
    func theOwnFolderIsFound(mounts: String, membership: String, folder: String) throws {
        #expect(try ThreadGroups.ownFolder(mounts: mounts, membership: membership) == folder)
    }

    @Test(arguments: [
        ("cgroup /sys/fs/cgroup/cpu cgroup rw", "0::/", "no cgroup of version 2 is mounted"),
        ("cgroup2 /c cgroup2 rw", "4:cpu:/", "the process is in no cgroup of version 2"),
        ("cgroup2 /c cgroup2 rw", "0::/../other", "the process's cgroup is not visible here"),
    ])
    func whereThereIsNoneItIsSaid(mounts: String, membership: String, reason: String) {
        #expect(throws: ShareRefusal(reason)) {
            try ThreadGroups.ownFolder(mounts: mounts, membership: membership)
        }
    }
}
