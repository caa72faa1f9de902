/// Places buffers that live for a part of a plan into one arena: first fit over the free gaps.
///
/// Offsets and sizes are in floats, multiples of 16 so that every buffer starts at 64 bytes.
public struct ArenaLayout: Sendable {
    public struct Region: Equatable, Sendable {
        public let offset: Int
        public let count: Int
    }

    private var live: [Region] = []
    /// Floats that the arena must hold.
    public private(set) var highWater = 0

    public init() {}

    /// - Parameter count: floats; rounded up to a multiple of 16.
    public mutating func allocate(_ count: Int) -> Region {
        precondition(count > 0, "a region of \(count) floats")
        let rounded = (count + 15) / 16 * 16
        var offset = 0
        var position = 0
        while position < live.count, live[position].offset - offset < rounded {
            offset = live[position].offset + live[position].count
            position += 1
        }
        let region = Region(offset: offset, count: rounded)
        live.insert(region, at: position)
        highWater = max(highWater, offset + rounded)
        return region
    }

    /// - Precondition: the region came from `allocate` and was not released before.
    public mutating func release(_ region: Region) {
        guard let position = live.firstIndex(of: region) else {
            preconditionFailure("region at \(region.offset) is not in use")
        }
        live.remove(at: position)
    }
}
