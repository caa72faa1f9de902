import FleetModel
import HTTPTypes

/// What people do to boards of the fleet besides letting them in and shutting them out: the port behind those paths.
///
/// Every method throws `AdminFailure` for what the caller can mend. A change is made in the name of `actor`, and is in
/// the audit log when its method returns.
public protocol BoardCareAdministration: Sendable {
    /// Leaves a board alone, or has it take part again.
    func drain(board: String, _ isDrained: Bool, _ change: BoardChange, by actor: String) async throws -> BoardDrain
    /// Has boards make new CURVE keys.
    func rotateKeys(_ request: KeyRotationRequest, by actor: String) async throws -> KeyRotationStart
}

public struct BoardChange: Codable, Equatable, Sendable {
    /// Whether it is only told what would change.
    public var dryRun: Bool?
    /// For the audit log.
    public var reason: String?

    public init(dryRun: Bool? = nil, reason: String? = nil) { (self.dryRun, self.reason) = (dryRun, reason) }
}

public struct BoardDrain: Codable, Equatable, Sendable {
    public var board: String
    public var isDrained: Bool
    public var dryRun: Bool
    /// Whether that is how it was already.
    public var isUnchanged: Bool
    /// Models whose assignment is withdrawn, or given.
    public var models: [String]
    /// Of the assignment that says so; once the board reports it, it is done.
    public var generation: UInt64

    public init(
        board: String, isDrained: Bool, dryRun: Bool, isUnchanged: Bool, models: [String], generation: UInt64
    ) {
        (self.board, self.isDrained, self.dryRun) = (board, isDrained, dryRun)
        (self.isUnchanged, self.models, self.generation) = (isUnchanged, models, generation)
    }
}

/// Of one board, or of all that carry these labels: one of both is given.
public struct KeyRotationRequest: Codable, Equatable, Sendable {
    public var board: String?
    public var selector: [String: String]?
    /// For how long the old and the new key may speak.
    public var seconds: Int?
    public var dryRun: Bool?

    public init(
        board: String? = nil, selector: [String: String]? = nil, seconds: Int? = nil, dryRun: Bool? = nil
    ) {
        (self.board, self.selector, self.seconds, self.dryRun) = (board, selector, seconds, dryRun)
    }
}

public struct KeyRotationStart: Codable, Equatable, Sendable {
    /// That are told to make a key; those that are away, once they are back.
    public var boards: [String]
    public var seconds: Int
    public var dryRun: Bool

    public init(boards: [String], seconds: Int, dryRun: Bool) {
        (self.boards, self.seconds, self.dryRun) = (boards, seconds, dryRun)
    }
}

extension BoardView {
    /// A change of the board's key that goes on.
    public struct KeyChange: Codable, Equatable, Sendable {
        /// Whether the board has made its key, so that both may speak.
        public var hasNextKey: Bool
        /// When it is given up.
        public var untilMilliseconds: UInt64

        public init(hasNextKey: Bool, untilMilliseconds: UInt64) {
            (self.hasNextKey, self.untilMilliseconds) = (hasNextKey, untilMilliseconds)
        }
    }
}

extension AdminServer {
    static func careRoutes(_ care: any BoardCareAdministration) -> [AdminRoute] {
        [
            AdminRoute(
                .post, "/v1/boards/{name}/drain", .operator,
                "Leaves a board alone: what its models are asked is withdrawn, and nothing new is asked of it.",
                body: "BoardChange", answer: .one("BoardDrain")
            ) { call in
                Answer(
                    try await care.drain(
                        board: try call.name(), true, try await call.body(BoardChange.self), by: call.caller.name))
            },
            AdminRoute(
                .post, "/v1/boards/{name}/undrain", .operator, "Has a board that was left alone take part again.",
                body: "BoardChange", answer: .one("BoardDrain")
            ) { call in
                Answer(
                    try await care.drain(
                        board: try call.name(), false, try await call.body(BoardChange.self), by: call.caller.name))
            },
            AdminRoute(
                .post, "/v1/key-rotations", .operator, "Has boards make new keys, or says which would.",
                body: "KeyRotationRequest", answer: .one("KeyRotationStart")
            ) { call in
                Answer(
                    try await care.rotateKeys(try await call.body(KeyRotationRequest.self), by: call.caller.name))
            },
        ]
    }
}

extension Schema {
    static var boardCare: [String: Schema] {
        [
            "BoardChange": .object([:], optional: ["dryRun": .boolean, "reason": .string]),
            "BoardDrain": .object([
                "board": .string, "isDrained": .boolean, "dryRun": .boolean, "isUnchanged": .boolean,
                "models": .array(.string), "generation": .integer,
            ]),
            "KeyRotationRequest": .object(
                [:],
                optional: [
                    "board": .string, "selector": .map(.string), "seconds": .integer, "dryRun": .boolean,
                ]),
            "KeyRotationStart": .object([
                "boards": .array(.string), "seconds": .integer, "dryRun": .boolean,
            ]),
        ]
    }
}
