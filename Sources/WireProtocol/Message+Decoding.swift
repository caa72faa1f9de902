import Artefacts
import FleetModel
import SwiftProtobuf

extension Message {
    /// Parses a payload whose size has been checked, and validates every value in it.
    init(code: Code, payload: [UInt8]) throws(DecodingFailure) {
        switch code {
        case .enrol:
            let wire = try WireEnrol(parsing: payload)
            self = .enrol(token: try Checks.text(wire.token, "token"), board: try BoardDescription(wire.board))
        case .enrolled:
            self = .enrolled(board: try Checks.board(try WireEnrolled(parsing: payload).board, "board"))
        case .refused:
            self = .refused(reason: try Checks.text(try WireRefused(parsing: payload).reason, "reason"))
        case .hello:
            self = try Message(hello: try WireHello(parsing: payload))
        case .welcome:
            let wire = try WireWelcome(parsing: payload)
            guard wire.heartbeatMilliseconds > 0 else { throw .malformed(field: "heartbeatMilliseconds") }
            guard wire.liveness > 0 else { throw .malformed(field: "liveness") }
            self = .welcome(heartbeatMilliseconds: wire.heartbeatMilliseconds, liveness: wire.liveness)
        case .helloWanted:
            _ = try WireHelloWanted(parsing: payload)
            self = .helloWanted
        case .telemetry:
            self = try Message(telemetry: try WireTelemetry(parsing: payload))
        case .telemetryAcknowledged:
            let wire = try WireTelemetryAcknowledged(parsing: payload)
            self = .telemetryAcknowledged(
                incarnation: try Checks.counter(wire.incarnation, "incarnation"),
                sequence: try Checks.counter(wire.sequence, "sequence"))
        case .assign:
            self = .assign(try Assignment(try WireAssign(parsing: payload)))
        case .assignmentReported:
            let wire = try WireAssignmentReported(parsing: payload)
            self = .assignmentReported(generation: try Checks.counter(wire.generation, "generation"))
        case .heartbeat:
            _ = try WireHeartbeat(parsing: payload)
            self = .heartbeat
        case .goodbye:
            _ = try WireGoodbye(parsing: payload)
            self = .goodbye
        case .gateReport: self = .gateReport(try GateReport(try WireGateReport(parsing: payload)))
        case .gateOrder: self = .gateOrder(try GateOrder(try WireGateOrder(parsing: payload)))
        case .measureOrder: self = .measureOrder(try MeasureOrder(try WireMeasureOrder(parsing: payload)))
        case .measureReport: self = .measureReport(try MeasureReport(try WireMeasureReport(parsing: payload)))
        case .artefactReport: self = .artefactReport(try ArtefactReport(try WireArtefactReport(parsing: payload)))
        case .artefactOrder: self = .artefactOrder(try ArtefactOrder(try WireArtefactOrder(parsing: payload)))
        case .keyOrder: self = .keyOrder(try KeyOrder(try WireKeyOrder(parsing: payload)))
        case .keyReport: self = .keyReport(try KeyReport(try WireKeyReport(parsing: payload)))
        }
    }

    private init(hello wire: WireHello) throws(DecodingFailure) {
        self = .hello(
            try BoardDescription(wire.board), incarnation: try Checks.counter(wire.incarnation, "incarnation"),
            reportedGeneration: try Checks.counter(wire.reportedGeneration, "reportedGeneration"))
    }

    private init(telemetry wire: WireTelemetry) throws(DecodingFailure) {
        try Checks.count(wire.records.count, "records", limit: FleetLimits.recordsPerMessage)
        var records: [TelemetryRecord] = []
        for record in wire.records { records.append(try TelemetryRecord(record)) }
        self = .telemetry(records)
    }
}

extension SwiftProtobuf.Message {
    /// Fields of a later protocol version are left out, not kept.
    fileprivate init(parsing payload: [UInt8]) throws(DecodingFailure) {
        var options = BinaryDecodingOptions()
        options.discardUnknownFields = true
        do {
            try self.init(serializedBytes: payload, options: options)
        } catch {
            throw .malformed(field: "payload")
        }
    }
}
