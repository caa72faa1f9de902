import Foundation
import SearchSpace
import Testing

@Suite struct SearchSpaceTests {
    let space = SearchSpace.ofaMobileNetV3

    @Test func valuesAreAscendingAndUnique() {
        let messy = SearchSpace(
            name: "messy", stageCount: 1, resolutions: [32, 16, 32], depths: [2, 1], kernelSizes: [7, 3, 3],
            expandRatios: [4])
        #expect(messy.resolutions == [16, 32])
        #expect(messy.depths == [1, 2])
        #expect(messy.kernelSizes == [3, 7])
    }

    @Test func positionsFollowFromTheGreatestDepth() {
        #expect(space.positionsPerStage == 4)
        #expect(space.positionCount == 20)
        #expect(space.largest.kernelSizes == Array(repeating: 7, count: 20))
        #expect(space.smallest.depths == [2, 2, 2, 2, 2])
        #expect(space.smallest.resolution == 160)
    }

    @Test func positionsBeyondTheDepthAreInactive() {
        let depths = [2, 3, 4, 2, 2]
        let active = (0..<20).filter { space.isActive(position: $0, depths: depths) }
        #expect(active == [0, 1, 4, 5, 6, 8, 9, 10, 11, 12, 13, 16, 17])
    }

    @Test func canonicalFormOfEqualSubnetsIsEqual() {
        var first = space.largest
        first.depths = [2, 4, 4, 4, 3]
        var second = first
        (second.kernelSizes[2], second.expandRatios[3], second.kernelSizes[19]) = (5, 3, 3)

        #expect(first != second)
        #expect(space.canonical(first) == space.canonical(second))
        #expect(space.canonical(first).kernelSizes[2] == 3)
        #expect(space.canonical(first).kernelSizes[4] == 7)
        #expect(space.canonical(space.canonical(first)) == space.canonical(first))
    }

    @Test func survivesJSON() throws {
        let data = try JSONEncoder().encode(space)
        #expect(try JSONDecoder().decode(SearchSpace.self, from: data) == space)
    }

    @Test(arguments: [
        #""stageCount":0,"resolutions":[32],"depths":[1],"kernelSizes":[3],"expandRatios":[3]"#,
        #""stageCount":17,"resolutions":[32],"depths":[1],"kernelSizes":[3],"expandRatios":[3]"#,
        #""stageCount":1,"resolutions":[],"depths":[1],"kernelSizes":[3],"expandRatios":[3]"#,
        #""stageCount":1,"resolutions":[1025],"depths":[1],"kernelSizes":[3],"expandRatios":[3]"#,
        #""stageCount":1,"resolutions":[32],"depths":[17],"kernelSizes":[3],"expandRatios":[3]"#,
        #""stageCount":1,"resolutions":[32],"depths":[0],"kernelSizes":[3],"expandRatios":[3]"#,
        #""stageCount":1,"resolutions":[32],"depths":[1],"kernelSizes":[-3],"expandRatios":[3]"#,
        #""stageCount":1,"resolutions":[32],"depths":[1],"kernelSizes":[3],"expandRatios":[17]"#,
    ])
    func impossibleSpacesAreNotDecoded(fields: String) {
        let json = Data(("{\"name\":\"x\"," + fields + "}").utf8)
        #expect(throws: DecodingError.self) { try JSONDecoder().decode(SearchSpace.self, from: json) }
    }

    @Test func valueListsAreLimited() throws {
        func json(_ count: Int) -> Data {
            let list = Array(repeating: "8", count: count).joined(separator: ",")
            let rest = #""stageCount":1,"depths":[1],"kernelSizes":[3],"expandRatios":[3]"#
            return Data("{\"name\":\"x\",\(rest),\"resolutions\":[\(list)]}".utf8)
        }
        let limit = SearchSpace.decodedValueLimit
        #expect(try JSONDecoder().decode(SearchSpace.self, from: json(limit)).resolutions == [8])
        #expect(throws: DecodingError.self) { try JSONDecoder().decode(SearchSpace.self, from: json(limit + 1)) }
    }
}
