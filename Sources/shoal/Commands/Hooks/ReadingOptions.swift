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

    @Option(
        help: ArgumentHelp(
            "The value of a sensor for all images, in place of --sensors; once for every sensor.",
            valueName: "name=value"))
    var sensor: [String] = []

    /// - Throws: where the values do not fit inputs and images.
    func feed(for loaded: LoadedHooks, images count: Int, skipping first: Int) throws -> ReadingFeed? {
        let inputs = loaded.state.inputs
        guard sensor.isEmpty || sensors == nil else { throw Refusal("--sensor, --sensors: give one of them") }
        let given = try named()
        if let id = given.keys.sorted().first(where: { !inputs.sensors.contains($0) }) {
            throw Refusal("--sensor \(id): the gates of these hooks read no sensor of this name, but \(inputs.sensors)")
        }
        guard inputs.kinds.contains(.sensors) else {
            guard sensors == nil else { throw Refusal("--sensors: the gates of these hooks read no sensors") }
            return inputs.count == 0 ? nil : ReadingFeed([], plain: loaded.package)
        }
        if let sensors { return ReadingFeed(try rows(of: sensors, inputs, count, first), plain: loaded.package) }
        if let missing = inputs.sensorMissing(from: given.keys) {
            throw Refusal("--sensor \(missing)=VALUE: the gates read the sensor \(missing), whose value is not given")
        }
        return ReadingFeed([inputs.sensors.compactMap { given[$0] }], plain: loaded.package)
    }

    private func named() throws -> [String: Float] {
        var result: [String: Float] = [:]
        for text in sensor {
            let fields = text.split(separator: "=", maxSplits: 1).map(String.init)
            guard fields.count == 2, let value = Float(fields[1]), value.isFinite, result[fields[0]] == nil else {
                throw Refusal("--sensor \(text): give a name and a number, NAME=VALUE, each name once")
            }
            result[fields[0]] = value
        }
        return result
    }

    private func rows(of file: String, _ inputs: GateInputs, _ count: Int, _ first: Int) throws -> [[Float]] {
        guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
            throw Refusal("\(file): cannot be read", .notFound)
        }
        do { return try inputs.sensorRows(in: text, count: count, skipping: first) } catch {
            throw Refusal("\(file): \(error)")
        }
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
