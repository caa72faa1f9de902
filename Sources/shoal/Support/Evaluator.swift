import Datasets
import Engine
import Foundation
import Supernets
import Synchronization

/// Runs a plan over images on a number of threads, one session each.
enum Evaluator {
    struct Result {
        /// `images x classes`, in the order of the images.
        var logits: [Float]
        var classes: Int
        /// Milliseconds of each run, without reading and resizing the image.
        var milliseconds: [Double]
        /// `nil` without labels.
        var top1: Double?
    }

    private struct Part: Sendable {
        var logits: [Float] = []
        var milliseconds: [Double] = []
        var correct = 0
    }

    static func run(_ plan: Plan, on images: ImageSet, _ preprocessor: ImagePreprocessor, threads: Int) -> Result {
        let parts = Mutex([Part](repeating: Part(), count: threads))
        DispatchQueue.concurrentPerform(iterations: threads) { thread in
            let range = images.count * thread / threads..<images.count * (thread + 1) / threads
            let part = run(plan, on: images, range, preprocessor)
            parts.withLock { $0[thread] = part }
        }
        let done = parts.withLock { $0 }
        let correct = done.reduce(0) { $0 + $1.correct }
        return Result(
            logits: done.flatMap(\.logits), classes: plan.outputCount, milliseconds: done.flatMap(\.milliseconds),
            top1: images.labels == nil || images.count == 0 ? nil : Double(correct) / Double(images.count))
    }

    private static func run(
        _ plan: Plan, on images: ImageSet, _ range: Range<Int>, _ preprocessor: ImagePreprocessor
    ) -> Part {
        let session = Session(for: [plan])
        let input = AlignedBuffer(count: plan.inputShape.channels * plan.inputShape.pixels)
        let image = UnsafeMutableBufferPointer(start: input.base, count: input.count)
        var part = Part()
        for index in range {
            preprocessor.convert(images, at: index, into: image)
            let start = PlanTimer.now()
            let logits = session.run(plan, on: UnsafeBufferPointer(image))
            part.milliseconds.append(Double(PlanTimer.now() - start) / 1e6)
            part.logits.append(contentsOf: logits)
            if let label = images.labels?[index], logits.indexOfMaximum == label { part.correct += 1 }
        }
        return part
    }
}

/// Percentiles of latencies, by the nearest rank.
struct LatencySummary: Encodable {
    let p50: Double
    let p90: Double
    let p99: Double

    /// - Precondition: at least one value.
    init(_ milliseconds: [Double]) {
        let sorted = milliseconds.sorted()
        func rank(_ share: Double) -> Double {
            sorted[min(sorted.count - 1, max(0, Int((share * Double(sorted.count)).rounded(.up)) - 1))]
        }
        (p50, p90, p99) = (rank(0.5), rank(0.9), rank(0.99))
    }
}
