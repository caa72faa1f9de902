import FleetModel
import SearchSpace

extension BoardDescription {
    /// What a board measured or says of itself in numbers may be any number: one that says nonsense is served, and not
    /// learned from. What it is made of must fit.
    init(_ wire: WireBoard) throws(DecodingFailure) {
        try Checks.count(wire.labels.count, "labels", limit: FleetLimits.labelsPerBoard)
        try Checks.count(wire.models.count, "models", limit: FleetLimits.modelsPerBoard)
        try Checks.distinct(wire.labels.map(\.key), "labels.key")
        try Checks.distinct(wire.models.map(\.name), "models.name")
        var labels: [String: String] = [:]
        for label in wire.labels {
            let key = try Checks.text(label.key, "labels.key", limit: FleetLimits.labelBytes)
            labels[key] = try Checks.text(
                label.value, "labels.value", limit: FleetLimits.labelBytes, mayBeEmpty: true)
        }
        var models: [DeployedModel] = []
        for model in wire.models { models.append(try DeployedModel(model)) }
        self.init(
            id: try Checks.board(wire.id, "board.id"), boardClass: try Checks.text(wire.boardClass, "boardClass"),
            labels: labels, cores: wire.cores,
            memoryBytes: try Checks.counter(wire.memoryBytes, "memoryBytes"),
            engineVersion: try Checks.text(wire.engineVersion, "engineVersion"), models: models,
            interference: wire.interference.isEmpty ? nil : try Interference(wire.interference),
            watts: wire.hasWatts ? wire.watts : nil)
    }
}

extension Interference {
    fileprivate init(_ wire: [WireInterference]) throws(DecodingFailure) {
        let models = FleetLimits.modelsPerBoard
        try Checks.count(wire.count, "interference", limit: models * (models - 1))
        self.init()
        for pair in wire {
            let model = try Checks.model(pair.model, "interference.model").rawValue
            let neighbour = try Checks.model(pair.neighbour, "interference.neighbour").rawValue
            guard factors[model, default: [:]].updateValue(pair.factor, forKey: neighbour) == nil else {
                throw .malformed(field: "interference")
            }
        }
    }
}

extension DeployedModel {
    init(_ wire: WireDeployedModel) throws(DecodingFailure) {
        try Checks.count(wire.points.count, "models.points", limit: FleetLimits.pointsPerModel)
        var points: [OperatingPoint] = []
        for point in wire.points { points.append(try OperatingPoint(point)) }
        self.init(
            name: try Checks.model(wire.name, "models.name"),
            framesPerSecond: wire.framesPerSecond, points: points,
            supernetSHA256: wire.supernetSha256.isEmpty
                ? nil : try Checks.sha256(wire.supernetSha256, "supernetSha256"))
    }
}

extension OperatingPoint {
    init(_ wire: WireOperatingPoint) throws(DecodingFailure) {
        self.init(
            configuration: try SubnetConfiguration(wire), accuracy: wire.accuracy,
            latencyMilliseconds: wire.latencyMilliseconds,
            flops: try Checks.integer(wire.flops, "flops", in: 0...Int.max),
            demand: wire.hasDemand ? try PointDemand(wire.demand) : nil)
    }
}

extension PointDemand {
    fileprivate init(_ wire: WirePointDemand) throws(DecodingFailure) {
        try Checks.count(wire.percentiles.count, "demand.percentiles", limit: Self.percentileLimit)
        let percentiles = wire.percentiles.map {
            LatencyConstraint(milliseconds: $0.milliseconds, percentile: $0.percentile)
        }
        let precision = try Checks.text(
            wire.precision, "demand.precision", limit: Self.precisionBytes, mayBeEmpty: true)
        self.init(
            precision: precision.isEmpty ? nil : precision,
            threads: try Checks.integer(Int64(wire.threads), "demand.threads", in: Self.threadRange),
            hookBudget: wire.hasHookBudget ? try Checks.number(wire.hookBudget, "demand.hookBudget", in: 0...1) : nil,
            cpuMilliseconds: wire.hasCpuMilliseconds ? wire.cpuMilliseconds : nil,
            memoryBytes: try Checks.counter(wire.memoryBytes, "demand.memoryBytes"),
            energyMillijoules: wire.energyMillijoules,
            percentiles: percentiles)
    }
}

extension SubnetConfiguration {
    /// The lists fit together; whether a supernet has such a subnet is for the supernet to say. A network that is not
    /// elastic has empty lists.
    init(_ wire: WireOperatingPoint) throws(DecodingFailure) {
        let kernelSizes = try Self.values(wire.kernelSizes, "kernelSizes", from: 1)
        let expandRatios = try Self.values(wire.expandRatios, "expandRatios", from: 1)
        let depths = try Self.values(wire.depths, "depths", from: 0)
        guard kernelSizes.count == expandRatios.count else { throw .malformed(field: "expandRatios") }
        let fits = depths.isEmpty ? kernelSizes.isEmpty : kernelSizes.count.isMultiple(of: depths.count)
        guard fits else { throw .malformed(field: "depths") }
        self.init(
            resolution: try Checks.integer(wire.resolution, "resolution", in: 1...FleetLimits.subnetValue),
            depths: depths, kernelSizes: kernelSizes, expandRatios: expandRatios)
    }

    private static func values(
        _ wire: [Int64], _ field: String, from lowest: Int
    ) throws(DecodingFailure) -> [Int] {
        try Checks.count(wire.count, field, limit: FleetLimits.positionsPerSubnet)
        var values: [Int] = []
        values.reserveCapacity(wire.count)
        for value in wire { values.append(try Checks.integer(value, field, in: lowest...FleetLimits.subnetValue)) }
        return values
    }
}

extension TelemetryRecord {
    init(_ wire: WireRecord) throws(DecodingFailure) {
        try Checks.count(wire.models.count, "records.models", limit: FleetLimits.modelsPerBoard)
        try Checks.distinct(wire.models.map(\.model), "records.models.model")
        guard wire.hasBoard else { throw .malformed(field: "records.board") }
        var models: [ModelTelemetry] = []
        for model in wire.models { models.append(try ModelTelemetry(model)) }
        self.init(
            incarnation: try Checks.counter(wire.incarnation, "incarnation"),
            sequence: try Checks.counter(wire.sequence, "sequence", from: 1),
            startMilliseconds: try Checks.counter(wire.startMilliseconds, "startMilliseconds"),
            durationMilliseconds: wire.durationMilliseconds,
            generation: try Checks.counter(wire.generation, "generation"), models: models,
            board: try BoardTelemetry(wire.board))
    }
}

extension ModelTelemetry {
    init(_ wire: WireModelRecord) throws(DecodingFailure) {
        guard wire.violations <= wire.frames else { throw .malformed(field: "violations") }
        guard wire.labelled <= wire.frames else { throw .malformed(field: "labelled") }
        guard wire.correct <= wire.labelled else { throw .malformed(field: "correct") }
        guard wire.activePoint < FleetLimits.pointsPerModel else {
            throw .limitExceeded(field: "activePoint", limit: FleetLimits.pointsPerModel)
        }
        self.init(
            model: try Checks.model(wire.model, "records.models.model"), frames: wire.frames,
            dropped: wire.dropped, violations: wire.violations, labelled: wire.labelled, correct: wire.correct,
            switches: wire.switches, activePoint: wire.activePoint,
            // Any number, as of operating points; the coordinator strikes out what cannot be.
            p50Milliseconds: wire.p50Milliseconds, p90Milliseconds: wire.p90Milliseconds,
            p99Milliseconds: wire.p99Milliseconds,
            constraintMilliseconds: try Checks.number(wire.constraintMilliseconds, "constraintMilliseconds"),
            hooks: wire.hasHooks ? try HookTelemetry(wire.hooks) : nil)
    }
}

extension HookTelemetry {
    /// A state that only a newer agent knows is no reason to refuse what else it measured: the gates decide in all.
    fileprivate init(_ wire: WireHookRecord) throws(DecodingFailure) {
        try Checks.count(wire.kinds.count, "hooks.kinds", limit: Self.kindLimit)
        try Checks.distinct(wire.kinds.map(\.name), "hooks.kinds.name")
        var kinds: [Kind] = []
        for kind in wire.kinds {
            guard kind.taken <= kind.possible else { throw .malformed(field: "hooks.kinds.taken") }
            kinds.append(
                Kind(
                    name: try Checks.text(kind.name, "hooks.kinds.name", limit: Self.nameBytes),
                    taken: kind.taken, possible: try Checks.counter(kind.possible, "hooks.kinds.possible")))
        }
        try Checks.count(wire.zeros.count, "hooks.zeros", limit: Self.zeroStepLimit)
        var zeros: [StepZeros] = []
        for one in wire.zeros {
            zeros.append(
                StepZeros(
                    step: try Checks.text(one.step, "hooks.zeros.step", limit: Self.stepBytes),
                    share: try Checks.number(one.share, "hooks.zeros.share", in: 0...1)))
        }
        guard wire.failedTrainings <= wire.trainings else { throw .malformed(field: "hooks.failedTrainings") }
        self.init(
            state: State(rawValue: wire.state) ?? .deciding,
            budget: wire.hasBudget ? try Checks.number(wire.budget, "hooks.budget", in: 0...1) : nil, kinds: kinds,
            samples: try Checks.counter(wire.samples, "hooks.samples"), trainings: wire.trainings,
            failedTrainings: wire.failedTrainings, samplingInterval: wire.samplingInterval,
            reason: try Checks.text(wire.reason, "hooks.reason", limit: Self.reasonBytes, mayBeEmpty: true),
            zeroShare: wire.hasZeroShare ? try Checks.number(wire.zeroShare, "hooks.zeroShare", in: 0...1) : nil,
            zeros: zeros.isEmpty ? nil : zeros)
    }
}

extension BoardTelemetry {
    /// A reading that no working sensor gives is none: the rest of the record was measured.
    init(_ wire: WireBoardRecord) throws(DecodingFailure) {
        self.init(
            memoryBytes: try Checks.counter(wire.memoryBytes, "board.memoryBytes"),
            cpuLoad: wire.hasCpuLoad ? SensorRange.load.reading(wire.cpuLoad) : nil,
            cpuFrequencyMegahertz: wire.hasCpuFrequencyMegahertz
                ? SensorRange.megahertz.reading(wire.cpuFrequencyMegahertz) : nil,
            temperatureCelsius: wire.hasTemperatureCelsius
                ? SensorRange.celsius.reading(wire.temperatureCelsius) : nil,
            droppedRecords: try Checks.counter(wire.droppedRecords, "droppedRecords"),
            spool: wire.hasSpool ? try SpoolTelemetry(wire.spool) : nil,
            shares: wire.hasShares ? try ShareTelemetry(wire.shares) : nil,
            clockShare: wire.hasClockShare ? SensorRange.clockShare.reading(wire.clockShare) : nil)
    }
}

extension ShareTelemetry {
    /// A way that only a newer agent knows counts as none: it cannot be told how much it holds.
    fileprivate init(_ wire: WireShareRecord) throws(DecodingFailure) {
        let ways = Means.allCases
        self.init(
            means: Int(wire.means) < ways.count ? ways[Int(wire.means)] : .none,
            detail: try Checks.text(wire.detail, "shares.detail", limit: Self.textBytes, mayBeEmpty: true),
            reason: try Checks.text(wire.reason, "shares.reason", limit: Self.textBytes, mayBeEmpty: true))
    }
}

extension SpoolTelemetry {
    fileprivate init(_ wire: WireSpoolRecord) throws(DecodingFailure) {
        self.init(
            records: try Checks.counter(wire.records, "spool.records"),
            bytes: try Checks.counter(wire.bytes, "spool.bytes"),
            lost: [
                .full: try Checks.counter(wire.lostFull, "spool.lostFull"),
                .damaged: try Checks.counter(wire.lostDamaged, "spool.lostDamaged"),
                .unwritable: try Checks.counter(wire.lostUnwritable, "spool.lostUnwritable"),
            ],
            trouble: try Checks.text(
                wire.trouble, "spool.trouble", limit: Self.troubleBytes, mayBeEmpty: true))
    }
}

extension Assignment {
    init(_ wire: WireAssign) throws(DecodingFailure) {
        try Checks.count(wire.models.count, "assignment.models", limit: FleetLimits.modelsPerBoard)
        try Checks.distinct(wire.models.map(\.model), "assignment.models.model")
        var models: [ModelAssignment] = []
        for model in wire.models { models.append(try ModelAssignment(model)) }
        self.init(generation: try Checks.counter(wire.generation, "generation", from: 1), models: models)
    }
}

extension ModelAssignment {
    fileprivate init(_ wire: WireModelAssignment) throws(DecodingFailure) {
        let points = 0...FleetLimits.pointsPerModel - 1
        let lowest = try Checks.integer(wire.lowestPoint, "lowestPoint", in: points)
        let highest = try Checks.integer(wire.highestPoint, "highestPoint", in: points)
        guard lowest <= highest else { throw .malformed(field: "highestPoint") }
        self.init(
            model: try Checks.model(wire.model, "assignment.models.model").rawValue,
            latency: LatencyConstraint(
                milliseconds: try Checks.positive(wire.latencyMilliseconds, "latencyMilliseconds"),
                percentile: try Checks.number(wire.percentile, "percentile", in: 0...100)),
            lowestPoint: lowest, highestPoint: highest,
            preferredPoint: try Checks.integer(wire.preferredPoint, "preferredPoint", in: lowest...highest),
            priority: try Checks.integer(wire.priority, "priority", in: 1...100),
            switchesPerMinute: wire.hasSwitchesPerMinute
                ? try Checks.number(wire.switchesPerMinute, "switchesPerMinute", in: 1...Self.switchLimit) : nil,
            cpuShare: wire.hasCpuShare
                ? try Checks.number(wire.cpuShare, "cpuShare", in: Double.leastNonzeroMagnitude...1) : nil)
    }
}
