import ArgumentParser
import Foundation
import HookNetworks
import Supernets

/// Where the values come from that gates read besides the network.
struct ReadingOptions: ParsableArguments {
    @Option(
        help: """
            Values of sensors, for hooks built with the input sensors: a text file with a line for every image, \
            numbers separated by commas.
            """)
    var sensors: String?

    /// - Throws: where the file does not fit inputs and images.
    func feed(for loaded: LoadedHooks, images count: Int, skipping first: Int) throws -> ReadingFeed? {
        let inputs = loaded.state.inputs
        guard inputs.kinds.contains(.sensors) else {
            guard sensors == nil else { throw Refusal("--sensors: the gates of these hooks read no sensors") }
            return inputs.count == 0 ? nil : ReadingFeed([], plain: loaded.package)
        }
        guard let sensors else { throw Refusal("--sensors: the gates read \(inputs.sensorCount) sensors; give a file") }
        guard let text = try? String(contentsOfFile: sensors, encoding: .utf8) else {
            throw Refusal("\(sensors): cannot be read", .notFound)
        }
        let lines = text.split(separator: "\n").dropFirst(first)
        guard lines.count >= count else { throw Refusal("\(sensors): has too few lines for \(count) images") }
        let rows = try lines.prefix(count).enumerated().map { index, line in
            let values = line.split(separator: ",").map { Float($0.trimmingCharacters(in: .whitespaces)) }
            guard values.count == inputs.sensorCount, values.allSatisfy({ $0?.isFinite == true }) else {
                throw Refusal("\(sensors): line \(first + index + 1): expected \(inputs.sensorCount) numbers")
            }
            return values.compactMap { $0 }
        }
        return ReadingFeed(rows, plain: loaded.package)
    }
}

/// Sets the readings of one frame after another.
final class ReadingFeed {
    private let sensors: [[Float]]
    private let predicted: Double
    private let probe = BoardProbe()
    private var board = BoardConditions()
    private var readAt: UInt64 = 0

    init(_ sensors: [[Float]], plain: HookedPackage) {
        self.sensors = sensors
        predicted = PlanTimer.measure(plain.plan, repeats: 20).totalMilliseconds
    }

    func set(_ frame: Int, _ readings: FrameReadings) {
        let now = PlanTimer.now()
        if readAt == 0 || now - readAt > 500_000_000 { (board, readAt) = (probe.read(), now) }
        readings.set(.memory, to: board.freeMebibytes)
        readings.set(.frequency, to: board.megahertz)
        readings.set(.predictedLatency, to: predicted)
        if !sensors.isEmpty { sensors[frame % sensors.count].withUnsafeBufferPointer { readings.setSensors($0) } }
    }
}
