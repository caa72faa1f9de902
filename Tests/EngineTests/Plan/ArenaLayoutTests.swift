import Engine
import Testing

@Suite struct ArenaLayoutTests {
    @Test func releasedGapsAreUsedAgain() {
        var layout = ArenaLayout()
        let first = layout.allocate(100)
        let second = layout.allocate(32)
        layout.release(first)
        let third = layout.allocate(64)

        #expect(first.count == 112 && second.offset == 112)
        #expect(third.offset == 0)
        #expect(layout.highWater == 144)
    }

    @Test func aGapThatIsTooSmallIsSkipped() {
        var layout = ArenaLayout()
        let first = layout.allocate(16)
        _ = layout.allocate(16)
        layout.release(first)

        #expect(layout.allocate(17).offset == 32)
        #expect(layout.allocate(16).offset == 0)
    }

    @Test(arguments: [1, 7, 42] as [UInt64])
    func liveRegionsNeverOverlap(seed: UInt64) {
        var layout = ArenaLayout()
        var live: [ArenaLayout.Region] = []
        var state = seed
        for _ in 0..<2_000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            if state >> 63 == 0, !live.isEmpty {
                layout.release(live.remove(at: Int(state >> 33) % live.count))
            } else {
                let region = layout.allocate(Int(state >> 40) % 500 + 1)
                for other in live {
                    #expect(
                        region.offset + region.count <= other.offset || other.offset + other.count <= region.offset,
                        "seed \(seed)")
                }
                live.append(region)
            }
        }
    }
}
