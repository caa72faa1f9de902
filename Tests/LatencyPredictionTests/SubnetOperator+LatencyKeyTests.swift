import LatencyPrediction
import SearchSpace
import Testing

@Suite struct SubnetOperatorLatencyKeyTests {
    /// Keys as they stand in Dynamic-OFA's published table for 160 pixels.
    @Test func keysAreThoseOfThePublishedTables() throws {
        let operators = try SupernetOperators(.imageNetMobileNetV3Width12)
        var subnet = SearchSpace.ofaMobileNetV3.smallest
        subnet.kernelSizes[4] = 7
        subnet.expandRatios[13] = 6
        #expect(try operators.operators(of: subnet).map(\.latencyKey) == [
            "Conv-input:160x160x3-output:80x80x24",
            "expanded_conv-input:80x80x24-output:80x80x24-expand:24-kernel:3-stride:1-idskip:1-se:0-hs:0",
            "expanded_conv-input:80x80x24-output:40x40x32-expand:72-kernel:3-stride:2-idskip:0-se:0-hs:0",
            "expanded_conv-input:40x40x32-output:40x40x32-expand:96-kernel:3-stride:1-idskip:1-se:0-hs:0",
            "expanded_conv-input:40x40x32-output:20x20x48-expand:96-kernel:7-stride:2-idskip:0-se:1-hs:0",
            "expanded_conv-input:20x20x48-output:20x20x48-expand:144-kernel:3-stride:1-idskip:1-se:1-hs:0",
            "expanded_conv-input:20x20x48-output:10x10x96-expand:144-kernel:3-stride:2-idskip:0-se:0-hs:1",
            "expanded_conv-input:10x10x96-output:10x10x96-expand:288-kernel:3-stride:1-idskip:1-se:0-hs:1",
            "expanded_conv-input:10x10x96-output:10x10x136-expand:288-kernel:3-stride:1-idskip:0-se:1-hs:1",
            "expanded_conv-input:10x10x136-output:10x10x136-expand:816-kernel:3-stride:1-idskip:1-se:1-hs:1",
            "expanded_conv-input:10x10x136-output:5x5x192-expand:408-kernel:3-stride:2-idskip:0-se:1-hs:1",
            "expanded_conv-input:5x5x192-output:5x5x192-expand:576-kernel:3-stride:1-idskip:1-se:1-hs:1",
            "Conv_1-input:5x5x192-output:5x5x1152",
            "AvgPool2D-input:5x5x1152-output:1x1x1152",
            "Conv_2-input:1x1x1152-output:1x1x1536",
            "Logits-input:1x1x1536-output:1000",
        ])
    }
}
