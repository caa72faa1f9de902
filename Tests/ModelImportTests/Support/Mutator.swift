import SearchSpace

/// Damages files at random, from a seed.
struct Mutator {
    private var generator: SeededGenerator

    /// Numbers at which sizes, counts and offsets break.
    private static let numbers: [UInt64] = [
        0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1 << 40, 1 << 62,
        UInt64(Int64.max), 1 << 63, UInt64.max,
    ]

    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    /// One to four changes: of a byte or bit, of a number, of the length, or of the order.
    mutating func mutated(_ file: [UInt8]) -> [UInt8] {
        var bytes = file
        for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty { change(&bytes) }
        return bytes
    }

    private mutating func change(_ bytes: inout [UInt8]) {
        let place = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0..<9, using: &generator) {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
        case 1: bytes[place] ^= 1 << UInt8.random(in: 0...7, using: &generator)
        case 2: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: place)
        case 3: bytes.remove(at: place)
        case 4:
            let number = Self.numbers[Int.random(in: 0..<Self.numbers.count, using: &generator)]
            let size = 1 << Int.random(in: 0...3, using: &generator)
            for index in 0..<min(size, bytes.count - place) {
                bytes[place + index] = UInt8(truncatingIfNeeded: number >> (8 * index))
            }
        case 5:
            // A digit of a text.
            bytes[place] = UInt8(ascii: "0") + UInt8.random(in: 0...9, using: &generator)
        case 6: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...64, using: &generator)))
        case 7:
            let end = min(bytes.count, place + Int.random(in: 1...64, using: &generator))
            let target = Int.random(in: 0...bytes.count, using: &generator)
            bytes.insert(contentsOf: Array(bytes[place..<end]), at: target)
        default: bytes.removeLast(Int.random(in: 0...bytes.count, using: &generator) / 4)
        }
    }
}
