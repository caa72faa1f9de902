@testable import LatencyPrediction
import Testing

@Suite struct ArchitectureFeaturesTests {
    @Test func spacesAreKnownByTheirStrings() {
        #expect(ArchitectureFeatures(["421211", "334131"]).encoding == .nasBench201)
        let cell = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|nor_conv_1x1~1|none~2|"
        #expect(ArchitectureFeatures([cell]).encoding == .nasBench201)
        #expect(ArchitectureFeatures(["7818488874147327324245", "5355047552024513726040"]).encoding == .fbnet)
        #expect(ArchitectureFeatures(["421291", "334131"]).encoding == .generic)
        #expect(ArchitectureFeatures(["k3-e2-d1", "k5-e3-d2"]).encoding == .generic)
        #expect(ArchitectureFeatures(["net", "other"]).encoding == .none)
        #expect(ArchitectureFeatures([]).encoding == .none)
    }

    @Test func bothFormsOfACellSayTheSame() {
        let names = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]
        let digits = [[3, 0, 1, 4, 2, 0], [1, 1, 2, 3, 0, 4], [0, 0, 0, 0, 0, 0]]
        let long = digits.map { d in
            let n = d.map { names[$0] }
            return "|\(n[0])~0|+|\(n[1])~0|\(n[2])~1|+|\(n[3])~0|\(n[4])~1|\(n[5])~2|"
        }
        let short = digits.map { $0.map(String.init).joined() }
        #expect(ArchitectureFeatures(long).counts.values == ArchitectureFeatures(short).counts.values)
    }

    @Test func edgesWithoutAPathDoNotRun() {
        // 0-1 leads to point 1, from which nothing goes on; 0-3 is the only path.
        #expect(NASBench201Features.connected([3, 0, 0, 2, 0, 0]) == [0, 0, 0, 2, 0, 0])
        #expect(NASBench201Features.connected([3, 0, 3, 0, 0, 3]) == [3, 0, 3, 0, 0, 3])
        #expect(NASBench201Features.connected([3, 3, 3, 0, 0, 0]) == [0, 0, 0, 0, 0, 0])
    }

    @Test func aLargerBlockIsMoreWork() {
        let small = FBNetFeatures.features(Array(repeating: 0, count: 22)).counts
        let large = FBNetFeatures.features(Array(repeating: 7, count: 22)).counts
        let none = FBNetFeatures.features(Array(repeating: 8, count: 22)).counts
        #expect(none[0] < small[0] && small[0] < large[0])
        #expect(none[4] == 0 && small[4] == 22)
    }
}
