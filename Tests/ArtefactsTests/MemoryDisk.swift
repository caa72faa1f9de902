import SearchSpace

@testable import Artefacts

/// A disk in memory that can be cut off at any operation, as by `kill -9` or a power cut, and can refuse to write.
final class MemoryDisk: ArtefactDisk {
    /// As a cut leaves them.
    private var lasting: [String: [UInt8]] = [:]
    /// Written since, not flushed.
    private var fresh: [String: [UInt8]] = [:]
    /// Changes to come until the disk is cut off; the one that is cut off may have happened or not.
    var changesLeft = Int.max
    private(set) var changes = 0
    var isFull = false
    private var generator: SeededGenerator
    var isCut: Bool { changesLeft < 0 }

    init(seed: UInt64 = 1) { generator = SeededGenerator(seed: seed) }

    private func change(_ body: () -> Void) throws(DiskFailure) {
        changes += 1
        if changesLeft < Int.max { changesLeft -= 1 }
        if changesLeft == -1 {
            if Bool.random(using: &generator) { body() }
            throw DiskFailure("cut off")
        }
        guard changesLeft >= 0 else { throw DiskFailure("cut off") }
        body()
    }

    private func look() throws(DiskFailure) { if isCut { throw DiskFailure("cut off") } }

    private func content(_ name: String) -> [UInt8]? { fresh[name] ?? lasting[name] }

    /// The same disk after the cut: what was not flushed is there, lost, or torn.
    func reopened() -> MemoryDisk {
        let next = MemoryDisk(seed: UInt64.random(in: 0...UInt64.max, using: &generator))
        next.lasting = lasting
        for (name, content) in fresh.sorted(by: { $0.key < $1.key }) {
            switch Int.random(in: 0..<4, using: &generator) {
            case 0: break
            case 1:
                // Blocks reach a disk in any order.
                var torn = content
                let start = Int.random(in: 0...content.count, using: &generator)
                for index in start..<min(content.count, start + 512) { torn[index] = 0 }
                next.lasting[name] = torn
            case 2: next.lasting[name] = Array(content.prefix(Int.random(in: 0...content.count, using: &generator)))
            default: next.lasting[name] = content
            }
        }
        return next
    }

    // MARK: ArtefactDisk

    func names() throws(DiskFailure) -> [String] {
        try look()
        return Set(lasting.keys).union(fresh.keys).sorted()
    }

    func size(of name: String) throws(DiskFailure) -> Int? {
        try look()
        return content(name)?.count
    }

    func read(_ name: String, _ range: Range<Int>) throws(DiskFailure) -> [UInt8] {
        try look()
        guard let content = content(name) else { throw DiskFailure("\(name) is not there") }
        return Array(content[min(range.lowerBound, content.count)..<min(range.upperBound, content.count)])
    }

    func write(_ bytes: [UInt8], to name: String, at offset: Int) throws(DiskFailure) {
        if isFull { throw DiskFailure("the disk is full") }
        try change {
            var content = content(name) ?? []
            if content.count < offset + bytes.count {
                content += [UInt8](repeating: 0, count: offset + bytes.count - content.count)
            }
            content.replaceSubrange(offset..<offset + bytes.count, with: bytes)
            fresh[name] = content
        }
    }

    func replace(_ name: String, with bytes: [UInt8]) throws(DiskFailure) {
        if isFull { throw DiskFailure("the disk is full") }
        try change {
            lasting[name] = bytes
            fresh[name] = nil
        }
    }

    func publish(_ name: String, as other: String) throws(DiskFailure) {
        guard content(name) != nil else { throw DiskFailure("\(name) is not there") }
        try change {
            lasting[other] = content(name)
            fresh[other] = nil
            lasting[name] = nil
            fresh[name] = nil
        }
    }

    func remove(_ name: String) throws(DiskFailure) {
        try change {
            lasting[name] = nil
            fresh[name] = nil
        }
    }

    /// Turns one byte of a file over.
    func damage(_ name: String, at place: Int) {
        guard var content = content(name), !content.isEmpty else { return }
        content[place % content.count] ^= 0x55
        lasting[name] = content
        fresh[name] = nil
    }
}
