import FleetModel
import HookSharing
import SwiftProtobuf

extension GateReport {
    init(_ wire: WireGateReport) throws(DecodingFailure) {
        modelSHA256 = try Checks.sha256(wire.modelSha256, "modelSha256")
        hookSHA256 = try Checks.sha256(wire.hookSha256, "hookSha256")
        switch wire.content {
        case .joined(let joined):
            content = .joined(
                parameters: try Checks.integer(
                    Int64(joined.parameters), "parameters", in: 1...SharingLimits.parameters),
                gates: try Checks.integer(Int64(joined.gates), "gates", in: 1...SharingLimits.gates),
                version: try Checks.counter(joined.version, "version"))
        case .part(let part): content = .part(try GateUpdatePart(part))
        case .wanted(let wanted):
            content = .wanted(
                version: try Checks.counter(wanted.version, "version"),
                part: try Checks.integer(Int64(wanted.part), "part", in: 0...SharingLimits.parts - 1))
        case .scored(let scored):
            let losses = 0...SharingLimits.loss
            content = .scored(
                version: try Checks.counter(scored.version, "version"),
                samples: try Checks.counter(scored.samples, "samples"),
                loss: try Checks.number(scored.loss, "loss", in: losses),
                lossBefore: try Checks.number(scored.lossBefore, "lossBefore", in: losses),
                gates: try [GateScore](scored.gates))
        case nil: throw .malformed(field: "content")
        }
    }
}

extension GateUpdatePart {
    init(_ wire: WireGateUpdatePart) throws(DecodingFailure) {
        number = try Checks.counter(wire.number, "number", from: 1)
        baseVersion = try Checks.counter(wire.baseVersion, "baseVersion")
        samples = try Checks.counter(wire.samples, "samples", from: 1)
        loss = try Checks.number(wire.loss, "loss", in: 0...SharingLimits.loss)
        parameters = try Checks.integer(Int64(wire.parameters), "parameters", in: 1...SharingLimits.parameters)
        part = try Checks.integer(Int64(wire.part), "part", in: 0...SharingLimits.partCount(parameters) - 1)
        values = try Checks.values(
            wire.values, "values", count: SharingLimits.range(of: part, parameters: parameters).count)
    }
}

extension GateOrder {
    init(_ wire: WireGateOrder) throws(DecodingFailure) {
        modelSHA256 = try Checks.sha256(wire.modelSha256, "modelSha256")
        hookSHA256 = try Checks.sha256(wire.hookSha256, "hookSha256")
        switch wire.content {
        case .acknowledged(let acknowledged):
            content = .acknowledged(number: try Checks.counter(acknowledged.number, "number", from: 1))
        case .announced(let announced):
            content = .announced(
                version: try Checks.counter(announced.version, "version"), isCandidate: announced.isCandidate,
                sha256: try Checks.sha256(announced.sha256, "sha256"), gates: try [GateScore](announced.gates))
        case .part(let part):
            content = .part(
                version: try Checks.counter(part.version, "version"),
                part: try Checks.integer(Int64(part.part), "part", in: 0...SharingLimits.parts - 1),
                values: try Checks.values(part.values, "values", count: nil))
        case nil: throw .malformed(field: "content")
        }
    }
}

extension [GateScore] {
    fileprivate init(_ wire: [WireGateScoreRecord]) throws(DecodingFailure) {
        try Checks.count(wire.count, "gates", limit: SharingLimits.gates)
        self = []
        for one in wire {
            let score = GateScore(
                samples: try Checks.counter(one.samples, "samples"), loss: one.loss, constantLoss: one.constantLoss,
                acceptedDamage: one.acceptedDamage, acceptedPrediction: one.acceptedPrediction)
            guard score.isPossible else { throw .malformed(field: "gates") }
            append(score)
        }
    }
}

extension Checks {
    /// 64 lower-case hexadecimal digits.
    static func sha256(_ text: String, _ field: String) throws(DecodingFailure) -> String {
        let digits = Array("0123456789abcdef".utf8)
        guard text.utf8.count == 64, text.utf8.allSatisfy(digits.contains) else { throw .malformed(field: field) }
        return text
    }

    /// - Parameter count: `nil` for anything from one up to a part's limit.
    static func values(_ values: [Float], _ field: String, count: Int?) throws(DecodingFailure) -> [Float] {
        guard values.count <= SharingLimits.parametersPerPart else {
            throw .limitExceeded(field: field, limit: SharingLimits.parametersPerPart)
        }
        guard count.map({ $0 == values.count }) ?? !values.isEmpty, values.allSatisfy(\.isFinite) else {
            throw .malformed(field: field)
        }
        return values
    }
}

extension WireGateReport {
    init(_ report: GateReport) {
        self.init()
        (modelSha256, hookSha256) = (report.modelSHA256, report.hookSHA256)
        switch report.content {
        case .joined(let parameters, let gates, let version):
            joined = .with {
                ($0.parameters, $0.gates, $0.version) = (UInt32(parameters), UInt32(gates), version)
            }
        case .part(let update):
            part = .with {
                ($0.number, $0.baseVersion) = (update.number, update.baseVersion)
                ($0.samples, $0.loss) = (update.samples, update.loss)
                ($0.parameters, $0.part) = (UInt32(update.parameters), UInt32(update.part))
                $0.values = update.values
            }
        case .wanted(let version, let part): wanted = .with { ($0.version, $0.part) = (version, UInt32(part)) }
        case .scored(let version, let samples, let loss, let lossBefore, let gates):
            scored = .with {
                ($0.version, $0.samples, $0.loss, $0.lossBefore) = (version, samples, loss, lossBefore)
                $0.gates = gates.map(WireGateScoreRecord.init)
            }
        }
    }
}

extension WireGateOrder {
    init(_ order: GateOrder) {
        self.init()
        (modelSha256, hookSha256) = (order.modelSHA256, order.hookSHA256)
        switch order.content {
        case .acknowledged(let number): acknowledged = .with { $0.number = number }
        case .announced(let version, let isCandidate, let sum, let gates):
            announced = .with {
                ($0.version, $0.isCandidate, $0.sha256) = (version, isCandidate, sum)
                $0.gates = gates.map(WireGateScoreRecord.init)
            }
        case .part(let version, let index, let values):
            part = .with { ($0.version, $0.part, $0.values) = (version, UInt32(index), values) }
        }
    }
}

extension WireGateScoreRecord {
    fileprivate init(_ score: GateScore) {
        self.init()
        (samples, loss, constantLoss) = (score.samples, score.loss, score.constantLoss)
        (acceptedDamage, acceptedPrediction) = (score.acceptedDamage, score.acceptedPrediction)
    }
}
