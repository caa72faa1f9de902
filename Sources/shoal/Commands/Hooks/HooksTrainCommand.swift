import ArgumentParser
import Datasets
import Engine
import FleetListings
import Foundation
import HookNetworks
import MapPruning
import Packages
import ProgressLines
import SearchSpace

struct HooksTrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train", abstract: "Let gates learn from a stream of images, without labels.",
        discussion: """
            Each image is run as it is and with decisions changed; a gate learns how far the output moves. The same \
            images and seed give the same gates. Gates that fail their validation are kept but not used. Give images \
            that the network was not trained on: it has memorised those.
            """)

    @Argument(help: "The network package.")
    var package: String
    @Argument(help: "Hook file, replaced by the trained one; the one before stays as HOOKS.previous.")
    var hooks: String
    @Option(help: "The smaller network packages, where they are not where they were when the hooks were built.")
    var with: [String] = []
    @Option(help: "The subnets' statistics, where they are not where they were.")
    var statistics: String?
    @Option(parsing: .upToNextOption, help: "Images.")
    var images: [String]
    @Option(parsing: .unconditional, help: "Leave out the first images.")
    var skip = 0
    @Option(parsing: .unconditional, help: "How many images to learn from; all without it.")
    var frames: Int?
    @Option(parsing: .unconditional, help: "Seed of everything random.")
    var seed: UInt64 = 1
    @Option(
        help: "backprop or forward-forward.",
        transform: { name in
            guard let algorithm = TrainingAlgorithm(rawValue: name) else {
                throw ValidationError("is neither backprop nor forward-forward")
            }
            return algorithm
        })
    var algorithm = TrainingAlgorithm.backpropagation
    @Option(parsing: .unconditional, help: "Memory for the samples of each gate, in bytes; older samples make room.")
    var sampleBytes = 4 << 20
    @Option(
        name: .customLong("fixed"),
        help: """
            Leave out so many places of the kind skip for every input, those that do the least damage together; \
            gates decide about the others.
            """)
    var fixedPlaces = 0
    @Flag(help: "For comparison: masks of channels and points are drawn at random, and fitted as chosen ones are.")
    var randomMasks = false
    @OptionGroup var readings: ReadingOptions
    @OptionGroup var format: FormatOptions

    func validate() throws {
        guard (0...1_000).contains(fixedPlaces) else { throw ValidationError("--fixed: give up to 1000") }
        guard frames.map({ $0 > 0 }) ?? true, skip >= 0 else { throw ValidationError("--frames from 1, --skip 0") }
        guard (1 << 12...1 << 30).contains(sampleBytes) else {
            throw ValidationError("--sample-bytes: give 4096 to \(1 << 30)")
        }
    }

    func run() async throws { try await refusing { try train() } }

    struct Summary: Encodable {
        struct Validation: Encodable {
            var kind: GateKind
            var `operator`: String
            var isUsed: Bool
            /// Left out of every input.
            var isFixed: Bool
            var samples: Int
            /// Mean damage of masks on images that they were not fitted on.
            var expectedDamage: Double?
            var loss: Double?
            var constantLoss: Double?
            var acceptedDamage: Double?
            var acceptedPrediction: Double?
        }
        /// Ever learned from by these hooks.
        var frames: Int
        /// Images of this call: used in all, and of them kept to measure on what gates damage together.
        var framesUsed: Int
        var framesReserved: Int
        var samples: Int
        var algorithm: TrainingAlgorithm
        var seed: UInt64
        var validation: [Validation]
        /// What gates damage together, kind by kind and all at once, and what budgets are held to for it.
        var together: [TogetherReport]
        var weightsSHA256: String
        var weightsSHA256Before: String
    }

    private func train() throws {
        var loaded = try LoadedHooks(package: package, hooks: hooks, with: with, statistics: statistics)
        let stream = try HookStream(loaded.package, images: images, labels: [], skip: skip, limit: frames)
        if let frames, frames > stream.images.count {
            Terminal.note("shoal: warning: --frames \(frames): there are \(stream.images.count) images; all are used")
        }
        loaded.state.statistics.algorithm = algorithm
        loaded.state.statistics.seed = seed
        // What others did says nothing about the gates to come.
        loaded.state.calibrations = []
        let places = loaded.state.hooks.count { $0.point.kind == .skip }
        guard fixedPlaces <= places else { throw Refusal("--fixed: \(hooks) has \(places) places of the kind skip") }
        let feed = try readings.feed(for: loaded, images: stream.images.count, skipping: skip)
        let split = JointMeasurement.split(stream.images.count, first: skip)
        let part = LearnedPart(stream: stream, positions: split.fitted, feed: feed)
        if let precision = loaded.state.precision {
            try trainPrecision(&loaded.state, precision, loaded.package, part)
        } else if !loaded.smaller.isEmpty {
            try trainBetweenNetworks(&loaded.state, try loaded.cascade(hasGates: false), part)
        } else {
            try trainWithinNetwork(&loaded.state, loaded.package, part)
        }
        try measureTogether(&loaded, LearnedPart(stream: stream, positions: split.reserved, feed: feed))
        do { try loaded.state.write(to: hooks) } catch { throw Refusal("\(error)", .environment) }
        try show(loaded.state, split: split, before: loaded.package.weightsSHA256)
    }

    private func trainBetweenNetworks(
        _ state: inout HookState, _ cascade: ModelCascade, _ part: LearnedPart
    ) throws {
        let progress = Progress("Learning, per mille", total: 1_000)
        var generator = SeededGenerator(seed: seed)
        var samples = zip(state.hooks, cascade.featureCounts).map { hook, count in
            hook.samples ?? GateSamples(featureCount: count, byteLimit: sampleBytes)
        }
        for index in part.positions.indices {
            if let readings = cascade.readings { part.prepare(index, readings) }
            cascade.sample(part.image(index), into: &samples, using: &generator)
            progress.update(800 * (index + 1) / part.positions.count)
        }
        var settings = GateTrainer.Settings()
        settings.algorithm = algorithm
        for index in state.hooks.indices {
            state.hooks[index].samples = samples[index]
            state.hooks[index].gate = GateTrainer(settings).train(samples[index], seed: seed &+ UInt64(index))
            progress.update(800 + 200 * (index + 1) / state.hooks.count)
        }
        state.statistics.frames += part.positions.count
        state.statistics.samples += part.positions.count * state.hooks.count
    }

    private func trainWithinNetwork(
        _ state: inout HookState, _ package: HookedPackage, _ part: LearnedPart
    ) throws {
        var settings = BlockTrainer.Settings()
        settings.gates.algorithm = algorithm
        settings.seed = seed
        settings.sampleBytes = sampleBytes
        settings.fixedPlaces = fixedPlaces
        settings.masks.isRandom = randomMasks
        let progress = Progress("Learning, per mille", total: 1_000)
        var trainer = BlockTrainer(
            plain: package.plan, plan: try package.sections(), hooks: state.hooks, inputs: state.inputs,
            count: part.positions.count, settings: settings, images: { part.image($0) },
            progress: { progress.update(Int(1_000 * $0)) })
        trainer.prepare = { part.prepare($0, $1) }
        do { try trainer.train() } catch { throw Refusal("\(self.package): \(error)") }
        state.hooks = trainer.hooks
        let network = try BlockNetwork(
            plain: package.plan, plan: package.sections(), hooks: trainer.hooks, inputs: state.inputs)
        for (index, time) in network.measureOverheads(repeats: 200).enumerated() {
            state.hooks[index].overheadMicroseconds = time
        }
        state.statistics.frames += part.positions.count
        state.statistics.samples += trainer.sampleCount
    }

    private func trainPrecision(
        _ state: inout HookState, _ precision: PrecisionState, _ package: HookedPackage, _ part: LearnedPart
    ) throws {
        var settings = PrecisionTrainer.Settings()
        settings.gates.algorithm = algorithm
        (settings.seed, settings.sampleBytes) = (seed, sampleBytes)
        let progress = Progress("Learning, per mille", total: 1_000)
        let trainer = PrecisionTrainer(
            plain: package.plan, try package.mixed(precision), precision, settings: settings)
        do {
            state.hooks = try trainer.train(
                state.hooks, count: part.positions.count, images: { part.image($0) },
                progress: { progress.update(Int(1_000 * $0)) })
        } catch { throw Refusal("\(self.package): \(error)") }
        state.statistics.frames += part.positions.count
        state.statistics.samples += part.positions.count * state.hooks.count
    }

    private func show(
        _ state: HookState, split: (fitted: [Int], reserved: [Int]), before: String
    ) throws {
        let together = state.calibrations.map(TogetherReport.init)
        let summary = Summary(
            frames: state.statistics.frames, framesUsed: split.fitted.count + split.reserved.count,
            framesReserved: split.reserved.count, samples: state.statistics.samples, algorithm: algorithm, seed: seed,
            validation: state.hooks.map { hook in
                let validation = hook.gate?.validation
                return .init(
                    kind: hook.point.kind, operator: hook.point.operator, isUsed: hook.usableGate != nil,
                    isFixed: hook.isFixed,
                    samples: hook.samples?.count ?? 0, expectedDamage: hook.expectedDamage, loss: validation?.loss,
                    constantLoss: validation?.constantLoss,
                    acceptedDamage: validation?.acceptedDamage, acceptedPrediction: validation?.acceptedPrediction)
            }, together: together, weightsSHA256: try PackageFile(package).weightsSHA256(), weightsSHA256Before: before)
        guard format.format == .table else { return try format.print(summary) }
        var table = TextTable(["KIND", "OPERATOR", "SAMPLES", "LOSS", "CONSTANT'S", "PREDICTED", "MEASURED", "USED"])
        for row in summary.validation {
            table.add([
                row.kind.rawValue, row.operator, "\(row.samples)", row.loss?.text(4) ?? "-",
                row.constantLoss?.text(4) ?? "-", row.acceptedPrediction?.text(4) ?? "-",
                row.acceptedDamage?.text(4) ?? "-",
                row.isFixed ? "always" : row.isUsed ? "yes" : row.expectedDamage.map { "as \($0.text(4))" } ?? "no",
            ])
        }
        Terminal.print(table.text)
        for report in together { Terminal.print(report.text) }
        Terminal.print(
            "\(summary.framesUsed) images, \(summary.framesReserved) of them kept to measure on; "
                + "\(summary.frames) frames learned from so far; SHA-256 of the network's weights "
                + summary.weightsSHA256
        )
    }
}
