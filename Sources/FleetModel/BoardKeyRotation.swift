/// A board's change of its CURVE key, while it goes on. Keys are texts in Z85.
///
/// The board makes the new key and tells it over a connection of the old one; from then on either may speak. The first
/// hello over a connection of the new key ends the rotation: that is the board's key now, and the old one is nobody's.
public struct BoardKeyRotation: Equatable, Codable, Sendable {
    /// That no rotation of this board had before.
    public var number: UInt64
    /// What the board has made; `nil` before it told.
    public var nextKey: String?
    /// When it is given up, in milliseconds since 1970: the new key may speak no longer than that unless it has spoken.
    public var untilMilliseconds: UInt64

    /// How long both keys may speak, unless another time is asked for.
    public static let usualSeconds = 86_400
    public static let secondsRange = 10...86_400 * 30

    public init(number: UInt64, nextKey: String? = nil, untilMilliseconds: UInt64) {
        (self.number, self.nextKey, self.untilMilliseconds) = (number, nextKey, untilMilliseconds)
    }
}
