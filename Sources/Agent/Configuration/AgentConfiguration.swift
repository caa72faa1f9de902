public import AgentCore
public import FleetModel
import Foundation
import Yams

/// What an agent is started with: one YAML file.
///
///     board: edge-1
///     labels: { tier: edge }
///     stateDirectory: state/edge-1
///     enrolment: edge-1.bundle.json     # needed once; may be gone afterwards
///     coordinators: [tcp://10.0.0.1:7700, tcp://10.0.0.2:7700]      # optional: instead of those of the enrolment
///     models:
///       - name: classifier
///         package: fashion.shoal
///         points: fashion.points.json
///         statistics: fashion.statistics
///         mode: lookUp                  # or steps
///         processor: 3                  # optional: one that the agent may use; see `ExecutorShare`
///         hooks: { file: fashion.hooks, budget: 0.1, learns: true }     # optional; see `Hooks`
///         stream: { images: [...], labels: [...], first: 2000, busyShare: 0.25, seed: 1 }
///                                       # or { framesPerSecond: 20 }: what requests are expected to bring
///     spoolBytes: 67108864              # optional: telemetry kept for the coordinator; the oldest goes beyond
///     inference: { port: 8000 }         # optional: host (a loopback address), or { socket: PATH } instead
///     frames: { socket: PATH }          # optional: frames by shared memory; see `FrameServer`
///     metrics: { port: 7791 }           # optional: for Prometheus; host (a loopback address unless given)
///     watts: 5                          # optional: power that the models may draw; policies reserve part of it
///     shares: { cgroup: PATH }          # optional: how CPU shares of policies are held; see `Shares`
///
/// Relative paths start at the folder of the file.
public struct AgentConfiguration: Equatable, Sendable {
    public struct Model: Equatable, Sendable, Decodable {
        public var name: String
        public var package: String
        public var points: String
        /// Of a supernet's subnets; none for a network.
        public var statistics: String?
        public var mode: BoardManager.Mode?
        public var stream: Stream
        public var hooks: Hooks?
        /// Runs here, with the other models that name it; without it wherever the board has room.
        public var processor: Int?
    }

    /// Gates that leave out what an input does not need, and may learn from the stream.
    public struct Hooks: Equatable, Sendable, Decodable {
        /// Of `shoal hooks`; written to where it learns.
        public var file: String
        /// Damage to be put up with, 0...1, at points whose `hookBudget` says nothing; without it those run plain.
        public var budget: Double?
        public var learns: Bool?
        /// Whether it learns together with other boards of its class; goes with `learns`.
        public var shares: Bool?
        /// Of one processor, for learning.
        public var processorShare: Double?
        /// Share of the board's processors, 0...1, that other programs may take while it learns; 0.7 without.
        public var busiest: Double?
        /// Memory for the samples of each gate.
        public var sampleBytes: Int?
        /// Values of sensors that gates read, by name, for frames and for requests that say nothing else.
        public var sensors: [String: Double]?
    }

    /// Images that play a camera: the set from `first` on, in an order drawn by `seed`, over and over. Without images
    /// the model answers requests only, which are expected at this rate.
    public struct Stream: Equatable, Sendable, Decodable {
        public var images: [String]?
        public var labels: [String]?
        public var first: Int?
        public var framesPerSecond: Double?
        /// Instead: the rate at which the most accurate point would keep this share of a core busy, 0...1.
        public var busyShare: Double?
        public var seed: UInt64?
    }

    /// How models are held to the shares of the CPU time that policies give them: in the strongest way that the kernel
    /// permits, unless this says otherwise.
    public struct Shares: Equatable, Sendable, Decodable {
        public enum Means: String, Equatable, Sendable, Decodable { case cgroup, affinity, none }

        /// The strongest way to try; `cgroup` unless given.
        public var means: Means?
        /// Folder of a group that is delegated to the agent, which joins it; without it the agent's own group.
        public var cgroup: String?
    }

    public var board: BoardID
    public var labels: [String: String]
    public var stateDirectory: String
    public var enrolment: String?
    /// Where the coordinators are, `tcp://HOST:PORT`; `nil`: as the enrolment says.
    public var coordinators: [String]?
    public var telemetryMilliseconds: Int
    /// Of telemetry that is kept until the coordinator has it.
    public var spoolBytes: Int
    public var models: [Model]
    /// Where the inference endpoint listens; `nil` for none.
    public var inference: InferencePlace?
    /// Path of the socket that takes frames; `nil` for none.
    public var frames: String?
    /// Where metrics are served; `nil` for nowhere.
    public var metrics: MetricsPlace?
    /// Power that the models may draw; `nil` where it is no constraint.
    public var watts: Double?
    public var shares = Shares()

    /// The shortest and longest telemetry window.
    public static let telemetryRange = 100...60_000
    public static let coordinatorLimit = 64
    public static let spoolRange = 64 << 10...16 << 30
    /// Frames per second that a stream may bring.
    public static let frameRates = 0.001...100_000
}

/// Why an agent's configuration cannot be used.
public struct ConfigurationFailure: Error, Equatable, Sendable, CustomStringConvertible {
    public let file: String
    public let reason: String

    public init(file: String, reason: String) {
        self.file = file
        self.reason = reason
    }

    public var description: String { "\(file): \(reason)" }

    /// Of a file that cannot be read, with the system's reason.
    static func unreadable(_ path: String) -> ConfigurationFailure {
        let reason = access(path, R_OK) == 0 ? "" : ": " + String(cString: strerror(errno))
        return ConfigurationFailure(file: path, reason: "cannot be read" + reason)
    }
}

extension AgentConfiguration.Model {
    /// Whether the files are there without which the model cannot be loaded; those of hooks are no such files.
    /// - Throws: for the first that cannot be read.
    func checkFiles() throws(ConfigurationFailure) {
        let files = [package, points, statistics].compactMap { $0 } + (stream.images ?? []) + (stream.labels ?? [])
        for path in files where access(path, R_OK) != 0 { throw .unreadable(path) }
    }
}

extension AgentConfiguration {
    private struct Form: Decodable {
        var board: String
        var labels: [String: String]?
        var stateDirectory: String
        var enrolment: String?
        var coordinators: [String]?
        var telemetryMilliseconds: Int?
        var spoolBytes: Int?
        var models: [Model]
        var inference: InferencePlace.Form?
        var frames: Frames?
        var metrics: MetricsPlace?
        var watts: Double?
        var shares: Shares?

        struct Frames: Decodable { var socket: String }
    }

    /// - Throws: `ConfigurationFailure` with the field that cannot be used.
    public static func read(from path: String) throws(ConfigurationFailure) -> AgentConfiguration {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw .unreadable(path)
        }
        guard text.utf8.count <= FleetLimits.policyBytes else {
            throw ConfigurationFailure(file: path, reason: "larger than \(FleetLimits.policyBytes) bytes")
        }
        let form: Form
        do {
            if let unknown = try unknownField(in: text) {
                throw ConfigurationFailure(file: path, reason: "\(unknown): there is no such field")
            }
            form = try YAMLDecoder().decode(Form.self, from: text)
        } catch let failure as ConfigurationFailure {
            throw failure
        } catch let error as DecodingError {
            throw ConfigurationFailure(file: path, reason: describe(error))
        } catch {
            throw ConfigurationFailure(file: path, reason: "is not YAML")
        }
        return try check(form, file: path)
    }

    /// The first field that nothing reads: a slip in a name must not pass for a default.
    private static func unknownField(in text: String) throws -> String? {
        let top = [
            "board", "labels", "stateDirectory", "enrolment", "coordinators", "telemetryMilliseconds", "spoolBytes",
            "models", "inference", "frames", "metrics", "watts", "shares",
        ]
        let model = ["name", "package", "points", "statistics", "mode", "stream", "hooks", "processor"]
        let hooks = ["file", "budget", "learns", "shares", "processorShare", "busiest", "sampleBytes", "sensors"]
        let stream = ["images", "labels", "first", "framesPerSecond", "busyShare", "seed"]
        func stranger(_ node: Node?, _ known: [String], _ path: String) -> String? {
            node?.mapping?.keys.compactMap(\.string).first { !known.contains($0) }.map { path + $0 }
        }
        let document = try compose(yaml: text)
        if let found = stranger(document, top, "") { return found }
        if let found = stranger(document?["inference"], ["host", "port", "socket"], "inference.") { return found }
        if let found = stranger(document?["frames"], ["socket"], "frames.") { return found }
        if let found = stranger(document?["metrics"], ["host", "port"], "metrics.") { return found }
        if let found = stranger(document?["shares"], ["means", "cgroup"], "shares.") { return found }
        for (index, entry) in (document?["models"]?.sequence ?? []).enumerated() {
            let path = "models[\(index)]."
            if let found = stranger(entry, model, path) { return found }
            if let found = stranger(entry["stream"], stream, path + "stream.") { return found }
            if let found = stranger(entry["hooks"], hooks, path + "hooks.") { return found }
        }
        return nil
    }

    private static func check(_ form: Form, file: String) throws(ConfigurationFailure) -> AgentConfiguration {
        func require(_ condition: Bool, _ reason: String) throws(ConfigurationFailure) {
            if !condition { throw ConfigurationFailure(file: file, reason: reason) }
        }
        guard let board = BoardID(form.board) else {
            throw ConfigurationFailure(file: file, reason: "board: '\(form.board)' is not a name of a-z, 0-9 and '-'")
        }
        let window = form.telemetryMilliseconds ?? 1_000
        try require(telemetryRange.contains(window), "telemetryMilliseconds: \(window) is outside \(telemetryRange)")
        let spool = form.spoolBytes ?? FleetLimits.spoolBytes
        try require(spoolRange.contains(spool), "spoolBytes: \(spool) is outside \(spoolRange)")
        try require(!form.models.isEmpty, "models: at least one is needed")
        try require(form.models.count <= FleetLimits.modelsPerBoard, "models: more than \(FleetLimits.modelsPerBoard)")
        try require(Set(form.models.map(\.name)).count == form.models.count, "models: a name appears twice")
        if let fault = form.coordinators.flatMap(coordinatorFault) {
            throw ConfigurationFailure(file: file, reason: fault)
        }
        let folder = URL(filePath: file).deletingLastPathComponent()
        func resolve(_ path: String) -> String { URL(filePath: path, relativeTo: folder).path(percentEncoded: false) }
        var models: [Model] = []
        for (index, model) in form.models.enumerated() {
            let field = "models[\(index)]"
            try require(
                ModelName(model.name) != nil, "\(field).name: '\(model.name)' is not a name of a-z, 0-9 and '-'")
            do throws(ConfigurationFailure) {
                try model.checkStream(isAsked: form.inference != nil || form.frames != nil)
                try model.hooks?.check()
            } catch { throw ConfigurationFailure(file: file, reason: "\(field).\(error.reason)") }
            var resolved = model
            resolved.package = resolve(model.package)
            resolved.points = resolve(model.points)
            resolved.statistics = model.statistics.map(resolve)
            if let hooks = model.hooks {
                resolved.hooks?.file = resolve(hooks.file)
            }
            resolved.stream.images = model.stream.images?.map(resolve)
            resolved.stream.labels = model.stream.labels?.map(resolve)
            models.append(resolved)
        }
        var inference: InferencePlace?
        do throws(InferencePlace.Refusal) {
            inference = try form.inference.map { form throws(InferencePlace.Refusal) in
                try InferencePlace(form, resolve)
            }
        } catch {
            throw ConfigurationFailure(file: file, reason: "inference." + error.reason)
        }
        let frames = form.frames.map { resolve($0.socket) }
        try require(
            frames.map { $0.utf8.count < InferencePlace.pathLimit } ?? true,
            "frames.socket: is longer than \(InferencePlace.pathLimit - 1) bytes")
        if let fault = form.metrics?.fault {
            throw ConfigurationFailure(file: file, reason: "metrics." + fault)
        }
        let power = 0...BoardDescription.wattLimit
        try require(form.watts.map(power.contains) ?? true, "watts: is outside \(power)")
        try require(
            form.shares?.cgroup.map { $0.hasPrefix("/") } ?? true, "shares.cgroup: give the whole path of the folder")
        return AgentConfiguration(
            board: board, labels: form.labels ?? [:], stateDirectory: resolve(form.stateDirectory),
            enrolment: form.enrolment.map(resolve), coordinators: form.coordinators,
            telemetryMilliseconds: window,
            spoolBytes: spool, models: models,
            inference: inference, frames: frames, metrics: form.metrics, watts: form.watts,
            shares: form.shares ?? Shares())
    }

    private static func coordinatorFault(_ addresses: [String]) -> String? {
        guard (1...coordinatorLimit).contains(addresses.count) else {
            return "coordinators: give 1 to \(coordinatorLimit)"
        }
        let wrong = addresses.firstIndex { !isAddress($0) }
        return wrong.map { "coordinators[\($0)]: '\(addresses[$0])' is not like tcp://HOST:PORT" }
    }

    private static func isAddress(_ text: String) -> Bool {
        guard text.hasPrefix("tcp://"), let colon = text.lastIndex(of: ":"),
            let port = UInt16(text[text.index(after: colon)...])
        else { return false }
        return port > 0 && text.distance(from: text.startIndex, to: colon) > "tcp://".count
    }

    /// With the field, where one is to blame.
    static func describe(_ error: DecodingError) -> String {
        func path(_ keys: [any CodingKey]) -> String {
            keys.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
        }
        return switch error {
        case .keyNotFound(let key, let context): "\(path(context.codingPath + [key])): is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            context.codingPath.isEmpty
                ? "is not a mapping of fields" : "\(path(context.codingPath)): is of the wrong type"
        case .dataCorrupted(let context):
            context.codingPath.isEmpty ? "is not YAML" : "\(path(context.codingPath)): cannot be read"
        @unknown default: "cannot be read"
        }
    }
}

/// Reasons begin with the field.
extension AgentConfiguration.Model {
    /// - Parameter isAsked: whether an application may bring images.
    fileprivate func checkStream(isAsked: Bool) throws(ConfigurationFailure) {
        func require(_ condition: Bool, _ reason: String) throws(ConfigurationFailure) {
            if !condition { throw ConfigurationFailure(file: name, reason: "stream" + reason) }
        }
        try require(
            (stream.framesPerSecond == nil) != (stream.busyShare == nil), ": give either framesPerSecond or busyShare")
        let (rate, share, rates) = (stream.framesPerSecond ?? 1, stream.busyShare ?? 1, AgentConfiguration.frameRates)
        try require(rates.contains(rate), ".framesPerSecond: \(rate) is outside \(rates)")
        try require(share > 0 && share <= 1, ".busyShare: \(share) is not above 0 and at most 1")
        try require((stream.first ?? 0) >= 0, ".first: is negative")
        try require(stream.images?.isEmpty != true, ".images: is an empty list; leave it out")
        guard stream.images == nil else { return }
        try require(isAsked, ".images: is missing, and neither inference nor frames brings images")
        try require(
            stream.labels == nil && stream.first == nil && stream.seed == nil, ": labels, first and seed go with images"
        )
        try require(hooks == nil, ".images: is missing; hooks are measured on images")
    }
}

extension AgentConfiguration.Hooks {
    fileprivate func check() throws(ConfigurationFailure) {
        func require(_ condition: Bool, _ reason: String) throws(ConfigurationFailure) {
            if !condition { throw ConfigurationFailure(file: file, reason: "hooks." + reason) }
        }
        try require(budget.map { (0...1).contains($0) } ?? true, "budget: is outside 0...1")
        try require(processorShare.map { $0 > 0 && $0 <= 1 } ?? true, "processorShare: is outside 0...1")
        try require(busiest.map { (0...1).contains($0) } ?? true, "busiest: is outside 0...1")
        try require(shares != true || learns == true, "shares: goes with learns: true")
        try require(
            sampleBytes.map { (1 << 12...1 << 30).contains($0) } ?? true, "sampleBytes: is outside 4096...\(1 << 30)")
    }
}
