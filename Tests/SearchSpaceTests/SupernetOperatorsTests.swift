import SearchSpace
import Testing

@Suite struct SupernetOperatorsTests {
    let architecture = SupernetArchitecture.imageNetMobileNetV3Width12

    @Test func operatorsOfTheSmallestSubnetHaveTheSupernetsShapes() throws {
        let operators = try SupernetOperators(architecture)
        var subnet = architecture.searchSpace.smallest
        subnet.resolution = 224

        let list = try operators.operators(of: subnet)

        #expect(
            list.map(\.kind)
                == [.stem] + Array(repeating: .block, count: 11) + [.finalExpand, .pooling, .featureMix, .classifier])
        #expect(
            list.map(\.output.description) == [
                "112x112x24", "112x112x24", "56x56x32", "56x56x32", "28x28x48", "28x28x48", "14x14x96", "14x14x96",
                "14x14x136", "14x14x136", "7x7x192", "7x7x192", "7x7x1152", "1x1x1152", "1x1x1536", "1x1x1000",
            ])
        for (before, after) in zip(list, list.dropFirst()) { #expect(before.output == after.input) }
        #expect(list[1].mid == 24 && !list[1].isExpanding && list[1].hasResidual)
        #expect(list[2].mid == 72 && list[2].stride == 2 && !list[2].hasResidual && list[2].isExpanding)
        #expect(list[3].mid == 96 && list[3].stride == 1 && list[3].hasResidual)
        #expect(list[4].hasSqueezeExcite && !list[4].hasHardSwish)
        #expect(list[6].hasHardSwish && !list[6].hasSqueezeExcite)
        #expect(list[8].stride == 1 && !list[8].hasResidual, "stage 4 changes width without a stride")
    }

    /// Strides map a side of n to the ceiling of n / 2, also where it is odd: 164, 82, 41, 21, 11, 6.
    @Test func oddSidesRoundUp() throws {
        var subnet = architecture.searchSpace.smallest
        subnet.resolution = 164
        let sides = try SupernetOperators(architecture).operators(of: subnet).map(\.output.height)
        #expect(sides == [82, 82, 41, 41, 21, 21, 11, 11, 11, 11, 6, 6, 6, 1, 1, 1])
    }

    /// By hand: one stage of one block at 8x8, widths 8-8-16, expand ratio 2, squeeze-and-excite.
    @Test func flopsAreTwiceTheMultiplyAdds() throws {
        let tiny = SupernetArchitecture(
            name: "tiny", inputChannels: 1, resolutions: [8], kernelSizes: [3], expandRatios: [2], depths: [1],
            stemStride: 1, strides: [2], activations: [.relu], squeezeExcite: [true], mean: [0], std: [1], labels: [],
            widths: .init(stem: 8, firstBlock: 8, stages: [16], finalExpand: 24, featureMix: 32, classes: 10))
        let stem = 64 * 8 * 9
        let first = 64 * 8 * 9 + 64 * 8 * 8
        let block = 64 * 8 * 16 + 16 * 16 * 9 + 2 * 16 * 8 + 16 * 16 * 16
        let tail = 16 * 16 * 24 + 24 * 32 + 32 * 10
        #expect(try SupernetOperators(tiny).flops(of: tiny.searchSpace.largest) == 2 * (stem + first + block + tail))
    }

    @Test func architecturesWithoutUsableWidthsAreRefused() {
        refuses("widths") { $0.widths = nil }
        refuses("widths") { $0.widths?.classes = 0 }
        refuses("widths") { $0.widths?.stages[0] = SupernetOperators.widthLimit + 1 }
        refuses("widths.stages") { $0.widths?.stages.removeLast() }
        refuses("strides") { $0.strides = [] }
    }

    @Test func theWidthLimitItselfIsAccepted() throws {
        var wide = architecture
        wide.widths?.featureMix = SupernetOperators.widthLimit
        _ = try SupernetOperators(wide)
    }

    @Test func configurationsOutsideTheSpaceAreRefused() throws {
        let operators = try SupernetOperators(architecture)
        var subnet = architecture.searchSpace.smallest
        subnet.resolution = 129
        #expect(throws: OperatorRefusal.self) { try operators.operators(of: subnet) }
    }

    @Test func foreignSpacesAreRefusedByField() throws {
        let operators = try SupernetOperators(architecture)
        try operators.requireFit(of: .ofaMobileNetV3)
        func field(stages: Int = 5, resolution: Int = 160, depths: [Int] = [4], kernel: Int = 3, expand: Int = 3)
            -> String?
        {
            let space = SearchSpace(
                name: "s", stageCount: stages, resolutions: [resolution], depths: depths, kernelSizes: [kernel],
                expandRatios: [expand])
            do {
                try operators.requireFit(of: space)
                return nil
            } catch {
                guard case .foreignSpace(let field, _, _) = error else { return "\(error)" }
                return field
            }
        }
        #expect(field() == nil)
        #expect(field(stages: 4) == "stages")
        #expect(field(depths: [3]) == "positions per stage")
        #expect(field(resolution: 161) == "resolutions")
        #expect(field(depths: [1, 4]) == "depths")
        #expect(field(kernel: 1) == "kernelSizes")
        #expect(field(expand: 5) == "expandRatios")
    }

    private func refuses(_ field: String, change: (inout SupernetArchitecture) -> Void) {
        var changed = architecture
        change(&changed)
        do {
            _ = try SupernetOperators(changed)
            Issue.record("not refused: \(field)")
        } catch {
            #expect(error.field == field)
        }
    }
}
