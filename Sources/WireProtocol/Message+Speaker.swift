extension Message {
    /// Who may say what, by the grammar at `Message`.
    public enum Speaker: Sendable, CaseIterable {
        /// Somebody at the enrolment endpoint.
        case stranger
        case board
        case coordinator
    }
}

extension Message.Code {
    public func isSaid(by speaker: Message.Speaker) -> Bool {
        switch self {
        case .enrol: speaker == .stranger
        case .hello, .telemetry, .assignmentReported, .goodbye, .gateReport, .measureReport, .artefactReport,
            .keyReport:
            speaker == .board
        case .enrolled, .refused, .welcome, .helloWanted, .telemetryAcknowledged, .assign, .gateOrder, .measureOrder,
            .artefactOrder, .keyOrder:
            speaker == .coordinator
        case .heartbeat: speaker != .stranger
        }
    }
}
