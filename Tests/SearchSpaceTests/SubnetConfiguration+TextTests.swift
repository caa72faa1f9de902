import SearchSpace
import Testing

@Suite struct SubnetConfigurationTextTests {
    private static let json =
        #"{"resolution":28,"depths":[1,2],"kernelSizes":[3,5,7,3],"expandRatios":[3,4,6,3]}"#

    @Test(
        arguments: [
            json,
            #"{ "kernelSizes": [3, 7, 7, 3], "x": "y", "expandRatios":[3,6,6,3],"depths":[1,2],"resolution":28}"#,
            #"{"ks":[3,5,7,3],"e":[3,4,6,3],"d":[1,2],"r":[28],"wid":null}"#,
            "{'ks': [3, 5, 7, 3], 'e': [3, 4, 6, 3], 'd': [1, 2], 'r': 28}", "r28 3x3 7x6+3x3",
        ])
    func everyFormOfASubnetIsTheSameOne(text: String) throws {
        let subnet = try #require(SubnetConfiguration(text: text))
        #expect("\(subnet)" == "r28 3x3 7x6+3x3")
        #expect(subnet.blocks.map { $0.map(\.kernelSize) } == [[3], [7, 3]])
        #expect(subnet.blocks.map { $0.map(\.expandRatio) } == [[3], [6, 3]])
    }

    @Test(
        arguments: [
            "", "r", "r28", "r28 ", "rx 3x3", "r28 3", "r28 3x", "r28 3x3x3", "r28 3x3+", "r0 3x3", "r28 0x3",
            "r28 3x-1", "resnet-50", "{}", "{", "421211", "net1",
            #"{"resolution":28,"depths":[1,2],"kernelSizes":[3,5,7,3]}"#,
            #"{"resolution":28,"depths":[1,3],"kernelSizes":[3,5,7,3],"expandRatios":[3,4,6,3]}"#,
            #"{"resolution":28,"depths":[0,2],"kernelSizes":[3,5,7,3],"expandRatios":[3,4,6,3]}"#,
            #"{"resolution":28,"depths":[],"kernelSizes":[],"expandRatios":[]}"#,
            #"{"resolution":28,"depths":[1],"kernelSizes":[],"expandRatios":[]}"#,
            #"{"resolution":28,"resolution":28,"depths":[1],"kernelSizes":[3],"expandRatios":[3]}"#,
            #"{"resolution":[28,32],"depths":[1],"kernelSizes":[3],"expandRatios":[3]}"#,
            #"{"resolution":28,"depths":[1],"kernelSizes":[3.5],"expandRatios":[3]}"#,
        ])
    func anythingElseIsNone(text: String) {
        #expect(SubnetConfiguration(text: text) == nil)
    }
}
