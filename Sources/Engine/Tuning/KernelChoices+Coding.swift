import CKernels

/// What choices hold for: they are of no use on another processor, instruction set or version of the kernels.
public struct TuningTarget: Equatable, Sendable {
    /// As the system names it, one line of printable ASCII.
    public let processor: String
    public let instructionSet: InstructionSet
    /// Changes with the kernels.
    public let kernels: UInt32

    public init(processor: String, instructionSet: InstructionSet, kernels: UInt32 = Self.currentKernels) {
        let ascii = processor.unicodeScalars.filter { (0x20..<0x7f).contains($0.value) }
        self.processor = String(String.UnicodeScalarView(ascii.prefix(80)))
        self.instructionSet = instructionSet
        self.kernels = kernels
    }

    /// Raised when kernels change in what is fastest, though not in name.
    private static let generation: UInt32 = 1

    /// The checksum of the names in the kernel table, after the generation.
    public static let currentKernels: UInt32 = KernelTable.rows.reduce(generation) { crc, row in
        let name = Array(String(cString: row.name).utf8)
        return ck_crc32c(crc, name, name.count)
    }
}

extension KernelChoices {
    private static let title = "shoal kernel choices 1"

    /// Lines of text: title, target, a line per shape in a fixed order, and the CRC-32C of all before it.
    ///
    ///     shoal kernel choices 1
    ///     target <kernels, hexadecimal> <instruction set> <processor>
    ///     <operation> <inputs> <outputs> <height> <width> <kernel> <stride> <way>
    ///     crc32c <hexadecimal>
    public func serialized(for target: TuningTarget) -> [UInt8] {
        let rows = ways.map { shape, way in
            "\(shape.operation.rawValue) \(shape.numbers.map(String.init).joined(separator: " ")) \(way)"
        }
        let text = ([Self.title, Self.line(of: target)] + rows.sorted()).map { $0 + "\n" }.joined()
        let bytes = Array(text.utf8)
        return bytes + Array("crc32c \(Self.checksum(bytes))\n".utf8)
    }

    /// - Throws: what is wrong with the bytes: torn, of another version, or for another target.
    package init(_ bytes: [UInt8], for target: TuningTarget) throws(ReadingFailure) {
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        guard lines.count >= 4, lines.last?.isEmpty == true else { throw ReadingFailure("is torn") }
        let crcLine = lines[lines.count - 2]
        let content = Array(bytes[..<crcLine.startIndex])
        guard crcLine.elementsEqual("crc32c \(Self.checksum(content))".utf8) else {
            throw ReadingFailure("does not match its CRC-32C")
        }
        guard lines[0].elementsEqual(Self.title.utf8) else { throw ReadingFailure("is of another version") }
        guard lines[1].elementsEqual(Self.line(of: target).utf8) else {
            throw ReadingFailure("was measured on another processor or with other kernels")
        }
        guard lines.count - 4 <= Self.limit else { throw ReadingFailure("has more than \(Self.limit) shapes") }
        for line in lines[2..<(lines.count - 2)] {
            guard let (shape, way) = Self.row(String(decoding: line, as: UTF8.self)) else {
                throw ReadingFailure("has a line that is no choice")
            }
            set(way, for: shape)
        }
    }

    private static func line(of target: TuningTarget) -> String {
        "target \(String(target.kernels, radix: 16)) \(target.instructionSet.rawValue) \(target.processor)"
    }

    private static func checksum(_ bytes: [UInt8]) -> String { String(ck_crc32c(0, bytes, bytes.count), radix: 16) }

    private static func row(_ text: String) -> (Shape, String)? {
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 8, let operation = Shape.Operation(rawValue: String(words[0])) else { return nil }
        let numbers = words[1...6].compactMap { Int($0) }
        guard numbers.count == 6, numbers.allSatisfy({ (1...1 << 20).contains($0) }) else { return nil }
        let input = PlanOperation.Shape(channels: numbers[0], height: numbers[2], width: numbers[3])
        return (Shape(operation, input, outputs: numbers[1], kernel: numbers[4], stride: numbers[5]), String(words[7]))
    }
}
