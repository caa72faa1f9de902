import FleetModel
import SearchSpace
import Testing

@Suite struct AttainmentTests {
    private static func window(
        frames: UInt32, dropped: UInt32 = 0, violations: UInt32 = 0, labelled: UInt32 = 0, correct: UInt32 = 0,
        point: UInt32 = 0, constraint: Double = 20
    ) throws -> ModelTelemetry {
        ModelTelemetry(
            model: try #require(ModelName("eye")), frames: frames, dropped: dropped, violations: violations,
            labelled: labelled, correct: correct, switches: 0, activePoint: point, p50Milliseconds: 1,
            p90Milliseconds: 2, p99Milliseconds: 3, constraintMilliseconds: constraint)
    }

    @Test func nothingIsToldOfNothing() throws {
        for sum in [Attainment(), Attainment(try Self.window(frames: 0), pointAccuracy: 0.5)] {
            #expect(sum.sloAttainment == nil && sum.source == nil)
            for source in Attainment.Source.allCases {
                #expect(sum.accuracy(by: source) == nil && sum.attainedAccuracy(by: source) == nil)
            }
        }
    }

    /// A point counts as often as frames ran at it, not as often as windows told of it.
    @Test func pointsAreWeighedByFrames() throws {
        var sum = Attainment(try Self.window(frames: 30, dropped: 10), pointAccuracy: 0.9)
        sum.add(Attainment(try Self.window(frames: 10, violations: 10), pointAccuracy: 0.5))
        #expect(sum.sloAttainment == 0.6 && sum.accuracy(by: .points) == 0.8 && sum.source == .points)
        #expect(sum.attainedAccuracy(by: .points) == 0.6 * 0.8)
        #expect(sum.attainedAccuracy(by: .labels) == nil)
        // Frames whose point no table tells are not held to be wrong.
        sum.add(Attainment(try Self.window(frames: 50), pointAccuracy: nil))
        #expect(sum.sloAttainment == 0.8 && sum.accuracy(by: .points) == 0.8)
    }

    /// A model without a policy has not attained what nobody asked for.
    @Test func whatHasNoConstraintKeepsNone() throws {
        var sum = Attainment(try Self.window(frames: 30, constraint: 0), pointAccuracy: 0.9)
        #expect(sum.arrived == 30 && sum.sloAttainment == nil && sum.attainedAccuracy(by: .points) == nil)
        #expect(sum.accuracy(by: .points) == 0.9)
        sum.add(Attainment(try Self.window(frames: 10, violations: 5), pointAccuracy: 0.9))
        #expect(sum.arrived == 40 && sum.sloAttainment == 0.5)
    }

    @Test func labelsGoBeforePoints() throws {
        let sum = Attainment(try Self.window(frames: 100, labelled: 20, correct: 5), pointAccuracy: 0.75)
        #expect(sum.source == .labels && sum.attainedAccuracy(by: .labels) == 0.25)
        #expect(sum.attainedAccuracy(by: .points) == 0.75)
    }

    @Test(arguments: [-0.1, 1.1, .nan, .infinity]) func whatIsNoAccuracyIsNotCounted(accuracy: Double) throws {
        #expect(Attainment(try Self.window(frames: 9), pointAccuracy: accuracy).source == nil)
    }

    @Test func theTableTellsOfThePointThatRan() throws {
        let points = [0.5, 0.6].map { accuracy in
            OperatingPoint(
                configuration: SubnetConfiguration(resolution: 28, depths: [], kernelSizes: [], expandRatios: []),
                accuracy: accuracy, latencyMilliseconds: accuracy, flops: 1)
        }
        #expect(try Self.window(frames: 1, point: 1).pointAccuracy(in: points) == 0.6)
        #expect(try Self.window(frames: 1, point: 2).pointAccuracy(in: points) == nil)
        #expect(try Self.window(frames: 1).pointAccuracy(in: []) == nil)
    }
}
