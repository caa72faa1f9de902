import AgentCore
import FleetModel
import Testing
import WireProtocol

/// A batch that the codec refuses would be tried again for ever, so the largest one must fit into a message.
@Suite struct TelemetryBatchSizeTests {
    private static func largestRecord(models: Int) -> TelemetryRecord {
        let names = (0..<models).compactMap { index in
            ModelName(String(repeating: "m", count: 61) + (index < 10 ? "0\(index)" : "\(index)"))
        }
        return TelemetryRecord(
            incarnation: UInt64(Int64.max), sequence: 0, startMilliseconds: UInt64(Int64.max),
            durationMilliseconds: .max, generation: UInt64(Int64.max),
            models: names.map {
                ModelTelemetry(
                    model: $0, frames: .max, dropped: .max, violations: .max, labelled: .max, correct: .max,
                    switches: .max, activePoint: 63, p50Milliseconds: 0.1, p90Milliseconds: 0.2, p99Milliseconds: 0.3,
                    constraintMilliseconds: 0.4, hooks: largestHooks)
            },
            board: BoardTelemetry(
                memoryBytes: UInt64(Int64.max), cpuLoad: 0.1, cpuFrequencyMegahertz: 0.1, temperatureCelsius: 0.1,
                droppedRecords: UInt64(Int64.max),
                spool: .init(
                    records: UInt64(Int64.max), bytes: UInt64(Int64.max), lost: [.full: UInt64(Int64.max)],
                    trouble: String(repeating: "t", count: SpoolTelemetry.troubleBytes))))
    }

    private static let largestHooks = HookTelemetry(
        state: .refused, budget: 0.1,
        kinds: (0..<HookTelemetry.kindLimit).map { index in
            .init(
                name: String(repeating: "k", count: HookTelemetry.nameBytes - 1) + "\(index)",
                taken: UInt64(Int64.max), possible: UInt64(Int64.max))
        }, samples: UInt64(Int64.max), trainings: .max, failedTrainings: .max, samplingInterval: .max,
        reason: String(repeating: "r", count: HookTelemetry.reasonBytes), zeroShare: 0.1,
        zeros: (0..<HookTelemetry.zeroStepLimit).map { _ in
            .init(step: String(repeating: "s", count: HookTelemetry.stepBytes), share: 0.1)
        })

    @Test(arguments: [0, 1, FleetLimits.modelsPerBoard])
    func largestBatchFitsIntoAMessage(models: Int) throws {
        let start = ContinuousClock.now
        var spool = TelemetrySpool<ContinuousClock.Instant>(settings: .init(), incarnation: UInt64(Int64.max))
        let codec = MessageCodec()
        var records: [TelemetryPosition: TelemetryRecord] = [:]
        for _ in 0..<FleetLimits.recordsPerMessage * 2 {
            var record = Self.largestRecord(models: models)
            (record.incarnation, record.sequence) = (spool.nextPosition.incarnation, spool.nextPosition.sequence)
            record.board.droppedRecords = 0
            records[record.position] = record
            _ = spool.recorded(bytes: try codec.payload(of: .telemetry([record])).count)
        }

        let batch = try #require(spool.batchesDue(at: start).first)

        #expect(batch.map(\.sequence) == Array(1...UInt64(batch.count)))
        #expect(throws: Never.self) {
            // The count of drops is as it is when they are sent.
            let sent = batch.compactMap { position in
                var record = records[position]
                record?.board.droppedRecords = UInt64(Int64.max)
                return record
            }
            try codec.encode(.telemetry(sent), header: FrameHeader(session: .max, sequence: .max))
        }
    }
}
