/// A thread that is to be held to a share of the board's CPU time.
public struct ShareDemand: Equatable, Sendable {
    /// In reports.
    public var name: String
    /// As the kernel numbers it.
    public var thread: Int32
    /// CPU time in cores, above 0; `nil` sets no limit. A thread cannot take more than one.
    public var cores: Double?
    /// That it is bound to, whatever its share.
    public var processor: Int?

    public init(name: String, thread: Int32, cores: Double?, processor: Int? = nil) {
        (self.name, self.thread, self.cores, self.processor) = (name, thread, cores, processor)
    }

    /// The share that the kernel is told: below one core, or `nil`.
    var limit: Double? { cores.flatMap { $0 < 1 ? $0 : nil } }
}

/// Threads of this process in control groups of version 2 (Linux's Documentation/admin-guide/cgroup-v2.rst, "Threads"
/// and "CPU"), one threaded group each below one folder:
///
///     FOLDER                        the process; becomes a threaded domain
///     ├── shoal-PID-0/cgroup.threads, cpu.max, cpu.weight
///     └── shoal-PID-1/…
///
/// `cpu.max` caps the CPU time of a limited thread over a second, so that no frame waits for its quota unless the
/// second's is used up; `cpu.weight` divides what several threads want at once. Everything written is read back.
/// Groups that a process left behind which is no more are removed at the start; those of others are left alone.
///
/// Not on the inference path: whoever calls may wait for the kernel.
public struct ThreadGroups: Sendable {
    /// Over which a share is an average; the longest that the kernel takes.
    static let periodMicroseconds = 1_000_000
    /// The shortest quota that the kernel takes.
    static let leastQuotaMicroseconds = 1_000
    private static let prefix = "shoal-"

    private let files: any GroupFiles
    private let folder: String
    private let process: Int32
    /// Groups made, by their place; each with the thread in it.
    private var threads: [Int32] = []
    /// Whether this switched the controller on, and so switches it off.
    private var hasEnabled = false

    /// The folder of the process's own group.
    /// - Parameters:
    ///   - mounts: the text of `/proc/self/mounts`.
    ///   - membership: the text of `/proc/self/cgroup`.
    /// - Throws: where there is no hierarchy of version 2.
    public static func ownFolder(mounts: String, membership: String) throws(ShareRefusal) -> String {
        let mount = mounts.split(separator: "\n").lazy.map { $0.split(separator: " ") }
            .first { $0.count > 2 && $0[2] == "cgroup2" }
        guard let mount else { throw ShareRefusal("no cgroup of version 2 is mounted") }
        guard let line = membership.split(separator: "\n").first(where: { $0.hasPrefix("0::") }) else {
            throw ShareRefusal("the process is in no cgroup of version 2")
        }
        let (root, path) = (String(mount[1]), String(line.dropFirst(3)))
        // Outside the namespace that is seen here.
        guard !path.hasPrefix("/..") else { throw ShareRefusal("the process's cgroup is not visible here") }
        return path == "/" ? root : root + path
    }

    /// Prepares the folder; makes no group yet.
    /// - Parameters:
    ///   - folder: of a group that was delegated to this process.
    ///   - isJoining: whether the process is not in it yet.
    /// - Throws: what the kernel refuses.
    public init(
        in folder: String, process: Int32, isJoining: Bool, files: any GroupFiles
    ) throws(ShareRefusal) {
        (self.folder, self.process, self.files) = (folder, process, files)
        guard let controllers = files.read(folder + "/cgroup.controllers") else {
            throw ShareRefusal("\(folder) is no cgroup of version 2")
        }
        guard Self.words(controllers).contains("cpu") else {
            throw ShareRefusal("the cpu controller is not delegated to the cgroup \(folder)")
        }
        if isJoining { try files.write("\(process)", to: folder + "/cgroup.procs") }
        removeLeftovers()
    }

    private func removeLeftovers() {
        for name in files.folders(in: folder) where name.hasPrefix(Self.prefix) {
            guard let owner = Int32(name.dropFirst(Self.prefix.count).prefix { $0 != "-" }) else { continue }
            // The number may be this process's by chance.
            guard owner == process || files.read("/proc/\(owner)/comm") == nil else { continue }
            // What still has threads is refused and stays.
            try? files.removeFolder(folder + "/" + name)
        }
    }

    /// - Returns: what is in force, as it was read back, in the order of the demands.
    /// - Throws: what the kernel refuses; then no group is left.
    public mutating func hold(_ demands: [ShareDemand]) throws(ShareRefusal) -> [String] {
        do throws(ShareRefusal) {
            var report: [String] = []
            for (place, demand) in demands.enumerated() { report.append(try hold(demand, at: place)) }
            return report
        } catch {
            release()
            throw error
        }
    }

    private mutating func hold(_ demand: ShareDemand, at place: Int) throws(ShareRefusal) -> String {
        let group = self.group(place)
        if place == threads.count {
            try files.makeFolder(group)
            threads.append(0)
            try files.write("threaded", to: group + "/cgroup.type")
            try enableController()
        }
        let quota = demand.limit.map { max(Self.leastQuotaMicroseconds, Int($0 * Double(Self.periodMicroseconds))) }
        let most = "\(quota.map(String.init) ?? "max") \(Self.periodMicroseconds)"
        let weight = "\(max(1, Int((1_000 * min(1, demand.cores ?? 1)).rounded())))"
        try set(most, "cpu.max", of: group)
        try set(weight, "cpu.weight", of: group)
        if threads[place] != demand.thread {
            try files.write("\(demand.thread)", to: group + "/cgroup.threads")
            guard Self.words(files.read(group + "/cgroup.threads") ?? "").contains("\(demand.thread)") else {
                throw ShareRefusal("\(group)/cgroup.threads does not list the thread written to it")
            }
            threads[place] = demand.thread
        }
        guard let quota else { return "\(demand.name) unlimited" }
        return "\(demand.name) \(Self.hundredths(quota, of: Self.periodMicroseconds)) cores"
    }

    private mutating func enableController() throws(ShareRefusal) {
        let path = folder + "/cgroup.subtree_control"
        guard !Self.words(files.read(path) ?? "").contains("cpu") else { return }
        try files.write("+cpu", to: path)
        hasEnabled = true
    }

    private func set(_ text: String, _ name: String, of group: String) throws(ShareRefusal) {
        let path = group + "/" + name
        try files.write(text, to: path)
        let read = Self.words(files.read(path) ?? "").joined(separator: " ")
        guard read == text else { throw ShareRefusal("\(path) reads '\(read)' after '\(text)' was written") }
    }

    /// Threads go back to the folder's group, and the groups go. What the kernel refuses of it, the next start does.
    public mutating func release() {
        for place in threads.indices.reversed() {
            let group = self.group(place)
            for thread in Self.words(files.read(group + "/cgroup.threads") ?? "") {
                try? files.write(thread, to: folder + "/cgroup.threads")
            }
            try? files.removeFolder(group)
        }
        threads.removeAll()
        // Refused while another process has groups here.
        if hasEnabled { try? files.write("-cpu", to: folder + "/cgroup.subtree_control") }
        hasEnabled = false
    }

    private func group(_ place: Int) -> String { "\(folder)/\(Self.prefix)\(process)-\(place)" }

    private static func words(_ text: String) -> [String] {
        text.split { $0 == " " || $0 == "\n" || $0 == "\t" }.map(String.init)
    }

    private static func hundredths(_ part: Int, of whole: Int) -> String {
        let hundredths = (part * 100 + whole / 2) / whole
        return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
    }
}
