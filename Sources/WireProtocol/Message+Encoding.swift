import Artefacts
import FleetModel
import SearchSpace
import SwiftProtobuf

extension Message {
    func wirePayload() -> any SwiftProtobuf.Message {
        switch self {
        case .enrol(let token, let board):
            return WireEnrol.with {
                $0.token = token
                $0.board = WireBoard(board)
            }
        case .enrolled(let board): return WireEnrolled.with { $0.board = board.rawValue }
        case .refused(let reason): return WireRefused.with { $0.reason = reason }
        case .hello(let board, let incarnation, let reportedGeneration):
            return WireHello.with {
                $0.board = WireBoard(board)
                $0.incarnation = incarnation
                $0.reportedGeneration = reportedGeneration
            }
        case .welcome(let heartbeatMilliseconds, let liveness):
            return WireWelcome.with {
                $0.heartbeatMilliseconds = heartbeatMilliseconds
                $0.liveness = liveness
            }
        case .helloWanted: return WireHelloWanted()
        case .telemetry(let records): return WireTelemetry.with { $0.records = records.map(WireRecord.init) }
        case .telemetryAcknowledged(let incarnation, let sequence):
            return WireTelemetryAcknowledged.with {
                $0.incarnation = incarnation
                $0.sequence = sequence
            }
        case .assign(let assignment):
            return WireAssign.with {
                $0.generation = assignment.generation
                $0.models = assignment.models.map(WireModelAssignment.init)
            }
        case .assignmentReported(let generation): return WireAssignmentReported.with { $0.generation = generation }
        case .heartbeat: return WireHeartbeat()
        case .goodbye: return WireGoodbye()
        case .gateReport(let report): return WireGateReport(report)
        case .gateOrder(let order): return WireGateOrder(order)
        case .measureOrder(let order): return WireMeasureOrder(order)
        case .measureReport(let report): return WireMeasureReport(report)
        case .artefactReport(let report): return WireArtefactReport(report)
        case .artefactOrder(let order): return WireArtefactOrder(order)
        case .keyOrder(let order): return WireKeyOrder(order)
        case .keyReport(let report): return WireKeyReport(report)
        }
    }
}

extension WireBoard {
    init(_ board: BoardDescription) {
        self.init()
        id = board.id.rawValue
        boardClass = board.boardClass
        labels = board.labels.sorted { $0.key < $1.key }.map { label in
            .with {
                $0.key = label.key
                $0.value = label.value
            }
        }
        cores = board.cores
        memoryBytes = board.memoryBytes
        engineVersion = board.engineVersion
        models = board.models.map(WireDeployedModel.init)
        if let watts = board.watts { self.watts = watts }
        interference = (board.interference?.factors ?? [:]).sorted { $0.key < $1.key }.flatMap { model, row in
            row.sorted { $0.key < $1.key }.map { neighbour, factor in
                .with { ($0.model, $0.neighbour, $0.factor) = (model, neighbour, factor) }
            }
        }
    }
}

extension WireDeployedModel {
    init(_ model: DeployedModel) {
        self.init()
        name = model.name.rawValue
        framesPerSecond = model.framesPerSecond
        points = model.points.map(WireOperatingPoint.init)
        supernetSha256 = model.supernetSHA256 ?? ""
    }
}

extension WireOperatingPoint {
    init(_ point: OperatingPoint) {
        self.init(point.configuration)
        accuracy = point.accuracy
        latencyMilliseconds = point.latencyMilliseconds
        flops = Int64(point.flops)
        if let demand = point.demand { self.demand = WirePointDemand(demand) }
    }
}

extension WirePointDemand {
    init(_ demand: PointDemand) {
        self.init()
        precision = demand.precision ?? ""
        threads = UInt32(clamping: demand.threads)
        if let budget = demand.hookBudget { hookBudget = budget }
        if let time = demand.cpuMilliseconds { cpuMilliseconds = time }
        memoryBytes = demand.memoryBytes
        energyMillijoules = demand.energyMillijoules
        percentiles = demand.percentiles.map { one in
            .with {
                $0.percentile = one.percentile
                $0.milliseconds = one.milliseconds
            }
        }
    }
}

extension WireOperatingPoint {
    init(_ configuration: SubnetConfiguration) {
        self.init()
        resolution = Int64(configuration.resolution)
        depths = configuration.depths.map(Int64.init)
        kernelSizes = configuration.kernelSizes.map(Int64.init)
        expandRatios = configuration.expandRatios.map(Int64.init)
    }
}

extension WireRecord {
    init(_ record: TelemetryRecord) {
        self.init()
        incarnation = record.incarnation
        sequence = record.sequence
        startMilliseconds = record.startMilliseconds
        durationMilliseconds = record.durationMilliseconds
        generation = record.generation
        models = record.models.map(WireModelRecord.init)
        board = WireBoardRecord(record.board)
    }
}

extension WireModelRecord {
    init(_ model: ModelTelemetry) {
        self.init()
        self.model = model.model.rawValue
        frames = model.frames
        dropped = model.dropped
        violations = model.violations
        labelled = model.labelled
        correct = model.correct
        switches = model.switches
        activePoint = model.activePoint
        p50Milliseconds = model.p50Milliseconds
        p90Milliseconds = model.p90Milliseconds
        p99Milliseconds = model.p99Milliseconds
        constraintMilliseconds = model.constraintMilliseconds
        if let hooks = model.hooks { self.hooks = WireHookRecord(hooks) }
    }
}

extension WireHookRecord {
    init(_ hooks: HookTelemetry) {
        self.init()
        state = hooks.state.rawValue
        if let budget = hooks.budget { self.budget = budget }
        kinds = hooks.kinds.map { kind in
            .with {
                $0.name = kind.name
                $0.taken = kind.taken
                $0.possible = kind.possible
            }
        }
        samples = hooks.samples
        trainings = hooks.trainings
        failedTrainings = hooks.failedTrainings
        samplingInterval = hooks.samplingInterval
        reason = hooks.reason
        if let share = hooks.zeroShare { zeroShare = share }
        zeros = (hooks.zeros ?? []).map { one in
            .with {
                $0.step = one.step
                $0.share = one.share
            }
        }
    }
}

extension WireBoardRecord {
    init(_ board: BoardTelemetry) {
        self.init()
        memoryBytes = board.memoryBytes
        droppedRecords = board.droppedRecords
        if let spool = board.spool { self.spool = WireSpoolRecord(spool) }
        if let load = board.cpuLoad { cpuLoad = load }
        if let frequency = board.cpuFrequencyMegahertz { cpuFrequencyMegahertz = frequency }
        if let temperature = board.temperatureCelsius { temperatureCelsius = temperature }
        if let shares = board.shares { self.shares = WireShareRecord(shares) }
        if let share = board.clockShare { clockShare = share }
    }
}

extension WireShareRecord {
    init(_ shares: ShareTelemetry) {
        self.init()
        means = UInt32(ShareTelemetry.Means.allCases.firstIndex(of: shares.means) ?? 0)
        detail = shares.detail
        reason = shares.reason
    }
}

extension WireSpoolRecord {
    init(_ spool: SpoolTelemetry) {
        self.init()
        records = spool.records
        bytes = spool.bytes
        lostFull = spool.lost[.full] ?? 0
        lostDamaged = spool.lost[.damaged] ?? 0
        lostUnwritable = spool.lost[.unwritable] ?? 0
        trouble = spool.trouble
    }
}

extension WireModelAssignment {
    init(_ assignment: ModelAssignment) {
        self.init()
        model = assignment.model
        latencyMilliseconds = assignment.latency.milliseconds
        percentile = assignment.latency.percentile
        lowestPoint = Int64(assignment.lowestPoint)
        highestPoint = Int64(assignment.highestPoint)
        preferredPoint = Int64(assignment.preferredPoint)
        priority = Int64(assignment.priority)
        if let limit = assignment.switchesPerMinute { switchesPerMinute = limit }
        if let share = assignment.cpuShare { cpuShare = share }
    }
}
