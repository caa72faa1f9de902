import FleetModel
import SearchSpace
import Testing
import WireProtocol

/// Every rule that a value from a peer must keep. The codec refuses to send what it would not accept, so the sender's
/// side shows the reader's rules; `MessageCodecTests` shows that both are one.
@Suite struct ValuesDecodingTests {
    private let codec = MessageCodec()

    private func refusal(of message: Message) -> DecodingFailure? {
        do {
            _ = try codec.payload(of: message)
            return nil
        } catch {
            return error.reason
        }
    }

    // MARK: Boards

    private func refusal(_ change: (inout BoardDescription) throws -> Void) throws -> DecodingFailure? {
        var board = try SampleMessages.board()
        try change(&board)
        return refusal(of: .hello(board, incarnation: 1, reportedGeneration: 0))
    }

    @Test func labelsAreLimitedInNumberAndSize() throws {
        let full = (1...FleetLimits.labelsPerBoard).map { ("label\($0)", "") }
        let long = String(repeating: "x", count: FleetLimits.labelBytes)

        #expect(try refusal { $0.labels = Dictionary(uniqueKeysWithValues: full) } == nil)
        #expect(
            try refusal { $0.labels = Dictionary(uniqueKeysWithValues: full + [("more", "")]) }
                == .limitExceeded(field: "labels", limit: FleetLimits.labelsPerBoard))
        #expect(try refusal { $0.labels = [long: long] } == nil)
        let limit = FleetLimits.labelBytes
        #expect(
            try refusal { $0.labels = [long + "x": ""] } == .limitExceeded(field: "labels.key", limit: limit))
        #expect(
            try refusal { $0.labels = ["key": long + "x"] } == .limitExceeded(field: "labels.value", limit: limit))
        #expect(try refusal { $0.labels = ["": "x"] } == .malformed(field: "labels.key"))
    }

    @Test func modelsAndPointsAreLimitedInNumber() throws {
        let models = try (0...FleetLimits.modelsPerBoard).map {
            DeployedModel(name: try #require(ModelName("model-\($0)")), framesPerSecond: 0, points: [])
        }
        let points = [OperatingPoint](repeating: SampleMessages.point, count: FleetLimits.pointsPerModel + 1)

        #expect(try refusal { $0.models = models.dropLast() } == nil)
        #expect(
            try refusal { $0.models = models }
                == .limitExceeded(field: "models", limit: FleetLimits.modelsPerBoard))
        #expect(try refusal { $0.models[0].points = points.dropLast() } == nil)
        #expect(
            try refusal { $0.models[0].points = points }
                == .limitExceeded(field: "models.points", limit: FleetLimits.pointsPerModel))
        #expect(try refusal { $0.models = [models[0], models[0]] } == .malformed(field: "models.name"))
    }

    @Test func freeTextIsShortAndShowable() throws {
        let limit = FleetLimits.textBytes

        #expect(refusal(of: .refused(reason: String(repeating: "x", count: limit))) == nil)
        #expect(
            refusal(of: .refused(reason: String(repeating: "x", count: limit + 1)))
                == .limitExceeded(field: "reason", limit: limit))
        #expect(refusal(of: .refused(reason: "\u{1B}[2J")) == .malformed(field: "reason"))
        #expect(refusal(of: .refused(reason: "")) == .malformed(field: "reason"))
        #expect(try refusal { $0.boardClass = "" } == .malformed(field: "boardClass"))
        #expect(
            refusal(of: .enrol(token: "a\nb", board: try SampleMessages.board())) == .malformed(field: "token"))
    }

    @Test(arguments: [Double.nan, .infinity, -.infinity, -1])
    func numbersThatMeasureNothingAreRefused(number: Double) throws {
        #expect(
            try telemetryRefusal { $0.models[0].constraintMilliseconds = number }
                == .malformed(field: "constraintMilliseconds"))
        #expect(assignmentRefusal { $0.latency.milliseconds = number } == .malformed(field: "latencyMilliseconds"))
        #expect(assignmentRefusal { $0.latency.percentile = number } == .malformed(field: "percentile"))
    }

    /// A board that measures nonsense is served, and not learned from: that is the coordinator's to decide.
    @Test(arguments: [Double.nan, .infinity, -.infinity, -1, 2])
    func whatABoardMeasuredMayBeAnyNumber(number: Double) throws {
        #expect(try refusal { $0.models[0].points[0].latencyMilliseconds = number } == nil)
        #expect(try refusal { $0.models[0].points[0].accuracy = number } == nil)
        #expect(try refusal { $0.cores = number } == nil)
        #expect(try refusal { $0.watts = number } == nil)
        #expect(try refusal { $0.models[0].framesPerSecond = number } == nil)
        #expect(try refusal { $0.interference = Interference(factors: ["m": ["n": number]]) } == nil)
        #expect(
            try refusal {
                $0.models[0].points[0].demand = PointDemand(
                    cpuMilliseconds: number, energyMillijoules: number,
                    percentiles: [LatencyConstraint(milliseconds: number, percentile: number)])
            } == nil)
        #expect(try telemetryRefusal { $0.models[0].p50Milliseconds = number } == nil)
        #expect(try telemetryRefusal { $0.models[0].p90Milliseconds = number } == nil)
        #expect(try telemetryRefusal { $0.models[0].p99Milliseconds = number } == nil)
    }

    @Test func subnetConfigurationsFitTogether() throws {
        func refusal(_ change: (inout SubnetConfiguration) -> Void) throws -> DecodingFailure? {
            try self.refusal { change(&$0.models[0].points[0].configuration) }
        }
        let most = [Int](repeating: 1, count: FleetLimits.positionsPerSubnet)

        #expect(try refusal { $0.kernelSizes.removeLast() } == .malformed(field: "expandRatios"))
        #expect(try refusal { $0.depths = [1, 1, 1] } == .malformed(field: "depths"))
        #expect(try refusal { $0.depths = [] } == .malformed(field: "depths"))
        #expect(try refusal { $0 = .init(resolution: 28, depths: [], kernelSizes: [], expandRatios: []) } == nil)
        #expect(try refusal { $0.resolution = 0 } == .malformed(field: "resolution"))
        #expect(try refusal { $0.resolution = FleetLimits.subnetValue } == nil)
        #expect(try refusal { $0.resolution = FleetLimits.subnetValue + 1 } == .malformed(field: "resolution"))
        #expect(
            try refusal { $0 = .init(resolution: 1, depths: most, kernelSizes: most, expandRatios: most) } == nil)
        #expect(
            try refusal { $0.kernelSizes = most + [1] }
                == .limitExceeded(field: "kernelSizes", limit: FleetLimits.positionsPerSubnet))
    }

    // MARK: Telemetry

    private func telemetryRefusal(_ change: (inout TelemetryRecord) throws -> Void) throws -> DecodingFailure? {
        var record = try SampleMessages.record(sequence: 1)
        try change(&record)
        return refusal(of: .telemetry([record]))
    }

    @Test func recordsPerMessageAreLimited() throws {
        let limit = FleetLimits.recordsPerMessage
        let records = try (0...limit).map { try SampleMessages.record(sequence: UInt64($0 + 1)) }

        #expect(refusal(of: .telemetry([])) == nil)
        #expect(refusal(of: .telemetry(records.dropLast())) == nil)
        #expect(refusal(of: .telemetry(records)) == .limitExceeded(field: "records", limit: limit))
    }

    @Test func countsOfAModelAgree() throws {
        #expect(try telemetryRefusal { $0.models[0].violations = 101 } == .malformed(field: "violations"))
        #expect(try telemetryRefusal { $0.models[0].labelled = 101 } == .malformed(field: "labelled"))
        #expect(try telemetryRefusal { $0.models[0].correct = 51 } == .malformed(field: "correct"))
        #expect(try telemetryRefusal { $0.models[0].activePoint = 63 } == nil)
        #expect(
            try telemetryRefusal { $0.models[0].activePoint = 64 }
                == .limitExceeded(field: "activePoint", limit: FleetLimits.pointsPerModel))
        #expect(try telemetryRefusal { $0.models.append($0.models[0]) } == .malformed(field: "records.models.model"))
    }

    @Test func countersFitSigned64Bits() throws {
        #expect(try telemetryRefusal { $0.sequence = 0 } == .malformed(field: "sequence"))
        #expect(try telemetryRefusal { $0.sequence = UInt64(Int64.max) } == nil)
        #expect(try telemetryRefusal { $0.sequence = UInt64(Int64.max) + 1 } == .malformed(field: "sequence"))
        #expect(try telemetryRefusal { $0.startMilliseconds = .max } == .malformed(field: "startMilliseconds"))
        #expect(try refusal { $0.memoryBytes = .max } == .malformed(field: "memoryBytes"))
    }

    @Test func sensorsThatABoardLacksStayAbsent() throws {
        var record = try SampleMessages.record(sequence: 1)
        record.board = BoardTelemetry(
            memoryBytes: 0, cpuLoad: nil, cpuFrequencyMegahertz: nil, temperatureCelsius: nil, droppedRecords: 0)

        let frame = try codec.encode(.telemetry([record]), header: SampleMessages.header)
        #expect(try codec.decode(header: frame.header, payload: frame.payload).1 == .telemetry([record]))
    }

    /// A broken sensor costs its own reading, not the record.
    @Test(arguments: [Double.nan, .infinity, -.infinity, -300, 1e9])
    func sensorsThatReadNonsenseHaveReadNothing(reading: Double) throws {
        var record = try SampleMessages.record(sequence: 1)
        record.board = BoardTelemetry(
            memoryBytes: 7, cpuLoad: reading, cpuFrequencyMegahertz: reading, temperatureCelsius: reading,
            droppedRecords: 3)
        record.board.clockShare = reading
        let frame = try codec.encode(.telemetry([record]), header: SampleMessages.header)
        record.board = BoardTelemetry(
            memoryBytes: 7, cpuLoad: nil, cpuFrequencyMegahertz: nil, temperatureCelsius: nil, droppedRecords: 3)
        #expect(try codec.decode(header: frame.header, payload: frame.payload).1 == .telemetry([record]))
    }

    // MARK: Assignments

    private func assignmentRefusal(_ change: (inout ModelAssignment) -> Void) -> DecodingFailure? {
        var assignment = SampleMessages.assignment
        change(&assignment.models[0])
        return refusal(of: .assign(assignment))
    }

    @Test func anAssignmentsPointsAreOrderedAndWithinTheTable() {
        let last = FleetLimits.pointsPerModel - 1
        #expect(assignmentRefusal { $0.lowestPoint = -1 } == .malformed(field: "lowestPoint"))
        #expect(assignmentRefusal { $0.highestPoint = last } == nil)
        #expect(assignmentRefusal { $0.highestPoint = last + 1 } == .malformed(field: "highestPoint"))
        #expect(assignmentRefusal { ($0.lowestPoint, $0.highestPoint) = (3, 2) } == .malformed(field: "highestPoint"))
        #expect(assignmentRefusal { $0.preferredPoint = 5 } == .malformed(field: "preferredPoint"))
        #expect(assignmentRefusal { $0.priority = 0 } == .malformed(field: "priority"))
        #expect(assignmentRefusal { $0.priority = 100 } == nil)
        #expect(assignmentRefusal { $0.priority = 101 } == .malformed(field: "priority"))
        #expect(assignmentRefusal { $0.latency.percentile = 100 } == nil)
        #expect(assignmentRefusal { $0.latency.percentile = 100.5 } == .malformed(field: "percentile"))
        #expect(assignmentRefusal { $0.model = "Not A Name" } == .malformed(field: "assignment.models.model"))
    }

    @Test func anAssignmentNamesEachModelOnceAndHasAGeneration() {
        let one = SampleMessages.assignment.models[0]
        let many = (0...FleetLimits.modelsPerBoard).map { number in
            var model = one
            model.model = "model-\(number)"
            return model
        }

        #expect(refusal(of: .assign(.init(generation: 1, models: many.dropLast()))) == nil)
        #expect(
            refusal(of: .assign(.init(generation: 1, models: many)))
                == .limitExceeded(field: "assignment.models", limit: FleetLimits.modelsPerBoard))
        #expect(
            refusal(of: .assign(.init(generation: 1, models: [one, one])))
                == .malformed(field: "assignment.models.model"))
        #expect(refusal(of: .assign(.init(generation: 0, models: []))) == .malformed(field: "generation"))
    }

    @Test func aWelcomeSetsBothNumbersOfLiveness() {
        #expect(
            refusal(of: .welcome(heartbeatMilliseconds: 0, liveness: 1)) == .malformed(field: "heartbeatMilliseconds"))
        #expect(refusal(of: .welcome(heartbeatMilliseconds: 1, liveness: 0)) == .malformed(field: "liveness"))
    }

    // MARK: Hooks

    @Test func hooksKeepToTheirLimits() throws {
        func refusal(_ change: (inout HookTelemetry) -> Void) throws -> DecodingFailure? {
            var record = try SampleMessages.record(sequence: 1)
            var hooks = try #require(record.models[0].hooks)
            change(&hooks)
            record.models[0].hooks = hooks
            return self.refusal(of: .telemetry([record]))
        }
        let kinds = (0...HookTelemetry.kindLimit).map { HookTelemetry.Kind(name: "k\($0)", taken: 0, possible: 0) }
        #expect(try refusal { $0.kinds = kinds.dropLast() } == nil)
        #expect(
            try refusal { $0.kinds = kinds }
                == .limitExceeded(field: "hooks.kinds", limit: HookTelemetry.kindLimit))
        #expect(try refusal { $0.kinds = [kinds[0], kinds[0]] } == .malformed(field: "hooks.kinds.name"))
        #expect(try refusal { $0.kinds[0].taken = 301 } == .malformed(field: "hooks.kinds.taken"))
        #expect(try refusal { $0.budget = 1.5 } == .malformed(field: "hooks.budget"))
        #expect(try refusal { $0.budget = nil } == nil)
        #expect(try refusal { $0.failedTrainings = 5 } == .malformed(field: "hooks.failedTrainings"))
        let zeros = (0...HookTelemetry.zeroStepLimit).map { HookTelemetry.StepZeros(step: "s\($0)", share: 0.5) }
        #expect(try refusal { ($0.zeroShare, $0.zeros) = (0.5, zeros.dropLast()) } == nil)
        #expect(
            try refusal { $0.zeros = zeros } == .limitExceeded(field: "hooks.zeros", limit: HookTelemetry.zeroStepLimit)
        )
        #expect(try refusal { $0.zeros = [.init(step: "s", share: 1.5)] } == .malformed(field: "hooks.zeros.share"))
        #expect(try refusal { $0.zeroShare = -1 } == .malformed(field: "hooks.zeroShare"))
        #expect(try refusal { $0.reason = "a\nb" } == .malformed(field: "hooks.reason"))
        #expect(
            try refusal { $0.reason = String(repeating: "x", count: HookTelemetry.reasonBytes + 1) }
                == .limitExceeded(field: "hooks.reason", limit: HookTelemetry.reasonBytes))
    }

    /// An older board says nothing of zeros; of a newer one the share and the steps arrive as they were sent.
    @Test func zerosArriveAsTheyWereSent() throws {
        let steps = [
            HookTelemetry.StepZeros(step: "/layer1/relu", share: 0.75),
            .init(step: String(repeating: "n", count: HookTelemetry.stepBytes), share: 0), .init(step: "c", share: 1),
        ]
        for (share, zeros) in [(nil, nil), (0, nil), (0.5, [steps[0]]), (0.625, steps)]
            as [(Double?, [HookTelemetry.StepZeros]?)]
        {
            var record = try SampleMessages.record(sequence: 1)
            record.models[0].hooks?.zeroShare = share
            record.models[0].hooks?.zeros = zeros
            let frame = try codec.encode(.telemetry([record]), header: SampleMessages.header)
            let (_, decoded) = try codec.decode(header: frame.header, payload: frame.payload)
            #expect(decoded == .telemetry([record]), "\(zeros ?? [])")
        }
    }

    @Test func sharesClockAndPowerSurviveTheWire() throws {
        let codec = MessageCodec()
        var record = try SampleMessages.record(sequence: 1)
        record.board.shares = ShareTelemetry(means: .cgroup, detail: "fashion 0.50 cores", reason: "")
        record.board.clockShare = 0.625
        var board = try SampleMessages.board()
        board.watts = 4.5
        var assignment = SampleMessages.assignment
        assignment.models[0].cpuShare = 0.25
        for message: Message in [
            .telemetry([record]), .assign(assignment), .hello(board, incarnation: 1, reportedGeneration: 2),
        ] {
            let frame = try codec.encode(message, header: SampleMessages.header)
            #expect(try codec.decode(header: frame.header, payload: frame.payload).1 == message)
        }
    }

    @Test func sharesAreCheckedAndCutWhereTheyAreMade() throws {
        #expect(
            try telemetryRefusal {
                $0.board.shares = ShareTelemetry(means: .none, detail: "", reason: "")
                $0.board.shares?.reason = String(repeating: "r", count: ShareTelemetry.textBytes + 1)
            } == .limitExceeded(field: "shares.reason", limit: ShareTelemetry.textBytes))
        let long = ShareTelemetry(means: .none, detail: String(repeating: "ä", count: 500), reason: "")
        #expect(long.detail.utf8.count <= ShareTelemetry.textBytes && long.detail.hasSuffix("..."))
    }
}
