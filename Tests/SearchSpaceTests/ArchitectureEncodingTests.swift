import Foundation
import SearchSpace
import Testing

@Suite struct ArchitectureEncodingTests {
    let space = SupernetArchitecture.imageNetMobileNetV3.searchSpace

    @Test func theLargestSubnetSetsTheLastInputOfEveryGroup() throws {
        let encoding = try ArchitectureEncoding.onceForAll(space)
        let features = try encoding.features(of: space.largest)

        #expect(features.count == 128)
        #expect(ones(features) == (0..<20).map { 3 * $0 + 2 } + (0..<20).map { 62 + 3 * $0 } + [127])
    }

    @Test func inactivePositionsHaveNoOnes() throws {
        let encoding = try ArchitectureEncoding.onceForAll(space)
        let features = try encoding.features(of: space.smallest)

        let active = (0..<20).filter { $0 % 4 < 2 }
        #expect(ones(features) == active.map { 3 * $0 } + active.map { 60 + 3 * $0 } + [121])
    }

    @Test(arguments: [(128, 121), (140, 121), (144, 122), (160, 123), (176, 124), (220, 126), (224, 127)])
    func resolutionsShareBinsOfSixteenPixels(resolution: Int, place: Int) throws {
        var subnet = space.smallest
        subnet.resolution = resolution
        #expect(ones(try ArchitectureEncoding.onceForAll(space).features(of: subnet)).last == place)
    }

    /// A space with fewer values keeps the published inputs' places.
    @Test func aNarrowerSpaceHasTheSamePlaces() throws {
        let narrow = SearchSpace(
            name: "narrow", stageCount: 5, resolutions: [192], depths: [4], kernelSizes: [5], expandRatios: [4, 6])
        let features = try ArchitectureEncoding.onceForAll(narrow).features(of: narrow.smallest)
        #expect(ones(features) == (0..<20).map { 3 * $0 + 1 } + (0..<20).map { 61 + 3 * $0 } + [125])
    }

    @Test func spacesThatThePublishedInputsCannotHoldAreRefused() {
        func refused(
            stages: Int = 5, resolutions: [Int] = [160], depths: [Int] = [4], kernels: [Int] = [3],
            expands: [Int] = [3]
        ) -> String? {
            let space = SearchSpace(
                name: "s", stageCount: stages, resolutions: resolutions, depths: depths, kernelSizes: kernels,
                expandRatios: expands)
            do {
                _ = try ArchitectureEncoding.onceForAll(space)
                return nil
            } catch { return error.field }
        }
        #expect(refused() == nil)
        #expect(refused(stages: 4) == "depths")
        #expect(refused(depths: [2, 3]) == "depths")
        #expect(refused(kernels: [3, 9]) == "kernelSizes")
        #expect(refused(expands: [1]) == "expandRatios")
        #expect(refused(resolutions: [96]) == "resolutions")
        #expect(refused(resolutions: [239]) == nil)
        #expect(refused(resolutions: [240]) == "resolutions")
    }

    @Test func anySpaceIsOneHotOverItsOwnValues() throws {
        let small = SearchSpace(
            name: "small", stageCount: 2, resolutions: [20, 24, 28], depths: [1, 2], kernelSizes: [3, 5],
            expandRatios: [2, 3, 4])
        let encoding = ArchitectureEncoding(small)
        let subnet = SubnetConfiguration(
            resolution: 24, depths: [2, 1], kernelSizes: [3, 5, 5, 5], expandRatios: [4, 2, 3, 3])

        #expect(encoding.featureCount == 4 * 2 + 4 * 3 + 3)
        #expect(ones(try encoding.features(of: subnet)) == [0, 3, 5, 10, 11, 15, 21])
    }

    @Test func distinctSubnetsHaveDistinctInputs() throws {
        let encoding = ArchitectureEncoding(space)
        var generator = SeededGenerator(seed: 11)
        var subnets: [[Float]: SubnetConfiguration] = [:]
        for _ in 0..<300 {
            let subnet = space.sample(using: &generator)
            let features = try encoding.features(of: subnet)
            #expect(subnets[features] == nil || subnets[features] == subnet)
            #expect(ones(features).count == 2 * subnet.depths.reduce(0, +) + 1)
            subnets[features] = subnet
        }
    }

    @Test func survivesJSONAndRefusesAForeignSpaceThere() throws {
        for encoding in [ArchitectureEncoding(space), try ArchitectureEncoding.onceForAll(space)] {
            let data = try JSONEncoder().encode(encoding)
            #expect(try JSONDecoder().decode(ArchitectureEncoding.self, from: data) == encoding)
        }
        let space = #"{"name":"s","stageCount":2,"resolutions":[32],"depths":[1],"kernelSizes":[3],"expandRatios":[3]}"#
        let json = Data(#"{"form":"once-for-all","space":\#(space)}"#.utf8)
        #expect(throws: EncodingRefusal.self) { try JSONDecoder().decode(ArchitectureEncoding.self, from: json) }
    }

    private func ones(_ features: [Float]) -> [Int] {
        features.indices.filter { features[$0] == 1 }
    }
}
