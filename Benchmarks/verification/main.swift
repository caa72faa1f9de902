import Foundation
import LatencyPrediction
import SearchSpace

// How often a point breaks its latency constraint, published by prediction alone and after measuring up to six
// candidates: on measured data sets, every board of a file in turn as the new one, predicted from the others and ten of
// its own measurements by the product's predictor, verified by the product's rule.
//
//     verification-study LATENCY.csv [accuracy=ACCURACY.csv] [architectures=1500] [constraints=40] [seeds=1,2,3]
//                        [noise=0,0.01,0.02,0.05] [measurements=10] [slow=0]
//
// A data set has one figure per architecture and board: what it takes there. Noise is a batch's deviation as a share of
// it, normally distributed; a measurement has five batches, and a published point breaks its constraint where a
// further batch does. Of a clock that jumps the share `slow` of the batches takes 1.19 times as long. Without accuracies the mean over boards of each one's rank of latency stands for accuracy.

struct Failure: Error, CustomStringConvertible { let description: String }

struct StudyOptions {
    var latency = ""
    var values = [
        "accuracy": "", "architectures": "1500", "constraints": "40", "seeds": "1,2,3", "noise": "0,0.01,0.02,0.05",
        "measurements": "10", "slow": "0",
    ]

    init(_ arguments: some Sequence<String>) throws {
        for argument in arguments {
            let parts = argument.split(separator: "=", maxSplits: 1).map(String.init)
            if parts.count == 2, values[parts[0]] != nil {
                values[parts[0]] = parts[1]
            } else if latency.isEmpty, FileManager.default.fileExists(atPath: argument) {
                latency = argument
            } else {
                throw Failure(description: "\(argument): is neither a file nor an option")
            }
        }
        if latency.isEmpty { throw Failure(description: "give a file of latencies") }
    }

    func numbers(_ name: String) -> [Double] {
        (values[name] ?? "").split(separator: ",").compactMap { Double($0) }
    }
    func integer(_ name: String) -> Int { Int(numbers(name).first ?? 0) }
}

/// What became of the constraints that were tried.
struct Tally {
    var cases = 0
    var brokenByPrediction = 0
    var published = 0
    var broken = 0
    var measurements = 0
    /// Accuracy below that of the best architecture that keeps the constraint, summed over published points.
    var lost = 0.0

    static func + (one: Tally, other: Tally) -> Tally {
        var sum = one
        sum.cases += other.cases
        sum.brokenByPrediction += other.brokenByPrediction
        sum.published += other.published
        sum.broken += other.broken
        sum.measurements += other.measurements
        sum.lost += other.lost
        return sum
    }
}

struct Study {
    let latencies: BoardMeasurements
    let accuracies: [String: Double]
    let constraints: Int
    let samples: Int
    let slow: Double
    private static let batches = 5
    private static let bands = 16

    private func name(_ place: Int) -> SubnetConfiguration {
        SubnetConfiguration(resolution: place + 1, depths: [], kernelSizes: [], expandRatios: [])
    }

    /// One board, for each noise.
    func run(board: Int, noises: [Double], seed: UInt64) throws -> [Tally] {
        var generator = SeededGenerator(seed: seed)
        var measured: [String: Double] = [:]
        for (architecture, value) in zip(latencies.architectures, latencies.latencies[board])
        where value > 0 && accuracies[architecture] != nil {
            measured[architecture] = value
        }
        let names = measured.keys.sorted()
        let space = TransferSpace(sources: [latencies], architectures: names, excluding: [latencies.boards[board]])
        let chosen = Set(space.informative(samples, among: names, using: &generator))
        let predictor = try TransferredPredictor(space: space, measured: measured.filter { chosen.contains($0.key) })
        var subnets: [PredictedSubnet] = []
        var truth: [SubnetConfiguration: Double] = [:]
        for (place, prediction) in predictor.predict(names).enumerated() {
            guard let prediction, let value = measured[names[place]], let accuracy = accuracies[names[place]] else {
                continue
            }
            truth[name(place)] = value
            subnets.append(
                PredictedSubnet(
                    configuration: name(place), accuracy: accuracy, latencyMilliseconds: prediction.milliseconds))
        }
        let sorted = truth.values.sorted()
        return noises.map { noise in
            (0..<constraints).reduce(Tally()) { tally, _ in
                let share = Double.random(in: 0.05...0.95, using: &generator)
                let limit = sorted[Int(share * Double(sorted.count - 1))] * 1.001
                return tally + verify(limit, subnets, truth, noise, &generator)
            }
        }
    }

    private func verify(
        _ limit: Double, _ subnets: [PredictedSubnet], _ truth: [SubnetConfiguration: Double], _ noise: Double,
        _ generator: inout SeededGenerator
    ) -> Tally {
        var tally = Tally()
        let pool = candidates(limit, subnets)
        guard let first = pool.first else { return tally }
        tally.cases = 1
        func batch(_ subnet: SubnetConfiguration) -> Double {
            let isSlow = slow > 0 && Double.random(in: 0..<1, using: &generator) < slow
            return (truth[subnet] ?? 0) * max(0.1, 1 + noise * normal(&generator)) * (isSlow ? 1.19 : 1)
        }
        if batch(first.configuration) > limit { tally.brokenByPrediction = 1 }
        var readings: [SubnetConfiguration: LatencyReading] = [:]
        var spent: [PredictedSubnet] = []
        while true {
            let decision = PointVerification.decision(
                limit: limit, candidates: pool, readings: readings, spent: Set(spent.map(\.configuration)),
                correction: PointVerification.correction(
                    spent.compactMap { one in
                        readings[one.configuration].map { (predicted: one.latencyMilliseconds, reading: $0) }
                    }))
            switch decision {
            case .measure(let subnet):
                spent.append(subnet)
                readings[subnet.configuration] = LatencyReading(
                    batches: (0..<Self.batches).map { _ in batch(subnet.configuration) })
                continue
            case .publish(let subnet, _):
                tally.published = 1
                tally.broken = batch(subnet.configuration) > limit ? 1 : 0
                let best = subnets.filter { truth[$0.configuration] ?? .infinity <= limit }.map(\.accuracy).max()
                tally.lost = (best ?? subnet.accuracy) - subnet.accuracy
            case .leaveOut: break
            }
            tally.measurements = spent.count
            return tally
        }
    }

    /// As a search has them: the six most accurate within the limit, and the most accurate of each band below it.
    private func candidates(_ limit: Double, _ subnets: [PredictedSubnet]) -> [PredictedSubnet] {
        let within = subnets.filter { $0.latencyMilliseconds <= limit }.sorted { $0.accuracy > $1.accuracy }
        var chosen = Array(within.prefix(6))
        var seen = Set(chosen.map { Int(Double(Self.bands) * $0.latencyMilliseconds / limit) })
        for subnet in within.dropFirst(6)
        where seen.insert(Int(Double(Self.bands) * subnet.latencyMilliseconds / limit)).inserted {
            chosen.append(subnet)
        }
        return chosen
    }

    private func normal(_ generator: inout SeededGenerator) -> Double {
        let (u, v) = (
            Double.random(in: 1e-12...1, using: &generator), Double.random(in: 0...1, using: &generator)
        )
        return (-2 * log(u)).squareRoot() * cos(2 * .pi * v)
    }
}

/// `count` architectures of the file, drawn with the seed.
func drawn(_ all: BoardMeasurements, _ count: Int, seed: UInt64) -> BoardMeasurements {
    var generator = SeededGenerator(seed: seed)
    let places = Array(all.architectures.indices.shuffled(using: &generator).prefix(count)).sorted()
    var kept = BoardMeasurements(architectures: places.map { all.architectures[$0] })
    for (board, column) in zip(all.boards, all.latencies) {
        kept.add(board: board, latencies: places.map { column[$0] })
    }
    return kept
}

/// The second column of a file of accuracies in per cent, as fractions; else mean ranks of latency.
func accuracies(_ file: String, _ latencies: BoardMeasurements) throws -> [String: Double] {
    guard file.isEmpty else {
        let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").dropFirst()
        return lines.reduce(into: [:]) { table, line in
            let fields = line.split(separator: ",")
            if fields.count > 1, let value = Double(fields[1]) { table[String(fields[0])] = value / 100 }
        }
    }
    var ranks = [Double](repeating: 0, count: latencies.architectures.count)
    for column in latencies.latencies {
        let order = column.indices.sorted { (column[$0].isNaN ? 0 : column[$0]) < (column[$1].isNaN ? 0 : column[$1]) }
        for (rank, place) in order.enumerated() {
            ranks[place] += Double(rank) / Double(column.count * latencies.boards.count)
        }
    }
    return Dictionary(uniqueKeysWithValues: zip(latencies.architectures, ranks))
}

func percent(_ count: Int, of total: Int) -> String {
    String(format: "%.2f %%", 100 * Double(count) / Double(max(total, 1)))
}

do {
    let options = try StudyOptions(CommandLine.arguments.dropFirst())
    let all = try BoardMeasurements(csv: try String(contentsOfFile: options.latency, encoding: .utf8))
    let noises = options.numbers("noise")
    var tallies = noises.map { _ in Tally() }
    var perBoard: [String: Tally] = [:]
    for seed in options.numbers("seeds").map({ UInt64($0) }) {
        let latencies = drawn(all, options.integer("architectures"), seed: seed)
        let study = Study(
            latencies: latencies, accuracies: try accuracies(options.values["accuracy"] ?? "", latencies),
            constraints: options.integer("constraints"), samples: options.integer("measurements"),
            slow: options.numbers("slow").first ?? 0)
        for board in latencies.boards.indices {
            let found = try study.run(board: board, noises: noises, seed: seed &* 1_000 &+ UInt64(board))
            tallies = zip(tallies, found).map { $0 + $1 }
            perBoard[latencies.boards[board], default: Tally()] =
                perBoard[latencies.boards[board], default: Tally()] + found.reduce(Tally(), +)
        }
    }
    print("noise  cases  broken by prediction alone  published  broken  measurements  accuracy lost")
    for (noise, tally) in zip(noises, tallies) {
        print(
            String(format: "%4.1f %%", 100 * noise), tally.cases,
            percent(tally.brokenByPrediction, of: tally.cases), percent(tally.published, of: tally.cases),
            percent(tally.broken, of: tally.published),
            String(format: "%.2f", Double(tally.measurements) / Double(max(tally.cases, 1))),
            String(format: "%.4f", tally.lost / Double(max(tally.published, 1))), separator: "  ")
    }
    let worst = perBoard.max {
        Double($0.value.broken) / Double(max($0.value.published, 1))
            < Double($1.value.broken) / Double(max($1.value.published, 1))
    }
    if let worst {
        print(
            "worst board: \(worst.key), \(percent(worst.value.broken, of: worst.value.published)) broken of all noises")
    }
} catch {
    print("verification-study: \(error)")
    exit(2)
}
