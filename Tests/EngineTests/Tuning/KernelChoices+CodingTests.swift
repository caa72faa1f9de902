@testable import Engine
import Testing

@Suite struct KernelChoicesCodingTests {
    static let target = TuningTarget(processor: "Some CPU 3000", instructionSet: .portable, kernels: 0x1234)

    static var choices: KernelChoices {
        var choices = KernelChoices()
        choices.set(
            "f32-pointwise2x1-portable",
            for: .init(.pointwise, .init(channels: 24, height: 56, width: 56), outputs: 144))
        choices.set(
            "6", for: .init(.depthwise, .init(channels: 72, height: 28, width: 27), outputs: 72, kernel: 5, stride: 2))
        choices.set(
            "winograd2", for: .init(.convolution, .init(channels: 64, height: 7, width: 7), outputs: 64, kernel: 3))
        return choices
    }

    @Test func whatIsWrittenIsReadAgain() throws {
        let bytes = Self.choices.serialized(for: Self.target)

        #expect(try KernelChoices(bytes, for: Self.target) == Self.choices)
        #expect(
            String(decoding: bytes, as: UTF8.self).hasPrefix(
                """
                shoal kernel choices 1
                target 1234 portable Some CPU 3000
                convolution 64 64 7 7 3 1 winograd2
                depthwise 72 72 28 27 5 2 6
                pointwise 24 144 56 56 1 1 f32-pointwise2x1-portable
                crc32c 
                """))
    }

    @Test func nothingChosenIsAFileToo() throws {
        let bytes = KernelChoices().serialized(for: Self.target)

        #expect(try KernelChoices(bytes, for: Self.target).ways.isEmpty)
    }

    @Test func everyTornFileIsRefused() {
        let bytes = Self.choices.serialized(for: Self.target)

        for count in 0..<bytes.count {
            #expect(throws: ReadingFailure.self) { try KernelChoices(Array(bytes[..<count]), for: Self.target) }
        }
    }

    @Test func everyChangedBitIsRefused() {
        let bytes = Self.choices.serialized(for: Self.target)

        for bit in 0..<bytes.count * 8 {
            var changed = bytes
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(throws: ReadingFailure.self) { try KernelChoices(changed, for: Self.target) }
        }
    }

    @Test(arguments: [
        TuningTarget(processor: "Another CPU", instructionSet: .portable, kernels: 0x1234),
        TuningTarget(processor: "Some CPU 3000", instructionSet: .avx2, kernels: 0x1234),
        TuningTarget(processor: "Some CPU 3000", instructionSet: .portable, kernels: 0x1235),
    ])
    func choicesOfAnotherTargetAreRefused(target: TuningTarget) {
        let bytes = Self.choices.serialized(for: target)

        #expect(throws: ReadingFailure("was measured on another processor or with other kernels")) {
            try KernelChoices(bytes, for: Self.target)
        }
    }

    @Test(arguments: [
        "pointwise 1 2 3 4 5 6", "gemm 1 2 3 4 5 6 x", "depthwise 0 2 3 4 5 6 7", "depthwise 1 2 3 4 5 6 7 8",
    ])
    func linesThatAreNoChoiceAreRefused(line: String) {
        let whole = String(decoding: KernelChoices().serialized(for: Self.target), as: UTF8.self)
        let head = whole.split(separator: "\n").prefix(2).joined(separator: "\n") + "\n" + line + "\n"
        let bytes = Array((head + "crc32c \(String(crc(head), radix: 16))\n").utf8)

        #expect(throws: ReadingFailure("has a line that is no choice")) {
            try KernelChoices(bytes, for: Self.target)
        }
    }

    private func crc(_ text: String) -> UInt32 {
        // As in RFC 3720, one bit at a time.
        var crc = ~UInt32(0)
        for byte in text.utf8 {
            crc ^= UInt32(byte)
            for _ in 0..<8 {
                let isOdd = crc & 1 == 1
                crc >>= 1
                if isOdd { crc ^= 0x82f6_3b78 }
            }
        }
        return ~crc
    }

    @Test func processorsAreNamedByOneLineOfASCII() {
        let target = TuningTarget(
            processor: "Böse\nCPU \u{7}\(String(repeating: "x", count: 100))", instructionSet: .avx2)

        #expect(target.processor == "BseCPU " + String(repeating: "x", count: 73))
    }
}
