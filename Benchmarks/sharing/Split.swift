import Foundation
import SearchSpace

/// Spreads images over boards unevenly: of every class, the boards get shares drawn from a Dirichlet distribution
/// (Hsu, Qi, Brown 2019). Labels serve for nothing else.
enum Split {
    /// - Returns: by board, positions of images in the order of the stream.
    static func dirichlet(
        _ labels: [Int], boards: Int, concentration: Double, using generator: inout SeededGenerator
    ) -> [[Int]] {
        var result = [[Int]](repeating: [], count: boards)
        for label in Set(labels).sorted() {
            let draws = (0..<boards).map { _ in gamma(concentration, &generator) }
            let total = max(draws.reduce(0, +), .leastNormalMagnitude)
            var borders: [Double] = []
            for draw in draws { borders.append((borders.last ?? 0) + draw / total) }
            let own = labels.indices.filter { labels[$0] == label }.shuffled(using: &generator)
            for (position, image) in own.enumerated() {
                let place = (Double(position) + 0.5) / Double(own.count)
                result[borders.firstIndex { place < $0 } ?? boards - 1].append(image)
            }
        }
        return result.map { $0.shuffled(using: &generator) }
    }

    /// Marsaglia and Tsang 2000, for shapes below 1 by a power of a uniform draw.
    private static func gamma(_ shape: Double, _ generator: inout SeededGenerator) -> Double {
        if shape < 1 { return gamma(shape + 1, &generator) * pow(uniform(&generator), 1 / shape) }
        let d = shape - 1 / 3.0
        let c = 1 / (9 * d).squareRoot()
        while true {
            let x = normal(&generator)
            let v = (1 + c * x) * (1 + c * x) * (1 + c * x)
            if v > 0, log(uniform(&generator)) < 0.5 * x * x + d - d * v + d * log(v) { return d * v }
        }
    }

    static func uniform(_ generator: inout SeededGenerator) -> Double {
        (Double(generator.next() >> 11) + 0.5) * 0x1p-53
    }

    static func normal(_ generator: inout SeededGenerator) -> Double {
        (-2 * log(uniform(&generator))).squareRoot() * cos(2 * Double.pi * uniform(&generator))
    }
}
