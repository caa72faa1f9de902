import SearchSpace
import Testing

@testable import CoordinatorCore

@Suite struct SubnetSpellingTests {
    private let space = SimulatedClass.space

    @Test func allAreOfOneLengthAndMoreWorkIsMoreOfTheFirstLetter() {
        let subnets = [space.smallest, space.largest] + SimulatedClass.subnets(50, seed: 4)
        let spelling = SubnetSpelling(subnets)
        let words = subnets.map(spelling.spell)
        #expect(Set(words.map(\.count)).count == 1)
        #expect(words[1].allSatisfy { $0.isUppercase }, "the largest has all of everything")
        #expect(words[0].count { $0.isUppercase } < words[1].count { $0.isUppercase } / 3)
    }

    @Test func whatIsNotInUseIsNotSpelled() {
        var one = space.smallest
        let spelling = SubnetSpelling([space.smallest, space.largest])
        one.kernelSizes[2] = 7
        #expect(spelling.spell(one) == spelling.spell(space.smallest))
        one.kernelSizes[0] = 7
        #expect(spelling.spell(one) != spelling.spell(space.smallest))
    }

    @Test func manyStagesAndASingleResolutionAreSpelledToo() {
        let long = SubnetConfiguration(
            resolution: 28, depths: .init(repeating: 1, count: 30), kernelSizes: .init(repeating: 3, count: 30),
            expandRatios: .init(repeating: 2, count: 30))
        #expect(!SubnetSpelling([long]).spell(long).isEmpty)
        #expect(SubnetSpelling([SubnetConfiguration]()).spell(long).count == SubnetSpelling([long]).spell(long).count)
    }

    @Test func malformedConfigurationsHaveNoShape() {
        var subnet = space.largest
        #expect(subnet.shape == .init(stages: 3, positions: 3))
        subnet.depths[0] = 4
        #expect(subnet.shape == nil)
        subnet.depths[0] = 0
        #expect(subnet.shape == nil)
        #expect(SubnetConfiguration(resolution: 1, depths: [], kernelSizes: [], expandRatios: []).shape == nil)
    }
}
