import Engine
import Foundation
import Fusion
import Graphs
import Processors
import Scenarios
import SearchSpace
import Shoal

/// What runs for one model of a scenario: its subnets, or a small network as often as a point's run time holds.
///
/// Belongs to one thread.
final class LiveModel {
    private enum Work {
        case subnets(InferenceSession, images: [[Float]])
        case filler(Session, Plan, image: [Float])
    }

    private let work: Work
    /// Of `points`, where it stands in its table.
    private let places: [Int]
    /// Inferences at each point of the table.
    private let repeats: [Int]
    /// As they are on this board while it is idle: those of the table that no other beats in both run time and
    /// accuracy here, fastest first.
    let points: [Scenario.Point]
    /// What people are to know of the points that are left out; `nil` where none is.
    let warning: String?

    /// - Parameter folder: of the scenario's file.
    /// - Throws: `ShoalFailure`, `LiveScenarioFailure`, `GraphFailure`.
    init(_ model: Scenario.Model, folder: String, seed: UInt64) throws {
        let table: [Scenario.Point]
        if let files = model.package {
            func path(_ name: String) -> String { name.hasPrefix("/") ? name : folder + "/" + name }
            let loaded = try Model(
                path(files.package), points: path(files.operatingPoints), statistics: files.statistics.map(path))
            let prepared = try loaded.prepare()
            var generator = SeededGenerator(seed: seed)
            let images = prepared.map { point in
                (0..<point.inputCount).map { _ in Float.random(in: -1...1, using: &generator) }
            }
            let session = try InferenceSession(prepared)
            let accuracies = try PointAccuracies.read(from: path(files.operatingPoints), count: prepared.count)
            try PointAccuracies.check(accuracies, reach: model.accuracyFloor, of: model.name)
            (work, repeats) = (.subnets(session, images: images), prepared.map { _ in 1 })
            let times = try prepared.indices.map { point in
                try Self.measured { try Self.infer(session, images[point], at: point) }
            }
            table = zip(accuracies, times).map { .init(accuracy: $0, latencyMilliseconds: $1) }
        } else {
            let (session, plan, image) = try Self.filler(seed: seed)
            let unit = image.withUnsafeBufferPointer { image in
                Self.measured { for _ in 0..<20 { _ = session.run(plan, on: image) } } / 20
            }
            work = .filler(session, plan, image: image)
            let repeats = model.points.map { max(1, Int(($0.latencyMilliseconds / unit).rounded())) }
            self.repeats = repeats
            table = zip(model.points, repeats).map {
                .init(accuracy: $0.accuracy, latencyMilliseconds: unit * Double($1))
            }
        }
        places = Self.front(of: table)
        points = places.map { table[$0] }
        warning = Self.warning(model.name, table, kept: places)
    }

    /// Points of a table lie closer together than run times can be measured: what is as slow as a more accurate point
    /// here has no use here, and which of the two it is, noise decides.
    static func front(of table: [Scenario.Point]) -> [Int] {
        ParetoFront.places(costs: table.map(\.latencyMilliseconds), values: table.map(\.accuracy))
    }

    static func warning(_ model: String, _ table: [Scenario.Point], kept: [Int]) -> String? {
        let left = table.indices.filter { !kept.contains($0) }
        guard !left.isEmpty else { return nil }
        let list = left.map { String(format: "%d (%.3f ms)", $0, table[$0].latencyMilliseconds) }
        return "\(model): of \(table.count) points \(left.count) left out, because a more accurate one is as fast "
            + "here: \(list.joined(separator: ", "))"
    }

    func run(point: Int) {
        let point = places[point]
        switch work {
        case .subnets(let session, let images):
            // A prepared point of its own size is never refused.
            do { try Self.infer(session, images[point], at: point) } catch { preconditionFailure("\(error)") }
        case .filler(let session, let plan, let image):
            image.withUnsafeBufferPointer { image in
                for _ in 0..<repeats[point] { _ = session.run(plan, on: image) }
            }
        }
    }

    private static func infer(
        _ session: InferenceSession, _ image: [Float], at point: Int
    ) throws(ShoalFailure) {
        try session.activate(point)
        try session.run(planar: image.span)
    }

    /// Median of nine runs, after one, in milliseconds.
    private static func measured<Failure: Error>(_ body: () throws(Failure) -> Void) throws(Failure) -> Double {
        try body()
        var times: [UInt64] = []
        for _ in 0..<9 {
            let start = MonotonicClock.now()
            try body()
            times.append(MonotonicClock.now() - start)
        }
        return Double(times.sorted()[4]) / 1e6
    }

    /// Two convolutions of 32 channels on 28x28 pixels, about a tenth of a millisecond.
    private static func filler(seed: UInt64) throws -> (Session, Plan, [Float]) {
        var generator = SeededGenerator(seed: seed)
        func values(_ count: Int) -> [Float] { (0..<count).map { _ in .random(in: -0.1...0.1, using: &generator) } }
        let graph = try Graph(
            name: "filler",
            inputs: [.init(name: "x", element: .float32, dimensions: [1, 3, 28, 28].map { .fixed($0) })],
            outputs: ["y"],
            initialisers: [
                "first": TensorValue(shape: [32, 3, 3, 3], .float32(values(32 * 27))),
                "second": TensorValue(shape: [32, 32, 3, 3], .float32(values(32 * 32 * 9))),
            ],
            nodes: [
                Node(
                    "Conv", opset: 13, inputs: ["x", "first"], outputs: ["a"],
                    attributes: ["pads": .ints([1, 1, 1, 1])]),
                Node("Relu", opset: 13, inputs: ["a"], outputs: ["b"]),
                Node(
                    "Conv", opset: 13, inputs: ["b", "second"], outputs: ["c"],
                    attributes: ["pads": .ints([1, 1, 1, 1])]),
                Node("GlobalAveragePool", opset: 13, inputs: ["c"], outputs: ["g"]),
                Node("Flatten", opset: 13, inputs: ["g"], outputs: ["y"]),
            ])
        let plan = try FusedNetwork(BoundGraph(graph)).plan(kernels: KernelSet.selected())
        return (Session(for: [plan]), plan, values(3 * 28 * 28))
    }
}
