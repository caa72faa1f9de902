import Foundation
import LatencyPrediction
import SearchSpace

/// Boards made up for NAS-Bench-201 cells: each pays its own price per operation, with noise.
enum TransferFixture {
    static let architectures: [String] = {
        var generator = SeededGenerator(seed: 7)
        var names: Set<String> = []
        while names.count < 300 {
            names.insert((0..<6).map { _ in String(Int.random(in: 0..<5, using: &generator)) }.joined())
        }
        return names.sorted()
    }()

    /// Milliseconds: a floor, then none, skip, 1x1, 3x3 and pooling at these prices.
    static func latencies(_ prices: [Double], floor: Double = 3, noise: Double = 0.02, seed: UInt64 = 1) -> [Double] {
        var generator = SeededGenerator(seed: seed)
        return architectures.map { name in
            let work = name.reduce(0.0) { $0 + prices[$1.wholeNumberValue ?? 0] }
            return (floor + work) * (1 + Double.random(in: -noise...noise, using: &generator))
        }
    }

    static func boards(_ names: Range<Int>) -> BoardMeasurements {
        var table = BoardMeasurements(architectures: architectures)
        for index in names {
            var generator = SeededGenerator(seed: UInt64(100 + index))
            let scale = Double.random(in: 1...10, using: &generator)
            let prices = [0, 0.3, 2, 6, 1].map { $0 * scale * Double.random(in: 0.5...2, using: &generator) }
            table.add(
                board: "b\(index)", latencies: latencies(prices, floor: 3 * scale, seed: UInt64(index)))
        }
        return table
    }

    /// A table of the shared latency data, which is not part of the repository.
    static func shared(_ name: String) -> BoardMeasurements? {
        let beside = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../../shared")
        let named = ProcessInfo.processInfo.environment["SHOAL_SHARED"].map { URL(filePath: $0) }
        for folder in [named, beside].compactMap({ $0 }) {
            let file = folder.appending(path: "data/latency/\(name)_27boards.csv")
            if let text = try? String(contentsOf: file, encoding: .utf8) { return try? BoardMeasurements(csv: text) }
        }
        return nil
    }
}

extension BoardMeasurements {
    /// Some rows of some boards; `isCentral` keeps what lies within each board's own 10 to 90 % quantiles.
    func cut(rows: Range<Int>, boards names: [String], isCentral: Bool = false) -> BoardMeasurements {
        var result = BoardMeasurements(architectures: Array(architectures[rows]))
        for (name, column) in zip(boards, latencies) where names.contains(name) {
            let part = Array(column[rows])
            let values = part.filter { !$0.isNaN }
            let low = RankStatistics.quantile(values, isCentral ? 0.1 : 0) ?? 0
            let high = RankStatistics.quantile(values, isCentral ? 0.9 : 1) ?? 0
            result.add(board: name, latencies: part.map { $0 >= low && $0 <= high ? $0 : .nan })
        }
        return result
    }
}
