import ArgumentParser
import Datasets
import Engine
import FleetListings
import Foundation
import Graphs
import HookNetworks
import ProgressLines
import SearchSpace
import Shoal
import Supernets

struct HooksBuildCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "build", abstract: "Find the places where gates can decide, and what each can save here.")

    @Argument(help: "The network package.")
    var package: String
    @Option(
        help: """
            A smaller network package for the same task, for the kind model, or the network's own package of shoal \
            quantize, for the kind bits; several times for several, which are tried in the order of their FLOPs.
            """)
    var with: [String] = []
    @Option(help: "Subnets to choose among for each input, for the kind model of a supernet: a JSON list of them.")
    var subnets: String?
    @Option(help: "Their batch normalisation statistics, of shoal calibrate.")
    var statistics: String?
    @Option(help: "Kinds of gates, separated by commas.")
    var kinds = "model"
    @Option(
        help: """
            What all gates are to read besides the network, separated by commas: latency, memory, frequency, \
            predicted-latency, sensors:N, or each sensor by its name, sensor:NAME.
            """)
    var inputs: String?
    @Option(
        parsing: .upToNextOption,
        help: """
            Images of the stream: precisions of single convolutions are chosen on them (kind bits, without --with), or \
            zeros of the network's maps are counted.
            """)
    var images: [String] = []
    @Option(help: "Use only the first of these images.")
    var limit = EightBitNetworks.imageCount
    @OptionGroup var calibration: CalibrationOptions
    @Option(help: "Share of the network's work that lies before the place where precisions are chosen.")
    var share = 0.25
    @Option(help: "Hook file to write.")
    var output: String
    @OptionGroup var format: FormatOptions

    func validate() throws {
        guard limit > 0 else { throw ValidationError("--limit: give at least 1") }
    }

    func run() async throws { try await refusing { try build() } }

    private func parsedKinds() throws -> [GateKind] {
        let kinds = try kinds.split(separator: ",").map { name in
            guard let kind = GateKind(rawValue: String(name)) else {
                let known = GateKind.allCases.map(\.rawValue).joined(separator: ", ")
                throw Refusal("--kinds \(name): is none of \(known)")
            }
            guard kind.row.isSupported else { throw Refusal("--kinds \(name): this version has no gates of this kind") }
            return kind
        }
        guard !kinds.isEmpty else { throw Refusal("--kinds: give at least one") }
        guard Set(kinds).count == kinds.count else { throw Refusal("--kinds \(self.kinds): names a kind twice") }
        guard kinds.count == 1 || kinds.allSatisfy(\.row.isWithinNetwork) else {
            throw Refusal(
                "--kinds \(self.kinds): model and bits decide between networks and need a hook file of their own")
        }
        return kinds
    }

    private func build() throws {
        let kinds = try parsedKinds()
        try OutputFile.checkFolder(of: output)
        try OutputFile.check(output, isNoneOf: [package, subnets, statistics] + with + images)
        let inputs: GateInputs
        do { inputs = try GateInputs(self.inputs ?? "") } catch { throw Refusal("--inputs: \(error)") }
        var state: HookState
        let choosesPrecisions = kinds == [.bits] && with.isEmpty && !images.isEmpty
        guard !choosesPrecisions || subnets == nil else { throw Refusal("--subnets: goes with the kind model") }
        guard !choosesPrecisions || inputs == .none else { throw Refusal("--inputs: gates of precisions read none") }
        if kinds[0].row.isWithinNetwork {
            guard with.isEmpty, subnets == nil else { throw Refusal("--with, --subnets: go with the kind model") }
            state = try buildWithinNetwork(try HookedPackage(package), kinds)
        } else if choosesPrecisions {
            let loaded = try HookedPackage(package)
            state = try PrecisionBuilder(
                package: loaded, stream: try HookStream(loaded, images: images, labels: [], skip: 0, limit: limit),
                file: images[0], method: calibration.method, share: share
            ).build()
        } else if let subnets {
            state = try buildSubnets(subnets, kinds)
        } else {
            state = try buildBetweenNetworks(try HookedPackage(package), kinds)
        }
        state.inputs = inputs
        do { try state.write(to: output) } catch { throw Refusal("\(error)", .environment) }
        try show(state, images.isEmpty || choosesPrecisions ? [] : try countZeros())
    }

    private func buildBetweenNetworks(_ largest: HookedPackage, _ kinds: [GateKind]) throws -> HookState {
        guard !with.isEmpty else {
            throw Refusal(
                kinds == [.bits]
                    ? "--images: the kind bits needs images of the stream, or with --with a package of 8 bits"
                    : "--with: the kind \(kinds[0].rawValue) needs a smaller network for the same task")
        }
        let smaller = Self.ordered(try with.map { try HookedPackage($0) })
        if let larger = smaller.first(where: { $0.plan.flops > largest.plan.flops }) {
            throw Refusal(
                "--with \(larger.path): takes more FLOPs (\(larger.plan.flops)) than \(package) "
                    + "(\(largest.plan.flops)); give the largest network first, the smaller ones by --with")
        }
        if kinds == [.bits], let wide = smaller.first(where: { $0.plan.precision == .fp32 }) {
            throw Refusal("--with \(wide.path): is not of 8 bits; give a package of shoal quantize")
        }
        return try state(kinds, smaller, largest, statistics: nil)
    }

    /// From the smallest up; of networks of equal work the order stays.
    private static func ordered(_ networks: [HookedPackage]) -> [HookedPackage] {
        let order = networks.indices.sorted { (networks[$0].plan.flops, $0) < (networks[$1].plan.flops, $1) }
        if order != Array(networks.indices) {
            let names = order.map { networks[$0].path }.joined(separator: ", ")
            Terminal.note("shoal: the networks of --with are tried in the order of their FLOPs: \(names)")
        }
        return order.map { networks[$0] }
    }

    private func buildSubnets(_ file: String, _ kinds: [GateKind]) throws -> HookState {
        guard with.isEmpty, kinds == [.model] else {
            throw Refusal("--subnets: goes with the kind model, without --with")
        }
        guard let statistics else { throw Refusal("--statistics: give those of the subnets, of shoal calibrate") }
        let loaded = try LoadedSupernet(package)
        let subnets = try HookedPackage.subnets(
            try BenchModel.read(file, for: loaded), of: loaded, statistics: statistics
        ).sorted { $0.plan.flops < $1.plan.flops }
        guard subnets.count > 1, let largest = subnets.last else {
            throw Refusal("--subnets \(file): give two subnets at least")
        }
        return try state(kinds, Array(subnets.dropLast()), largest, statistics: statistics)
    }

    /// A gate after every network but the largest; a decision saves all that come after.
    private func state(
        _ kinds: [GateKind], _ smaller: [HookedPackage], _ largest: HookedPackage, statistics: String?
    ) throws -> HookState {
        do {
            _ = try ModelCascade(
                smaller.map { $0.rung(nil, before: largest) }, largest: largest.plan, isCommittee: false)
        } catch {
            throw Refusal("\(package): \(error)")
        }
        let all = smaller + [largest]
        let times = all.map { PlanTimer.measure($0.plan, repeats: 30).totalMilliseconds * 1_000 }
        let hooks = smaller.indices.map { index in
            HookState.Hook(
                AttachmentPoint(
                    kind: kinds[0], operator: smaller[index].subnet?.description ?? smaller[index].name,
                    flops: all[(index + 1)...].reduce(0) { $0 + $1.plan.flops },
                    microseconds: times[(index + 1)...].reduce(0, +), parts: 0..<0))
        }
        return HookState(
            kinds: kinds, weightsSHA256: largest.weightsSHA256, graphSHA256: largest.graphSHA256,
            smaller: smaller.map { $0.named(beside: largest) },
            subnet: largest.subnet,
            statisticsFile: statistics.map { URL(filePath: $0).standardizedFileURL.path(percentEncoded: false) },
            hooks: hooks)
    }

    private func buildWithinNetwork(_ loaded: HookedPackage, _ kinds: [GateKind]) throws -> HookState {
        let plan = try loaded.sections()
        let points = BlockPoints.find(kinds, in: plan, microseconds: PartTimer.measure(plan, repeats: 50))
        var masks: [HookState.Hook] = []
        do {
            masks = try MapPoints.find(kinds, in: plan)
            try MapPoints.measure(&masks, in: plan, repeats: 20)
        } catch { throw Refusal("\(package): \(error)") }
        let hooks = (points.map { HookState.Hook($0) } + masks).enumerated().sorted {
            ($0.element.point.parts.lowerBound, $0.offset) < ($1.element.point.parts.lowerBound, $1.offset)
        }.map(\.element)
        let missing = kinds.filter { kind in !hooks.contains { $0.point.kind == kind } }.map(\.rawValue)
        let names = missing.joined(separator: " or ")
        let why = """
            \(package): has no place for gates of the kind \(names); skip and point need residual blocks, channel a \
            part whose second convolution has neither strides nor groups, exit two parts after its place
            """
        guard !hooks.isEmpty else { throw Refusal(why) }
        if !missing.isEmpty { Terminal.note("shoal: warning: \(why)") }
        return HookState(
            kinds: kinds.filter { !missing.contains($0.rawValue) }, weightsSHA256: loaded.weightsSHA256,
            graphSHA256: loaded.graphSHA256, hooks: hooks)
    }

    /// Of every step's map, over the images.
    private func countZeros() throws -> [ActivationSparsity] {
        let loaded = try HookedPackage(package)
        let stream = try HookStream(loaded, images: images, labels: [], skip: 0, limit: limit)
        let session = Session(for: [loaded.plan])
        var steps: [ActivationSparsity] = []
        let progress = Progress("Counting zeros", total: stream.images.count)
        for index in 0..<stream.images.count {
            session.run(loaded.plan, on: stream.image(index), counting: &steps)
            progress.update(index + 1)
        }
        return steps
    }

    private struct Summary: Encodable {
        struct Zeros: Encodable {
            var step: String
            /// Shares of values, of tiles of 4 pixels and 16 channels, and of blocks of 16 channels.
            var zeros: Double
            var zeroTiles: Double
            var zeroBlocks: Double
        }
        struct Point: Encodable {
            var kind: GateKind
            var `operator`: String
            var flops: Int
            var microseconds: Double
        }
        var attachmentPoints: [Point]
        /// For the kind bits: what each convolution saves by its precision, and the assignments to choose among.
        var convolutions: [PrecisionState.Convolution]?
        var masks: [PrecisionState.Mask]?
        var weightsSHA256: String
        /// Left out without images.
        var sparsity: [Zeros]?
    }

    private func show(_ state: HookState, _ zeros: [ActivationSparsity]) throws {
        let points = state.hooks.map(\.point)
        guard format.format == .table else {
            return try format.print(
                Summary(
                    attachmentPoints: points.map {
                        .init(kind: $0.kind, operator: $0.operator, flops: $0.flops, microseconds: $0.microseconds)
                    }, convolutions: state.precision?.convolutions, masks: state.precision?.masks,
                    weightsSHA256: state.weightsSHA256,
                    sparsity: zeros.isEmpty
                        ? nil
                        : zeros.map {
                            .init(
                                step: $0.name, zeros: $0.zeroShare, zeroTiles: $0.zeroTileShare,
                                zeroBlocks: $0.zeroBlockShare)
                        }))
        }
        if let precision = state.precision { show(precision) }
        var table = TextTable(["KIND", "OPERATOR", "SAVES KFLOP", "SAVES US", "LEAVES OUT"])
        for point in points {
            table.add([
                point.kind.rawValue, point.operator, "\(point.flops / 1_000)", point.microseconds.text(1),
                point.kind.row.summary,
            ])
        }
        Terminal.print(table.text)
        guard !zeros.isEmpty else { return }
        var shares = TextTable(["STEP", "ZEROS %", "ZERO TILES %", "ZERO BLOCKS %"])
        for step in zeros {
            shares.add([
                step.name, (100 * step.zeroShare).text(1), (100 * step.zeroTileShare).text(2),
                (100 * step.zeroBlockShare).text(2),
            ])
        }
        Terminal.print(shares.text)
        Terminal.print("\((100 * ActivationSparsity.share(zeros)).text(1)) % of all values are zero")
    }

    private func show(_ precision: PrecisionState) {
        var table = TextTable(["KIND", "CONVOLUTION", "KFLOP", "BF16 SAVES US", "INT8 SAVES US", "IN MASKS"])
        for (index, one) in precision.convolutions.enumerated() {
            let saved = [Precision.bf16, .int8].map { one.savedMicroseconds[$0]?.text(1) ?? "-" }
            table.add(
                [GateKind.bits.rawValue, one.operator, "\(one.flops / 1_000)"] + saved
                    + [precision.masks.map { $0[index].rawValue }.joined(separator: " ")])
        }
        Terminal.print(table.text)
    }
}
