public import Artefacts
public import FleetModel
import Foundation

/// The content of an artefact of kind `policy`: the policies that name one model, as a board needs them. JSON with
/// sorted keys, so that the same policies are the same bytes.
public struct PolicyContent: Equatable, Sendable {
    /// In the order of their names.
    public let policies: [Policy]

    private struct Form: Codable {
        var format: Int
        var policies: [Policy]
    }

    private static let format = 1
    /// As many as a coordinator keeps, of the largest size.
    public static let byteLimit = FleetLimits.policies * FleetLimits.policyBytes

    public init(_ policies: [Policy]) { self.policies = policies.sorted { $0.name < $1.name } }

    /// - Throws: `ArtefactFailure` where the bytes are none, say what no policy may, or are of a later form.
    public init(bytes: [UInt8]) throws(ArtefactFailure) {
        guard bytes.count <= Self.byteLimit, let form = try? JSONDecoder().decode(Form.self, from: Data(bytes)) else {
            throw ArtefactFailure("these bytes are no policies")
        }
        guard form.format == Self.format else { throw ArtefactFailure("policies of form \(form.format) are unknown") }
        guard form.policies.count <= FleetLimits.policies, form.policies.allSatisfy(Self.isSound) else {
            throw ArtefactFailure("the policies say what none may say")
        }
        self.init(form.policies)
    }

    /// - Throws: where a policy holds a number that JSON does not have, which none that was applied does.
    public func bytes() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(Form(format: Self.format, policies: policies)))
    }

    /// What planning by it takes for granted.
    private static func isSound(_ policy: Policy) -> Bool {
        let day = PolicyWindow.minutesPerDay
        let windows = (policy.windows ?? []).allSatisfy { window in
            (0...day).contains(window.fromMinute) && (0...day).contains(window.toMinute)
                && (-day...day).contains(window.offsetMinutes) && window.days.allSatisfy((0..<7).contains)
        }
        return windows && policy.models.count <= FleetLimits.modelsPerPolicy
            && policy.models.allSatisfy { $0.latency.milliseconds.isFinite && $0.latency.milliseconds > 0 }
    }
}
