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
    /// Inferences at each point.
    private let repeats: [Int]
    /// As they are on this board while it is idle.
    let points: [Scenario.Point]

    /// - Parameter folder: of the scenario's file.
    /// - Throws: `ShoalFailure`, `LiveScenarioFailure`, `GraphFailure`.
    init(_ model: Scenario.Model, folder: String, seed: UInt64) throws {
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
            let accuracies = try Self.accuracies(in: path(files.operatingPoints), count: prepared.count)
            (work, repeats) = (.subnets(session, images: images), prepared.map { _ in 1 })
            let times = try prepared.indices.map { point in
                try Self.measured { try Self.infer(session, images[point], at: point) }
            }
            points = zip(accuracies, times).map { .init(accuracy: $0, latencyMilliseconds: $1) }
        } else {
            let (session, plan, image) = try Self.filler(seed: seed)
            let unit = image.withUnsafeBufferPointer { image in
                Self.measured { for _ in 0..<20 { _ = session.run(plan, on: image) } } / 20
            }
            work = .filler(session, plan, image: image)
            let repeats = model.points.map { max(1, Int(($0.latencyMilliseconds / unit).rounded())) }
            self.repeats = repeats
            points = zip(model.points, repeats).map {
                .init(accuracy: $0.accuracy, latencyMilliseconds: unit * Double($1))
            }
        }
        for (index, point) in points.enumerated().dropFirst() {
            let last = points[index - 1]
            guard point.accuracy > last.accuracy, point.latencyMilliseconds > last.latencyMilliseconds else {
                throw LiveScenarioFailure(
                    "\(model.name): point \(index) is not both slower and more accurate than point \(index - 1) here "
                        + "(\(point.latencyMilliseconds) ms, \(point.accuracy))")
            }
        }
    }

    func run(point: Int) {
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

    /// Of the points of a Pareto table, fastest first.
    private static func accuracies(in path: String, count: Int) throws -> [Double] {
        struct Table: Decodable {
            struct Point: Decodable { var accuracy: Double }
            var points: [Point]
        }
        guard let table = try? JSONDecoder().decode(Table.self, from: Data(contentsOf: URL(filePath: path))),
            table.points.count == count
        else { throw LiveScenarioFailure("\(path): has no accuracy for every point") }
        return table.points.map(\.accuracy)
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
