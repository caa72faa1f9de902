import Engine
import Testing

@Suite struct AlignedBufferTests {
    @Test func buffersAreZeroedAlignedAndDisjoint() {
        let sizes = [0, 1, 15, 16, 17, 1_000, 400_000, 700_000, 3_000_000, 5]
        var buffers: [AlignedBuffer] = []
        for (index, size) in (sizes + sizes).enumerated() {
            let buffer = AlignedBuffer(count: size)
            #expect(UInt(bitPattern: buffer.base) % 64 == 0)
            #expect((0..<size).allSatisfy { buffer.base[$0] == 0 })
            for position in 0..<size { buffer.base[position] = Float(index) }
            buffers.append(buffer)
        }
        for (index, buffer) in buffers.enumerated() {
            #expect((0..<buffer.count).allSatisfy { buffer.base[$0] == Float(index) })
        }
    }

    @Test func aBufferOutlivesItsNeighbours() {
        let kept = AlignedBuffer(count: 100)
        for index in 0..<100 { kept.base[index] = Float(index) }
        for round in 0..<200 {
            let neighbour = AlignedBuffer(count: 50_000)
            for index in 0..<neighbour.count { neighbour.base[index] = Float(round) }
        }
        #expect((0..<100).allSatisfy { kept.base[$0] == Float($0) })
    }
}
