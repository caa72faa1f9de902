import Foundation

/// The accuracies of the points of a Pareto table, in its order.
enum PointAccuracies {
    private struct Table: Decodable {
        struct Point: Decodable { var accuracy: Double }
        var points: [Point]
    }

    /// - Parameters:
    ///   - path: of the table (JSON).
    ///   - count: of the points that the network was prepared for.
    /// - Throws: `LiveScenarioFailure` with the file, and the field where one is wrong.
    static func read(from path: String, count: Int) throws(LiveScenarioFailure) -> [Double] {
        let table = try? JSONDecoder().decode(Table.self, from: Data(contentsOf: URL(filePath: path)))
        guard let points = table?.points, points.count == count else {
            throw LiveScenarioFailure("\(path): has no accuracy for every point")
        }
        for (index, point) in points.enumerated() where !(0...1).contains(point.accuracy) {
            throw LiveScenarioFailure("\(path): points[\(index)].accuracy: \(point.accuracy) is outside 0...1")
        }
        return points.map(\.accuracy)
    }

    /// As a scenario with a table of points is refused when it is read.
    /// - Parameter floor: of the accuracy, as the scenario says; `nil` where it has none.
    /// - Throws: `LiveScenarioFailure` with the model and the field where no point reaches the floor.
    static func check(_ accuracies: [Double], reach floor: Double?, of model: String) throws(LiveScenarioFailure) {
        guard let floor, let highest = accuracies.max(), highest < floor else { return }
        throw LiveScenarioFailure(
            "\(model): accuracyFloor: no point of its package reaches \(floor); the highest is \(highest)")
    }
}
