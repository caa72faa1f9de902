import Datasets
import Engine
import HookNetworks
import SearchSpace

/// The cascade of two networks with what is needed to judge any gate of it: features of every image and what both
/// answers are, so that curves of many gates cost nothing. That they are those of the network itself is checked.
struct ModelLevel {
    struct Judged {
        var features: [Double]
        var early: Bool
        var full: Bool
    }

    struct Point {
        var flops: Double
        var points: Double
    }

    let learning: GateSamples
    let judged: [Judged]
    let plainTop1: Double
    private let earlyFlops: Double
    private let cascade: ModelCascade
    private let evaluation: ImageSet
    private let frames: Frames

    init(_ smaller: LoadedPlan, _ largest: LoadedPlan, learn: ImageSet, judge: ImageSet) throws {
        let cascade = try ModelCascade([.init(smaller.plan)], largest: largest.plan, isCommittee: true)
        var generator = SeededGenerator(seed: 1)
        func samples(_ count: Int) -> [GateSamples] {
            [GateSamples(featureCount: cascade.featureCounts[0], byteLimit: count * (cascade.featureCounts[0] + 1) * 4)]
        }
        let frames = Frames(learn, for: largest)
        var learned = samples(frames.count)
        for index in 0..<frames.count { cascade.sample(frames.frame(index), into: &learned, using: &generator) }
        learning = learned[0]

        let tested = Frames(judge, for: largest)
        var features = samples(judge.count)
        let session = Session(for: [largest.plan, smaller.plan])
        var judged: [Judged] = []
        var correct = 0
        for index in 0..<judge.count {
            let (image, label) = (tested.frame(2 * index), judge.labels?[index])
            cascade.sample(image, into: &features, using: &generator)
            let plain = Array(session.run(largest.plan, on: image))
            if Self.best(plain) == label { correct += 1 }
            let early = Array(session.run(smaller.plan, on: image))
            let full = zip(plain, early).map { ($0 + $1) / 2 }
            judged.append(
                Judged(
                    features: features[0].features(index).map { Double($0) }, early: Self.best(early) == label,
                    full: Self.best(full) == label))
        }
        self.judged = judged
        plainTop1 = Double(correct) / Double(judge.count)
        earlyFlops = Double(smaller.plan.flops) / Double(largest.plan.flops)
        (self.cascade, evaluation, self.frames) = (cascade, judge, tested)
    }

    private static func best(_ logits: [Float]) -> Int? {
        logits.indices.max { (logits[$0], -$0) < (logits[$1], -$1) }
    }

    /// In points against the plain network.
    private func point(early: [Bool]) -> Point {
        let correct = zip(judged, early).count { $1 ? $0.early : $0.full }
        let share = Double(early.count { $0 }) / Double(early.count)
        return Point(
            flops: earlyFlops + 1 - share, points: 100 * (Double(correct) / Double(judged.count) - plainTop1))
    }

    func at(budget: Double, _ gate: Gate) -> Point {
        point(early: judged.map { gate.predictedDamage($0.features) <= budget })
    }

    /// Of the images, those with the least predicted damage answer early, so many that the FLOPs are as asked.
    func at(flops: Double, _ gate: Gate) -> Point {
        let predictions = judged.map { gate.predictedDamage($0.features) }
        let count = min(judged.count, max(0, Int((1 + earlyFlops - flops) * Double(judged.count) + 0.5)))
        let order = predictions.indices.sorted { (predictions[$0], $0) < (predictions[$1], $1) }
        var early = [Bool](repeating: false, count: judged.count)
        for index in order.prefix(count) { early[index] = true }
        return point(early: early)
    }

    /// The same budget by the cascade itself, image by image.
    func measured(budget: Float, _ gate: Gate, count: Int) -> (early: Int, differing: Int) {
        cascade.gates = GateSet([gate])
        var (early, differing) = (0, 0)
        for index in 0..<min(count, judged.count) {
            let answer = cascade.answer(frames.frame(2 * index), budget: budget)
            let isRight = Self.best(Array(answer.logits)) == evaluation.labels?[index]
            let isEarly = answer.taken == 1
            if isEarly { early += 1 }
            if isRight != (isEarly ? judged[index].early : judged[index].full) { differing += 1 }
        }
        return (early, differing)
    }
}

extension GateSamples {
    /// Some of the samples, in order.
    func picked(_ indices: [Int]) -> GateSamples {
        var generator = SeededGenerator(seed: 0)
        var result = GateSamples(
            featureCount: featureCount, byteLimit: max(1, indices.count) * (featureCount + 1) * 4)
        for index in indices {
            Array(features(index)).withUnsafeBufferPointer {
                result.add($0, damage: damage(index), using: &generator)
            }
        }
        return result
    }
}
