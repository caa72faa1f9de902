import Engine
import FleetModel
import Foundation
import ModelImport
import SearchSpace
import Supernets
import Synchronization
import Testing
import WireProtocol

@testable import Agent

/// Orders of the coordinator, carried out by the engine.
@Suite struct SubnetMeasurerTests {
    private static let sha256 = String(repeating: "cd", count: 32)
    private let supernet: MeasurableSupernet

    init() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Examples/fashion-supernet").path()
        let package = try SupernetImporter.importCheckpoint(
            path: folder + "/fashion_supernet.pth", configPath: folder + "/fashion_supernet.json")
        supernet = MeasurableSupernet(
            supernet: try PackedSupernet(package), sha256: Self.sha256, kernels: try KernelSet.selected())
    }

    private func order(
        _ number: UInt64, _ subnet: SubnetConfiguration, sha256: String = sha256, model: String = "classifier"
    ) throws -> MeasureOrder {
        MeasureOrder(
            number: number, model: try #require(ModelName(model)), supernetSHA256: sha256, subnet: subnet)
    }

    /// Whatever else runs here: fewer runs, and one that is interrupted counts too.
    private var patient: UndisturbedTimer {
        var timer = UndisturbedTimer()
        (timer.runsPerBatch, timer.interruption) = (3, .infinity)
        return timer
    }

    @Test func everySubnetOfTheSpaceIsMeasuredInBatches() throws {
        for subnet in [supernet.supernet.space.smallest, supernet.supernet.space.largest] {
            let measurer = SubnetMeasurer(try order(1, subnet), of: supernet, timer: patient)
            guard case .measured(let batches) = measurer.measure() else {
                Issue.record("not measured")
                continue
            }
            #expect(batches.count == 5 && batches.allSatisfy { $0 > 0 && $0 < 60_000 })
        }
    }

    @Test func whatIsNotHereIsRefusedInASentence() throws {
        let subnet = supernet.supernet.space.smallest
        let other = String(repeating: "0", count: 64)
        #expect(
            SubnetMeasurer(try order(1, subnet, sha256: other), of: supernet).measure()
                == .refused(reason: "classifier has other weights here: \(Self.sha256)"))
        #expect(
            SubnetMeasurer(try order(1, subnet), of: nil).measure()
                == .refused(reason: "classifier is no supernet here"))
        guard
            case .refused(let reason) = SubnetMeasurer(
                try order(1, SearchSpace.ofaMobileNetV3.smallest), of: supernet
            ).measure()
        else { return #expect(Bool(false), "a subnet of another space was measured") }
        #expect(!reason.isEmpty)
    }

    /// A board on which every run is interrupted says so, and how many were.
    @Test func aBusyBoardIsToldFromASlowOne() throws {
        var timer = UndisturbedTimer()
        (timer.interruption, timer.attemptsPerBatch) = (0, 7)
        // No run takes less than reading the clocks may.
        let subnet = supernet.supernet.space.largest
        #expect(
            SubnetMeasurer(try order(1, subnet), of: supernet, timer: timer).measure()
                == .refused(reason: "the board is too busy: 0 of 7 runs were not interrupted"))
    }

    /// The desk answers from its thread's result, once it is there, as often as it is asked; a replaced order never.
    @Test(.timeLimit(.minutes(5)))
    func theDeskMeasuresBesideWhatElseTheAgentDoes() async throws {
        let name = try #require(ModelName("classifier"))
        var desk = MeasuringDesk([name: supernet])
        let (first, second) = (
            try order(1, supernet.supernet.space.largest), try order(2, supernet.supernet.space.smallest)
        )
        #expect(desk.received(first) == [.measureReport(MeasureReport(number: 1, .working))])
        #expect(desk.received(second) == [.measureReport(MeasureReport(number: 2, .working))])
        var answers: [Message] = []
        while answers.isEmpty {
            try await Task.sleep(for: .milliseconds(10))
            answers = desk.timerFired()
        }
        guard case .measureReport(let report) = answers[0], answers.count == 1 else {
            return #expect(Bool(false), "\(answers)")
        }
        #expect(report.number == 2)
        #expect(desk.received(second) == answers)
        #expect(desk.timerFired().isEmpty)
    }
}
