import Testing

@testable import Graphs

@Suite struct ElementsTests {
    @Test(arguments: ElementType.allCases) func bytesComeBack(type: ElementType) {
        let elements = Elements([0, 1, 1, 0, 1] as [Int64], as: type)
        let bytes = elements.littleEndianBytes
        #expect(bytes.count == 5 * type.byteCount)
        #expect(Elements(littleEndian: bytes, as: type) == elements)
        #expect(elements.integers == [0, 1, 1, 0, 1])
        #expect(elements.doubles == [0, 1, 1, 0, 1])
        #expect(elements.picking([4, -1, 0]).integers == [1, 0, 0])
    }

    @Test func castsSaturateFromFloatsAndWrapFromIntegers() {
        let floats = Elements.float32([-1.9, 300, .nan, .infinity, -.infinity])
        #expect(floats.cast(to: .int8) == .int8([-1, 127, 0, 127, -128]))
        #expect(floats.cast(to: .uint64) == .uint64([0, 300, 0, .max, 0]))
        #expect(Elements.int32([300, -1]).cast(to: .uint8) == .uint8([44, 255]))
        #expect(Elements.uint64([.max]).cast(to: .float64) == .float64([Double(UInt64.max)]))
    }

    @Test func brainFloatsRoundToEven() {
        let halfway = Float(bitPattern: 0x3F80_8000)
        let above = Float(bitPattern: 0x3F81_8000)
        #expect(Elements.float32([1, halfway, above]).cast(to: .bfloat16) == .bfloat16([0x3F80, 0x3F80, 0x3F82]))
        #expect(Elements.bfloat16([0xC040]).doubles == [-3])
    }
}
