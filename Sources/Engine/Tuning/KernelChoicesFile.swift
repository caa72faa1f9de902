import Glibc

/// Where the choices for this machine are kept: one file per processor model and instruction set, in
/// `$XDG_CACHE_HOME/shoal` or `~/.cache/shoal`. A file that is torn, foreign or stale counts as none and is replaced by
/// the next tuning run.
public struct KernelChoicesFile: Sendable {
    public let path: String
    public let target: TuningTarget
    /// Above what `KernelChoices.limit` shapes take.
    private static let largest = 2 << 20

    /// - Parameter folder: absolute; made when the file is written.
    public init(folder: String, target: TuningTarget) {
        let letters = "\(target.processor) \(target.instructionSet.rawValue)".unicodeScalars.map { scalar in
            scalar.properties.isAlphabetic || scalar.properties.numericType != nil
                ? String(scalar).lowercased() : "-"
        }
        path = "\(folder)/kernels-\(letters.joined()).txt"
        self.target = target
    }

    /// Of this machine; `nil` where no cache folder is known.
    public static func current(_ instructionSet: InstructionSet) -> KernelChoicesFile? {
        guard let folder = cacheFolder(variable) else { return nil }
        return KernelChoicesFile(
            folder: folder, target: TuningTarget(processor: processorName(), instructionSet: instructionSet))
    }

    /// - Parameter variable: the value of an environment variable. XDG's specification ignores relative paths.
    static func cacheFolder(_ variable: (String) -> String?) -> String? {
        if let cache = variable("XDG_CACHE_HOME"), cache.hasPrefix("/") { return cache + "/shoal" }
        if let home = variable("HOME"), home.hasPrefix("/") { return home + "/.cache/shoal" }
        return nil
    }

    private static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    private static func processorName() -> String {
        guard let file = fopen("/proc/cpuinfo", "r") else { return "unknown" }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 512)
        var lines: [String] = []
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            // The first processor of several ends. Of a line that is longer than the buffer the rest says nothing.
            if text == "\n" { break }
            lines.append(text)
        }
        return processorName(describedBy: lines)
    }

    /// On x86-64 `model name` of Linux with family, model and stepping, since virtual machines give processors of
    /// several generations one name; on arm64 implementer and part.
    static func processorName(describedBy lines: [String]) -> String {
        let keys = ["model name", "cpu family", "model", "stepping", "CPU implementer", "CPU part"]
        var values: [String: String] = [:]
        for line in lines {
            let sides = line.split(separator: ":", maxSplits: 1).map { side in
                side.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            }
            if sides.count == 2, keys.contains(sides[0]) { values[sides[0]] = sides[1] }
        }
        let parts = keys.compactMap { values[$0] }
        return parts.isEmpty ? "unknown" : parts.joined(separator: " ")
    }

    /// The choices, or none where there is no file that holds for this target.
    public func load() -> KernelChoices {
        guard let bytes = try? FileBytes.read(from: path, limit: Self.largest) else { return KernelChoices() }
        return (try? KernelChoices(bytes, for: target)) ?? KernelChoices()
    }

    /// Replaces the file in one step.
    /// - Throws: `ReadingFailure` when the system refuses.
    package func write(_ choices: KernelChoices) throws(ReadingFailure) {
        var folder = ""
        for part in path.split(separator: "/").dropLast() {
            folder += "/" + part
            mkdir(folder, 0o700)
        }
        try FileBytes.write(choices.serialized(for: target), to: path)
    }
}
