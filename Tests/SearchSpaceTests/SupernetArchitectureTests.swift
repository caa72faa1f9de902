import Foundation
import SearchSpace
import Testing

@Suite struct SupernetArchitectureTests {
    @Test(arguments: [
        SupernetArchitecture.imageNetMobileNetV3, .imageNetMobileNetV3Width10, .imageNetMobileNetV3Width12,
    ])
    func survivesJSON(architecture: SupernetArchitecture) throws {
        let data = try JSONEncoder().encode(architecture)
        #expect(try JSONDecoder().decode(SupernetArchitecture.self, from: data) == architecture)
    }

    @Test func configurationFilesHaveNoWidths() throws {
        let json = """
            {"name":"small","inputChannels":1,"resolutions":[28],"kernelSizes":[3,5],"expandRatios":[3],
             "depths":[1,2],"stemStride":1,"strides":[2],"activations":["h_swish"],"squeezeExcite":[true],
             "mean":[0.5],"std":[0.25],"labels":["a"]}
            """
        let architecture = try JSONDecoder().decode(SupernetArchitecture.self, from: Data(json.utf8))
        try architecture.validate()
        #expect(architecture.widths == nil)
        #expect(architecture.activations == [.hardSwish])
        #expect(architecture.searchSpace.positionCount == 2)
    }

    @Test func searchSpaceHasTheArchitecturesValues() {
        let space = SupernetArchitecture.imageNetMobileNetV3.searchSpace
        #expect(space.name == "ofa-mbv3")
        #expect(space.stageCount == 5)
        #expect(space.resolutions.first == 128 && space.resolutions.last == 224 && space.resolutions.count == 25)
        #expect(Set(SearchSpace.ofaMobileNetV3.resolutions).isSubset(of: space.resolutions))
    }
}
