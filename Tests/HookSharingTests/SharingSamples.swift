import FleetModel

@testable import HookSharing

/// SplitMix64 with what updates need; every test that draws prints its seed.
struct Draws: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func normal() -> Float {
        (0..<12).reduce(Float(-6)) { sum, _ in sum + Float.random(in: 0...1, using: &self) }
    }

    mutating func vector(_ count: Int) -> [Float] { (0..<count).map { _ in normal() } }
}

func boardID(_ number: Int) throws -> BoardID {
    guard let id = BoardID("board-\(number)") else { throw UpdateRefusal.noSamples }
    return id
}

func update(
    _ number: Int, _ delta: [Float], samples: UInt64 = 100, base: UInt64 = 1, arrived: UInt64 = 0
) throws -> GateUpdate {
    GateUpdate(
        board: try boardID(number), number: 1, baseVersion: base, delta: delta, samples: samples, loss: 0.2,
        arrivedAtMilliseconds: arrived)
}

/// Boards that improve the same gates, each in its own noise.
func honest(_ boards: Int, parameters: Int, _ draws: inout Draws) throws -> [GateUpdate] {
    let common = draws.vector(parameters)
    return try (1...boards).map { number in
        let noise = draws.vector(parameters)
        return try update(
            number, zip(common, noise).map { 0.01 * ($0 + $1) }, samples: UInt64.random(in: 20...200, using: &draws))
    }
}
