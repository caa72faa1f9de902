import ArgumentParser
import Datasets
import Engine
import FleetListings
import Foundation
import HookNetworks
import Packages
import PlanEvaluation
import ProgressLines
import Supernets
import Synchronization

struct HooksStreamCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stream", abstract: "Answer a stream of frames while the gates learn from it in the background.",
        discussion: """
            The images pass again and again at the rate of --rate. Learning is paused in every other block of frames, \
            so that the latency beside learning can be compared with that without. Frames of the first second of a \
            block do not count. Gates learn; the convolutions that replace blocks, and the heads that exits answer \
            with, stay as shoal hooks train has fitted them.
            """)

    @Argument(help: "The network package.")
    var package: String
    @Argument(help: "Hook file, replaced after each training; the one before stays as HOOKS.previous.")
    var hooks: String
    @Option(help: "The smaller network packages, where they are not where they were when the hooks were built.")
    var with: [String] = []
    @Option(help: "The subnets' statistics, where they are not where they were.")
    var statistics: String?
    @Option(parsing: .upToNextOption, help: "Images of the stream.")
    var images: [String]
    @Option(parsing: .unconditional, help: "Leave out the first images.")
    var skip = 0
    @Option(parsing: .unconditional, help: "Use only so many images.")
    var limit: Int?
    @Option(parsing: .unconditional, help: "Damage to be put up with per image, 0 to 1.")
    var budget: Float
    @Option(parsing: .unconditional, help: "Frames per second.")
    var rate = 100.0
    @Option(parsing: .unconditional, help: "Seconds.")
    var seconds = 30.0
    @Option(parsing: .unconditional, help: "Seconds of a block.")
    var block = 3.0
    @Option(parsing: .unconditional, help: "Share of one processor that learning may take, 0 to 1.")
    var processorShare = 0.1
    @Option(parsing: .unconditional, help: "Load by other programs, 0 to 1, above which learning pauses.")
    var busiest = 0.7
    @Option(parsing: .unconditional, help: "Memory for the samples of each gate, in bytes; older samples make room.")
    var sampleBytes = 1 << 20
    @Option(parsing: .unconditional, help: "New samples between two trainings.")
    var trainingInterval = 250
    @Option(parsing: .unconditional, help: "Seed of everything random.")
    var seed: UInt64 = 1
    @OptionGroup var readings: ReadingOptions
    @OptionGroup var format: FormatOptions

    func validate() throws {
        guard rate > 0, rate <= 100_000 else { throw ValidationError("--rate: give up to 100000 frames per second") }
        guard block > 1, seconds >= 2 * block, seconds <= 1e6 else {
            throw ValidationError("--block, --seconds: give blocks of more than a second, and time for two at least")
        }
        guard rate * (block - 1) >= 1 else {
            throw ValidationError("--block, --rate: the first second of a block does not count; give time for a frame")
        }
        guard busiest >= 0, busiest <= 1 else { throw ValidationError("--busiest: give 0 to 1") }
        guard processorShare > 0, processorShare <= 1 else { throw ValidationError("--processor-share: give up to 1") }
        guard budget.isFinite, budget <= 1 else { throw ValidationError("--budget: give a number up to 1") }
        guard trainingInterval > 0 else { throw ValidationError("--training-interval: give at least 1") }
        guard (1 << 12...1 << 30).contains(sampleBytes) else {
            throw ValidationError("--sample-bytes: give 4096 to \(1 << 30)")
        }
    }

    func run() async throws { try await refusing { try stream() } }

    private struct Summary: Encodable {
        var frames: Int
        /// Beside learning, and while it was paused.
        var learning: LatencySummary
        var paused: LatencySummary
        /// Of the 99th percentiles.
        var p99Ratio: Double
        /// The same of the thread's processor time, which other programs disturb less.
        var processorLearning: LatencySummary
        var processorPaused: LatencySummary
        var processorP99Ratio: Double
        var samples: Int
        var trainings: Int
        var failedTrainings: Int
        /// Why the gates could not be saved; left out where they were.
        var failure: String?
        /// Frames on which was measured what the gates do together.
        var measuredFrames: Int
        var sampleBytes: Int
        /// Of one processor, over the time that learning was not paused.
        var processorShare: Double
        var peakResidentBytes: Int
        var weightsSHA256: String
    }

    private func stream() throws {
        let loaded = try LoadedHooks(package: package, hooks: hooks, with: with, statistics: statistics)
        let images = try HookStream(loaded.package, images: images, labels: [], skip: skip, limit: limit)
        var settings = BackgroundLearner.Settings()
        (settings.processorShare, settings.sampleBytes) = (processorShare, sampleBytes)
        (settings.trainingInterval, settings.seed, settings.limits.load) = (trainingInterval, seed, busiest)
        let feed = try readings.feed(for: loaded, images: images.images.count, skipping: skip)
        let (switcher, probe) = (PauseSwitch(), BoardProbe())
        let network: LearningNetwork
        do {
            network = try LearningNetwork(
                loaded.learnableNetwork(), replica: loaded.learnableNetwork(), state: loaded.state, settings: settings,
                path: hooks,
                conditions: {
                    var here = probe.read()
                    if switcher.isPaused { here.load = 1 }
                    return here
                })
        } catch let refusal as HookRefusal { throw Refusal("\(package): \(refusal)") }
        let times = measure(network, images, switcher, feed)
        network.learner.stop()
        let report = network.learner.report
        try show(times, report)
        if let failure = report.failure { throw Refusal(failure, .environment) }
    }

    /// Milliseconds of frames by two clocks.
    private struct Times {
        var wall: [Double] = []
        var processor: [Double] = []
    }

    /// Of the frames beside learning and without.
    private func measure(
        _ network: LearningNetwork, _ images: HookStream, _ switcher: PauseSwitch, _ feed: ReadingFeed?
    ) -> (learning: Times, paused: Times) {
        var times = (learning: Times(), paused: Times())
        let (begin, gap) = (PlanTimer.now(), UInt64(1e9 / rate))
        let progress = Progress("Streaming, seconds", total: Int(seconds))
        for frame in 0..<Int(seconds * rate) {
            let due = begin + UInt64(frame) * gap
            let second = Double(frame) / rate
            let isPaused = Int(second / block) % 2 == 1
            switcher.set(isPaused)
            let image = images.image(frame % images.images.count)
            if let readings = network.readings { feed?.set(frame % images.images.count, readings) }
            let now = PlanTimer.now()
            if due > now { Thread.sleep(forTimeInterval: Double(due - now) / 1e9) }
            let (start, used) = (PlanTimer.now(), PlanTimer.threadTime())
            _ = network.answer(image, budget: budget)
            let time = Double(PlanTimer.now() - start) / 1e6
            guard second.truncatingRemainder(dividingBy: block) >= 1 else { continue }
            let processor = Double(PlanTimer.threadTime() - used) / 1e6
            if isPaused {
                times.paused.wall.append(time)
                times.paused.processor.append(processor)
            } else {
                times.learning.wall.append(time)
                times.learning.processor.append(processor)
            }
            progress.update(Int(second) + 1)
        }
        return times
    }

    private func show(_ times: (learning: Times, paused: Times), _ report: BackgroundLearner.Report) throws {
        guard !times.learning.wall.isEmpty, !times.paused.wall.isEmpty else {
            throw Refusal("this machine was too slow for a frame in each block", .environment)
        }
        let (learning, paused) = (LatencySummary(times.learning.wall), LatencySummary(times.paused.wall))
        let processor = (
            learning: LatencySummary(times.learning.processor), paused: LatencySummary(times.paused.processor)
        )
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        let summary = Summary(
            frames: Int(seconds * rate), learning: learning, paused: paused, p99Ratio: learning.p99 / paused.p99,
            processorLearning: processor.learning, processorPaused: processor.paused,
            processorP99Ratio: processor.learning.p99 / processor.paused.p99,
            samples: report.samples, trainings: report.trainings, failedTrainings: report.failures,
            failure: report.failure,
            measuredFrames: report.measuredFrames, sampleBytes: report.sampleBytes,
            processorShare: Double(report.processorNanoseconds) / (seconds / 2 * 1e9),
            peakResidentBytes: Int(usage.ru_maxrss) * 1_024, weightsSHA256: try PackageFile(package).weightsSHA256())
        guard format.format == .table else { return try format.print(summary) }
        var table = TextTable(["", "P50 ms", "P90 ms", "P99 ms"])
        for (name, one) in [
            ("beside learning", learning), ("paused", paused),
            ("beside learning, processor time", processor.learning), ("paused, processor time", processor.paused),
        ] {
            table.add([name, one.p50.text(3), one.p90.text(3), one.p99.text(3)])
        }
        Terminal.print(table.text)
        Terminal.print(
            """
            \(summary.frames) frames, \(summary.samples) samples of \(summary.sampleBytes) bytes, \
            \(summary.trainings) trainings, \(summary.measuredFrames) frames measured, \
            \((100 * summary.processorShare).text(1)) % of one processor, \
            peak memory \(summary.peakResidentBytes) bytes; SHA-256 of the weights \(summary.weightsSHA256)
            """)
    }
}

/// Set by one thread, read by another.
private final class PauseSwitch: Sendable {
    private let value = Atomic<Bool>(false)
    var isPaused: Bool { value.load(ordering: .relaxed) }
    func set(_ isPaused: Bool) { value.store(isPaused, ordering: .relaxed) }
}
