import Processors
import Synchronization

/// Control groups in memory that keep the kernel's rules, as far as threads and the cpu controller go.
final class FakeGroups: GroupFiles {
    struct State {
        /// By path; groups are those that have `cgroup.threads`.
        var files: [String: String] = [:]
        /// Ends of paths whose change is refused, and why.
        var refused: [String: String] = [:]
        var writes: [String] = []
    }

    static let root = "/sys/fs/cgroup/agent"
    private let state: Mutex<State>

    /// One group, with the process's threads in it.
    init(controllers: String = "cpu pids", threads: [Int32] = [7, 8, 9], others: [String: String] = [:]) {
        let lines = threads.map { "\($0)\n" }.joined()
        let own = [
            Self.root + "/cgroup.controllers": controllers + "\n", Self.root + "/cgroup.subtree_control": "\n",
            Self.root + "/cgroup.threads": lines,
        ]
        state = Mutex(State(files: own.merging(others) { $1 }))
    }

    func refuse(_ end: String, _ reason: String?) { state.withLock { $0.refused[end] = reason } }

    var groups: [String] {
        state.withLock { state in
            state.files.keys.filter { $0.hasSuffix("/cgroup.threads") }
                .map { String($0.dropLast("/cgroup.threads".count)) }.filter { $0 != Self.root }.sorted()
        }
    }

    var writes: [String] { state.withLock { $0.writes } }

    func read(_ path: String) -> String? { state.withLock { $0.files[path] } }

    func write(_ text: String, to path: String) throws(ShareRefusal) {
        try state.withLock { state throws(ShareRefusal) in
            try Self.check(path, state)
            guard state.files[path] != nil else { throw ShareRefusal("\(path): No such file or directory") }
            state.writes.append(path)
            switch path.split(separator: "/").last {
            case "cgroup.threads":
                for other in state.files.keys where other.hasSuffix("/cgroup.threads") {
                    state.files[other] = (state.files[other] ?? "").split(separator: "\n").filter { $0 != text }
                        .map { $0 + "\n" }.joined()
                }
                state.files[path, default: ""] += text + "\n"
            case "cgroup.subtree_control":
                state.files[path] = text == "+cpu" ? "cpu\n" : "\n"
                for group in state.files.keys where group.hasSuffix("/cgroup.type") {
                    Self.addController(to: String(group.dropLast("/cgroup.type".count)), text == "+cpu", &state)
                }
            default: state.files[path] = text + "\n"
            }
        }
    }

    func makeFolder(_ path: String) throws(ShareRefusal) {
        try state.withLock { state throws(ShareRefusal) in
            try Self.check(path, state)
            guard state.files[path + "/cgroup.threads"] == nil else { throw ShareRefusal("\(path): File exists") }
            (state.files[path + "/cgroup.threads"], state.files[path + "/cgroup.type"]) = ("", "domain\n")
            Self.addController(to: path, state.files[Self.root + "/cgroup.subtree_control"] == "cpu\n", &state)
        }
    }

    func removeFolder(_ path: String) throws(ShareRefusal) {
        try state.withLock { state throws(ShareRefusal) in
            guard state.files[path + "/cgroup.threads"] == "" else {
                throw ShareRefusal("\(path): Device or resource busy")
            }
            for file in state.files.keys where file.hasPrefix(path + "/") { state.files[file] = nil }
        }
    }

    func folders(in path: String) -> [String] {
        groups.filter { $0.hasPrefix(path + "/") }.map { String($0.dropFirst(path.count + 1)) }
    }

    private static func addController(to group: String, _ isOn: Bool, _ state: inout State) {
        state.files[group + "/cpu.max"] = isOn ? state.files[group + "/cpu.max"] ?? "max 100000\n" : nil
        state.files[group + "/cpu.weight"] = isOn ? state.files[group + "/cpu.weight"] ?? "100\n" : nil
    }

    private static func check(_ path: String, _ state: State) throws(ShareRefusal) {
        if let refusal = state.refused.first(where: { path.hasSuffix($0.key) }) {
            throw ShareRefusal("\(path): \(refusal.value)")
        }
    }
}

/// A scheduler in memory; of each thread where it may run and how it ranks.
final class FakeScheduling: ThreadScheduling {
    private let state = Mutex<(places: [Int32: [Int]], nices: [Int32: Int32], refusals: Set<String>)>(([:], [:], []))

    init(refusing: Set<String> = []) { state.withLock { $0.refusals = refusing } }

    var places: [Int32: [Int]] { state.withLock { $0.places } }
    var nices: [Int32: Int32] { state.withLock { $0.nices } }

    func place(_ thread: Int32, on processors: [Int]) throws(ShareRefusal) -> [Int] {
        try state.withLock { state throws(ShareRefusal) in
            guard !state.refusals.contains("place") else { throw ShareRefusal("affinity: Operation not permitted") }
            state.places[thread] = processors
            return processors
        }
    }

    func rank(_ thread: Int32, nice: Int32) throws(ShareRefusal) -> Int32 {
        try state.withLock { state throws(ShareRefusal) in
            guard !state.refusals.contains("rank") else { throw ShareRefusal("priority: Permission denied") }
            state.nices[thread] = nice
            return nice
        }
    }
}
