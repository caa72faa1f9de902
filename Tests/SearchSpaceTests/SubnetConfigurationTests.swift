import Foundation
import SearchSpace
import Testing

@Suite struct SubnetConfigurationTests {
    @Test func descriptionShowsPositionsInUseAlone() {
        let configuration = SubnetConfiguration(
            resolution: 28, depths: [1, 2], kernelSizes: [3, 5, 7, 3], expandRatios: [3, 4, 6, 3])
        #expect(configuration.description == "r28 3x3 7x6+3x3")
    }

    @Test func descriptionOfMalformedConfigurationsDoesNotTrap() {
        let none = SubnetConfiguration(resolution: 1, depths: [], kernelSizes: [], expandRatios: [])
        let uneven = SubnetConfiguration(resolution: 1, depths: [9, -1], kernelSizes: [3, 3], expandRatios: [3, 3])
        #expect(none.description == "r1 whole network")
        var half = none
        half.kernelSizes = [3]
        #expect(half.description == "r1 (malformed)")
        #expect(uneven.description == "r1 3x3 ")
    }

    @Test func jsonFieldsAreTheCommandLinesContract() throws {
        let json = #"{"resolution":28,"depths":[1],"kernelSizes":[5],"expandRatios":[4]}"#
        let decoded = try JSONDecoder().decode(SubnetConfiguration.self, from: Data(json.utf8))
        #expect(
            decoded == SubnetConfiguration(resolution: 28, depths: [1], kernelSizes: [5], expandRatios: [4]))
        let encoded = try JSONEncoder().encode(decoded)
        #expect(try JSONDecoder().decode(SubnetConfiguration.self, from: encoded) == decoded)
    }
}
