/// Height and width of an image in pixels; as JSON a number for a square, else a list of height and width.
public struct ImageSize: Equatable, Sendable {
    public static let sides = 1...65_536
    /// What is asked for must not become gigabytes.
    public static let pixelLimit = 1 << 26
    /// The limits, as the end of a sentence.
    public static let limits = "from \(sides.lowerBound) to \(sides.upperBound), up to \(pixelLimit) pixels"

    public var height: Int
    public var width: Int

    public init(height: Int, width: Int) {
        self.height = height
        self.width = width
    }

    /// A square.
    public init(_ side: Int) { self.init(height: side, width: side) }

    /// Reads `N` or `HxW`; `nil` where it is beyond the limits.
    public init?(_ text: String) {
        let sides = text.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
        guard 1...2 ~= sides.count, let height = sides[0], let width = sides[sides.count - 1] else { return nil }
        self.init(height: height, width: width)
        guard isPossible else { return nil }
    }

    public var isPossible: Bool { Self.sides ~= height && Self.sides ~= width && pixels <= Self.pixelLimit }
    public var isSquare: Bool { height == width }
    public var pixels: Int { height * width }
}

extension ImageSize: CustomStringConvertible {
    public var description: String { "\(height)x\(width)" }
}

extension ImageSize: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let side = try? container.decode(Int.self) {
            self.init(side)
            return
        }
        let sides = try container.decode([Int].self)
        guard sides.count == 2 else {
            throw DecodingError.typeMismatch(
                Self.self, .init(codingPath: decoder.codingPath, debugDescription: "not a height and a width"))
        }
        self.init(height: sides[0], width: sides[1])
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if isSquare { try container.encode(height) } else { try container.encode([height, width]) }
    }
}
