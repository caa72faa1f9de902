public import Artefacts
public import FleetModel

/// Everything an agent (A) and the coordinator (C) can say to each other.
///
/// Two endpoints. At the *enrolment* endpoint any key may connect and say one thing; at the *fleet* endpoint
/// only keys on the allow-list get past the handshake. Grammar, one line per exchange:
///
///     enrolment = A:enrol ( C:enrolled / C:refused )
///     session   = A:hello C:welcome *exchange [ A:goodbye ]
///     exchange  = telemetry / assignment / sharing / measuring / artefacts / keys / heartbeat
///     telemetry = A:telemetry C:telemetryAcknowledged      ; acknowledged only once it is durable
///     assignment = C:assign A:assignmentReported           ; repeated until reported
///     sharing   = *( A:gateReport / C:gateOrder )          ; see GateReport
///     measuring = *( C:measureOrder / A:measureReport )    ; see MeasureOrder
///     artefacts = *( A:artefactReport / C:artefactOrder )  ; see ArtefactReport
///     keys      = *( C:keyOrder / A:keyReport )            ; see KeyOrder
///     heartbeat = A:heartbeat C:heartbeat                  ; any traffic counts as one
///
/// A coordinator that hears anything but `hello` from a board it has no session with answers `helloWanted`.
/// A new message is a new case here, a codec branch the compiler then demands, and a golden frame in
/// `WireProtocolTests`. Codes are never reused.
public enum Message: Equatable, Sendable {
    case enrol(token: String, board: BoardDescription)
    case enrolled(board: BoardID)
    case refused(reason: String)
    case hello(BoardDescription, incarnation: UInt64, reportedGeneration: UInt64)
    case welcome(heartbeatMilliseconds: UInt32, liveness: UInt32)
    case helloWanted
    case telemetry([TelemetryRecord])
    /// Every record of `incarnation` up to and including `sequence` is durable.
    case telemetryAcknowledged(incarnation: UInt64, sequence: UInt64)
    case assign(Assignment)
    case assignmentReported(generation: UInt64)
    case heartbeat
    case goodbye
    case gateReport(GateReport)
    case gateOrder(GateOrder)
    case measureOrder(MeasureOrder)
    case measureReport(MeasureReport)
    case artefactReport(ArtefactReport)
    case artefactOrder(ArtefactOrder)
    case keyOrder(KeyOrder)
    case keyReport(KeyReport)

    public enum Code: UInt8, Sendable, CaseIterable {
        case enrol = 1
        case enrolled = 2
        case refused = 3
        case hello = 4
        case welcome = 5
        case helloWanted = 6
        case telemetry = 7
        case telemetryAcknowledged = 8
        case assign = 9
        case assignmentReported = 10
        case heartbeat = 11
        case goodbye = 12
        case gateReport = 80
        case gateOrder = 81
        case measureOrder = 100
        case measureReport = 101
        case artefactReport = 140
        case artefactOrder = 141
        case keyOrder = 160
        case keyReport = 161
    }

    public var code: Code {
        switch self {
        case .enrol: .enrol
        case .enrolled: .enrolled
        case .refused: .refused
        case .hello: .hello
        case .welcome: .welcome
        case .helloWanted: .helloWanted
        case .telemetry: .telemetry
        case .telemetryAcknowledged: .telemetryAcknowledged
        case .assign: .assign
        case .assignmentReported: .assignmentReported
        case .heartbeat: .heartbeat
        case .goodbye: .goodbye
        case .gateReport: .gateReport
        case .gateOrder: .gateOrder
        case .measureOrder: .measureOrder
        case .measureReport: .measureReport
        case .artefactReport: .artefactReport
        case .artefactOrder: .artefactOrder
        case .keyOrder: .keyOrder
        case .keyReport: .keyReport
        }
    }
}

/// Goes before every payload. `session` and `sequence` make a replayed frame recognisable: within a session the
/// sequence only rises.
public struct FrameHeader: Equatable, Sendable {
    /// Drawn anew by the sender for every connection.
    public var session: UInt64
    public var sequence: UInt64

    public init(session: UInt64, sequence: UInt64) {
        self.session = session
        self.sequence = sequence
    }
}
