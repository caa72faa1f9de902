/// What a shelf needs of a disk: the port behind which there is a folder, or a twin in memory. Names are made by the
/// shelf of `a`-`z`, `0`-`9`, `-` and `.`; none comes from a peer.
public protocol ArtefactDisk {
    /// Of all files.
    func names() throws(DiskFailure) -> [String]
    /// `nil` where there is none.
    func size(of name: String) throws(DiskFailure) -> Int?
    /// The bytes in the range, fewer where the file ends before.
    func read(_ name: String, _ range: Range<Int>) throws(DiskFailure) -> [UInt8]
    /// Puts bytes into a file, which is made where there is none. Not lasting before `publish`.
    func write(_ bytes: [UInt8], to name: String, at offset: Int) throws(DiskFailure)
    /// Puts the bytes in place of what was there, in one step, lasting when it returns.
    func replace(_ name: String, with bytes: [UInt8]) throws(DiskFailure)
    /// Gives a file its lasting name in one step, its bytes first.
    func publish(_ name: String, as other: String) throws(DiskFailure)
    /// It may be gone already.
    func remove(_ name: String) throws(DiskFailure)
}

extension ArtefactDisk {
    /// Bytes that are read at once.
    private var pieceBytes: Int { 1 << 20 }

    /// The sum of a whole file.
    public func sum(of name: String) throws(DiskFailure) -> ContentSum {
        var (hasher, offset) = (ContentHasher(), 0)
        while true {
            let piece = try read(name, offset..<offset + pieceBytes)
            guard !piece.isEmpty else { return hasher.sum }
            hasher.add(piece)
            offset += piece.count
        }
    }
}

/// The environment's failure: what the disk did not do, in one sentence.
public struct DiskFailure: Error, Equatable, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}
