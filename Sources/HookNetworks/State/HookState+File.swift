import Engine
import Foundation
import MapPruning
import Packages
import SearchSpace
import NetworkParts

/// A hook file is a package of kind `hooks` (`TensorPackage`: a SHA-256 for every section and for their table, so that
/// a file cut or changed at any byte is noticed) whose manifest is JSON and whose tensors are weights and samples.
extension HookState {
    public static let packageKind = "hooks"
    /// What a file is called before a newer one takes its place.
    public static func previousPath(of path: String) -> String { path + ".previous" }

    /// Replaces the file in one step. The one before, if it was whole, stays as `PATH.previous`.
    public func write(to path: String) throws {
        if (try? Self.readOne(path)) != nil {
            let (previous, link) = (Self.previousPath(of: path), path + ".previous.new")
            // A second name for the old file, then one rename: at every instant both names lead to whole files.
            unlink(link)
            guard Glibc.link(path, link) == 0, rename(link, previous) == 0 else {
                throw HookRefusal("\(previous): cannot be written: \(String(cString: strerror(errno)))")
            }
        }
        try package().write(to: path)
    }

    /// What was read, and why it is not what the path leads to, where it is not.
    public struct Reading: Sendable {
        public let state: HookState
        /// What is wrong with the file, where the one before it was read instead.
        public let damage: String?
    }

    /// Reads the file, or the one before it where the file is torn or damaged.
    public static func read(from path: String) throws -> Reading {
        do {
            return Reading(state: try readOne(path), damage: nil)
        } catch {
            guard let state = try? readOne(previousPath(of: path)) else { throw error }
            return Reading(state: state, damage: "\(error)")
        }
    }

    private static func readOne(_ path: String) throws -> HookState {
        let package = try TensorPackage.read(from: path)
        do { return try HookState(package) } catch let refusal as HookRefusal {
            throw HookRefusal("\(path): \(refusal)")
        }
    }

    // MARK: Content

    private struct Manifest: Codable {
        var formatVersion: Int
        var kinds: [GateKind]
        var weightsSHA256: String
        var smaller: [Network]?
        var subnet: SubnetConfiguration?
        var statisticsFile: String?
        /// Version 1 had one smaller network at the most.
        var smallWeightsSHA256: String?
        var smallPackage: String?
        var statistics: Statistics
        var hooks: [HookEntry]
        /// From version 3 on.
        var inputs: GateInputs?
        /// Since version 3.
        var precision: PrecisionState.Entry?
        /// From version 5 on.
        var graphSHA256: String?
        var calibrations: [CalibrationEntry]?
    }

    private struct HookEntry: Codable {
        var point: AttachmentPoint
        var gate: GateEntry?
        var samples: SampleEntry?
        var overheadMicroseconds: Double?
        /// From version 3 on.
        var isFixed: Bool?
        /// Version 3 had one part to a decision, whose reader was its substitute.
        var mask: MapMask?
        /// From version 4 on.
        var masks: [MaskEntry]?
        var expectedDamage: Double?
    }

    private struct MaskEntry: Codable {
        var part: Int
        var mask: MapMask
    }

    private struct GateEntry: Codable {
        var algorithm: TrainingAlgorithm
        var layers: [[Layer]]
        var slope: Double
        var offset: Double
        var validation: GateValidation
    }

    private struct SampleEntry: Codable {
        var featureCount: Int
        var byteLimit: Int
        var seen: Int
    }

    func package() throws -> TensorPackage {
        var tensors: [String: Tensor] = [:]
        func keep(_ values: [Float], _ name: String) { tensors[name] = Tensor(shape: [values.count], values: values) }
        var entries: [HookEntry] = []
        for (index, hook) in hooks.enumerated() {
            var entry = HookEntry(point: hook.point)
            if let gate = hook.gate {
                let networks = gate.predictor.networks
                entry.gate = GateEntry(
                    algorithm: gate.predictor.algorithm, layers: networks.map(\.layers), slope: gate.slope,
                    offset: gate.offset, validation: gate.validation)
                keep(gate.mean.map { Float($0) }, "\(index).mean")
                keep(gate.deviation.map { Float($0) }, "\(index).deviation")
                keep(networks.flatMap(\.parameters).map { Float($0) }, "\(index).parameters")
            }
            if let samples = hook.samples {
                entry.samples = SampleEntry(
                    featureCount: samples.featureCount, byteLimit: samples.byteLimit, seen: samples.seen)
                if !samples.values.isEmpty { keep(samples.values, "\(index).samples") }
            }
            entry.overheadMicroseconds = hook.overheadMicroseconds
            entry.isFixed = hook.isFixed ? true : nil
            entry.masks = hook.masks.isEmpty ? nil : hook.masks.map { MaskEntry(part: $0.part, mask: $0.mask) }
            entry.expectedDamage = hook.expectedDamage
            let readers = hook.masks.enumerated().map { ("reader\($0)", $1.reader) }
            for (name, filter) in [("substitute", hook.substitute), ("head", hook.head)] + readers {
                guard let filter else { continue }
                keep(filter.weights, "\(index).\(name)")
                keep(filter.bias, "\(index).\(name).bias")
            }
            entries.append(entry)
        }
        let manifest = Manifest(
            formatVersion: Self.formatVersion, kinds: kinds, weightsSHA256: weightsSHA256,
            smaller: smaller, subnet: subnet, statisticsFile: statisticsFile, statistics: statistics, hooks: entries,
            inputs: inputs == .none ? nil : inputs, precision: precision?.entry(keep),
            graphSHA256: graphSHA256, calibrations: calibrations.isEmpty ? nil : calibrations.map(CalibrationEntry.init)
        )
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return TensorPackage(
            kind: Self.packageKind, manifest: Array(try encoder.encode(manifest)), tensors: tensors)
    }

    /// - Throws: `HookRefusal` where the content is not that of hooks.
    init(_ package: TensorPackage) throws {
        guard package.kind == Self.packageKind else { throw HookRefusal("is a package of another kind than hooks") }
        struct Version: Decodable { var formatVersion: Int }
        let data = Data(package.manifest)
        guard let version = try? JSONDecoder().decode(Version.self, from: data).formatVersion else {
            throw HookRefusal("the manifest names no format version")
        }
        guard version <= Self.formatVersion else {
            throw HookRefusal(
                "has format version \(version), newer than \(Self.formatVersion), the newest that is read")
        }
        guard version >= Self.oldestFormatVersion, let manifest = try? JSONDecoder().decode(Manifest.self, from: data)
        else {
            throw HookRefusal("the manifest is not one of hooks")
        }
        self.init(
            kinds: manifest.kinds, weightsSHA256: manifest.weightsSHA256, graphSHA256: manifest.graphSHA256,
            smaller: manifest.smaller
                ?? manifest.smallWeightsSHA256.map { [Network(weightsSHA256: $0, package: manifest.smallPackage)] }
                ?? [], subnet: manifest.subnet, statisticsFile: manifest.statisticsFile, hooks: [])
        statistics = manifest.statistics
        calibrations = try CalibrationEntry.calibrations(manifest.calibrations)
        inputs = manifest.inputs ?? .none
        guard inputs.isSound else { throw HookRefusal("the inputs of the gates do not fit together") }
        precision = try manifest.precision.map { entry throws(HookRefusal) in
            try PrecisionState(entry) { package.tensors[$0]?.values }
        }
        for (index, entry) in manifest.hooks.enumerated() {
            var hook = Hook(entry.point)
            func values(_ name: String) -> [Float]? { package.tensors["\(index).\(name)"]?.values }
            if let gate = entry.gate {
                hook.gate = try Self.gate(gate, values("mean"), values("deviation"), values("parameters"), index)
            }
            if let samples = entry.samples {
                guard samples.featureCount > 0, samples.featureCount <= Layer.sizeLimit,
                    let restored = GateSamples(
                        featureCount: samples.featureCount, byteLimit: samples.byteLimit, seen: samples.seen,
                        values: values("samples") ?? [])
                else { throw HookRefusal("the samples of hook \(index) do not fit together") }
                hook.samples = restored
            }
            func filter(_ name: String) throws(HookRefusal) -> Filter? {
                guard let weights = values(name), let bias = values(name + ".bias") else { return nil }
                guard (weights + bias).allSatisfy(\.isFinite) else {
                    throw HookRefusal("the \(name) of hook \(index) holds values that are no numbers")
                }
                return Filter(weights: weights, bias: bias)
            }
            hook.overheadMicroseconds = entry.overheadMicroseconds.flatMap { $0 >= 0 ? $0 : nil }
            hook.isFixed = entry.isFixed ?? false
            hook.expectedDamage = entry.expectedDamage.flatMap { (0...1).contains($0) ? $0 : nil }
            hook.substitute = try filter("substitute")
            hook.head = try filter("head")
            if let mask = entry.mask {
                hook.masks = [PartMask(part: entry.point.parts.lowerBound, mask: mask, reader: hook.substitute)]
                hook.substitute = nil
            } else {
                hook.masks = try (entry.masks ?? []).enumerated().map { position, one throws(HookRefusal) in
                    PartMask(part: one.part, mask: one.mask, reader: try filter("reader\(position)"))
                }
            }
            for mask in hook.masks.map(\.mask) {
                guard mask.blocks.contains(true), !mask.strips.isEmpty,
                    max(mask.blocks.count, mask.strips.count) <= Layer.sizeLimit
                else { throw HookRefusal("the mask of hook \(index) leaves nothing to compute") }
            }
            hooks.append(hook)
        }
    }

    private static func gate(
        _ entry: GateEntry, _ mean: [Float]?, _ deviation: [Float]?, _ parameters: [Float]?, _ index: Int
    ) throws(HookRefusal) -> Gate {
        let refusal = HookRefusal("the gate of hook \(index) does not fit together")
        guard let mean, let deviation, let parameters, !mean.isEmpty, mean.count == deviation.count,
            deviation.allSatisfy({ $0 > 0 && $0.isFinite }), (mean + parameters).allSatisfy(\.isFinite),
            entry.slope.isFinite, entry.offset.isFinite, !entry.layers.isEmpty,
            entry.layers.allSatisfy(Perceptron.fit),
            entry.layers.joined().reduce(0, { $0 + $1.parameterCount }) == parameters.count
        else { throw refusal }
        var rest = parameters.map { Double($0) }[...]
        let networks = entry.layers.map { layers in
            let count = layers.reduce(0) { $0 + $1.parameterCount }
            defer { rest = rest.dropFirst(count) }
            return Perceptron(layers, parameters: Array(rest.prefix(count)))
        }
        let predictor: Gate.Predictor
        switch entry.algorithm {
        case .backpropagation:
            guard networks.count == 1, networks[0].inputs == mean.count, networks[0].outputs == 1 else { throw refusal }
            predictor = .perceptron(networks[0])
        case .forwardForward:
            guard networks[0].inputs == mean.count + 2,
                zip(networks, networks.dropFirst()).allSatisfy({ $0.outputs == $1.inputs })
            else { throw refusal }
            predictor = .forwardForward(ForwardForward(layers: networks))
        }
        return Gate(
            mean: mean.map { Double($0) }, deviation: deviation.map { Double($0) }, predictor: predictor,
            slope: entry.slope, offset: entry.offset, validation: entry.validation)
    }
}

extension Gate.Predictor {
    var networks: [Perceptron] {
        switch self {
        case .perceptron(let network): [network]
        case .forwardForward(let network): network.layers
        }
    }

    var algorithm: TrainingAlgorithm {
        switch self {
        case .perceptron: .backpropagation
        case .forwardForward: .forwardForward
        }
    }
}
