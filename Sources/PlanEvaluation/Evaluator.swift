package import Datasets
package import Engine
import Foundation
import Fusion
import Graphs
package import PostTrainingQuantization
import Supernets
import Synchronization

/// Runs a plan over images on a number of threads, one session each.
package enum Evaluator {
    package struct Result {
        /// `images x classes`, in the order of the images; what an image gave less than another is NaN.
        package var logits: [Float]
        /// Values of the image that gave most.
        package var classes: Int
        /// Of each image; networks that find things give as many values as they find.
        package var counts: [Int]
        /// Milliseconds of each run, without reading and resizing the image.
        package var milliseconds: [Double]
        /// `nil` without labels.
        package var top1: Double?
    }

    /// What a share of the images gave.
    package struct Part: Sendable {
        private let counted: @Sendable () -> Void

        /// - Parameter counted: is called after each image, out of what is timed.
        package init(_ counted: @escaping @Sendable () -> Void = {}) { self.counted = counted }

        fileprivate var logits: [Float] = []
        fileprivate var counts: [Int] = []
        fileprivate var milliseconds: [Double] = []
        fileprivate var correct = 0

        /// - Parameter start: when the run began, by `PlanTimer`.
        package mutating func add(_ logits: UnsafeBufferPointer<Float>, since start: UInt64, label: Int?) {
            milliseconds.append(Double(PlanTimer.now() - start) / 1e6)
            self.logits.append(contentsOf: logits)
            counts.append(logits.count)
            if let label, !logits.isEmpty, logits.indexOfMaximum == label { correct += 1 }
            counted()
        }
    }

    /// Gives each thread its share of the images and joins what they return, in the order of the images.
    package static func run<Failure: Error>(
        on images: ImageSet, threads: Int, _ work: @Sendable (Range<Int>) throws(Failure) -> Part
    ) throws(Failure) -> Result {
        let parts = Mutex([Swift.Result<Part, Failure>?](repeating: nil, count: threads))
        DispatchQueue.concurrentPerform(iterations: threads) { thread in
            let range = images.count * thread / threads..<images.count * (thread + 1) / threads
            let part: Swift.Result<Part, Failure>
            do throws(Failure) { part = .success(try work(range)) } catch { part = .failure(error) }
            parts.withLock { $0[thread] = part }
        }
        var done: [Part] = []
        for case let part? in parts.withLock({ $0 }) { done.append(try part.get()) }
        let counts = done.flatMap(\.counts)
        let classes = counts.max() ?? 0
        let correct = done.reduce(0) { $0 + $1.correct }
        return Result(
            logits: rows(done.flatMap(\.logits), counts, of: classes), classes: classes, counts: counts,
            milliseconds: done.flatMap(\.milliseconds),
            top1: images.labels == nil || images.count == 0 ? nil : Double(correct) / Double(images.count))
    }

    /// One row for each image, filled up where it gave less than another.
    private static func rows(_ values: [Float], _ counts: [Int], of width: Int) -> [Float] {
        guard counts.contains(where: { $0 != width }) else { return values }
        var (rows, start) = ([Float](), 0)
        rows.reserveCapacity(counts.count * width)
        for count in counts {
            rows += values[start..<start + count]
            rows += repeatElement(.nan, count: width - count)
            start += count
        }
        return rows
    }

    package static func run(
        _ plan: Plan, on images: ImageSet, _ preprocessor: ImagePreprocessor, threads: Int,
        counted: @escaping @Sendable () -> Void = {}
    ) -> Result {
        run(on: images, threads: threads) { range in
            let session = Session(for: [plan])
            // The logits lie in its arena.
            defer { withExtendedLifetime(session) {} }
            let input = AlignedBuffer(count: plan.inputShape.channels * plan.inputShape.pixels)
            let image = UnsafeMutableBufferPointer(start: input.base, count: input.count)
            var part = Part(counted)
            for index in range {
                preprocessor.convert(images, at: index, into: image)
                let start = PlanTimer.now()
                let logits = session.run(plan, on: UnsafeBufferPointer(image))
                part.add(logits, since: start, label: images.labels?[index])
            }
            return part
        }
    }
}

extension Evaluator {
    package static func run(
        _ plan: SteppedPlan, on images: ImageSet, _ preprocessor: ImagePreprocessor, threads: Int,
        counted: @escaping @Sendable () -> Void = {}
    ) -> Result {
        run(on: images, threads: threads) { range in
            let arena = plan.makeArena()
            defer { withExtendedLifetime(arena) {} }
            let shape = plan.network.inputShape
            let input = AlignedBuffer(count: shape.channels * shape.pixels)
            let image = UnsafeMutableBufferPointer(start: input.base, count: input.count)
            var part = Part(counted)
            for index in range {
                preprocessor.convert(images, at: index, into: image)
                let start = PlanTimer.now()
                part.add(
                    plan.run(on: UnsafeBufferPointer(image), in: arena), since: start, label: images.labels?[index])
            }
            return part
        }
    }
}

/// Percentiles of latencies, by the nearest rank.
package struct LatencySummary: Encodable {
    package let p50: Double
    package let p90: Double
    package let p99: Double

    /// - Precondition: at least one value.
    package init(_ milliseconds: [Double]) {
        let sorted = milliseconds.sorted()
        func rank(_ share: Double) -> Double {
            sorted[min(sorted.count - 1, max(0, Int((share * Double(sorted.count)).rounded(.up)) - 1))]
        }
        (p50, p90, p99) = (rank(0.5), rank(0.9), rank(0.99))
    }
}
