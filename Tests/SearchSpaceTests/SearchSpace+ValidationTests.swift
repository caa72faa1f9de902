import SearchSpace
import Testing

@Suite struct SearchSpaceValidationTests {
    let space = SearchSpace.ofaMobileNetV3

    @Test func theExtremesAreValid() throws {
        try space.validate(space.smallest)
        try space.validate(space.largest)
    }

    @Test(arguments: ["depths", "kernelSizes", "expandRatios"])
    func wrongCountsAreRefusedByField(field: String) {
        var configuration = space.largest
        let expected: Int
        switch field {
        case "depths": (expected, _) = (5, configuration.depths.removeLast())
        case "kernelSizes": (expected, _) = (20, configuration.kernelSizes.append(3))
        default: (expected, _) = (20, configuration.expandRatios.removeLast())
        }
        let found = field == "depths" ? 4 : field == "kernelSizes" ? 21 : 19
        #expect(throws: ConfigurationRefusal.wrongCount(field: field, expected: expected, found: found)) {
            try space.validate(configuration)
        }
    }

    @Test func valuesOutsideTheSpaceAreRefusedWithTheirPlace() {
        refuses("resolution: 100 is not one of [160, 176, 192, 208, 224]") { $0.resolution = 100 }
        refuses("depths[3]: 5 is not one of [2, 3, 4]") { $0.depths[3] = 5 }
        refuses("kernelSizes[19]: 9 is not one of [3, 5, 7]") { $0.kernelSizes[19] = 9 }
        refuses("expandRatios[0]: -1 is not one of [3, 4, 6]") { $0.expandRatios[0] = -1 }
    }

    @Test func positionsBeyondTheDepthAreNotLookedAt() throws {
        var configuration = space.largest
        configuration.depths[0] = 3
        (configuration.kernelSizes[3], configuration.expandRatios[3]) = (0, 99)
        try space.validate(configuration)

        configuration.depths[0] = 4
        #expect(throws: ConfigurationRefusal.self) { try space.validate(configuration) }
    }

    private func refuses(_ message: String, change: (inout SubnetConfiguration) -> Void) {
        var configuration = space.largest
        change(&configuration)
        do {
            try space.validate(configuration)
            Issue.record("not refused: \(message)")
        } catch {
            #expect(error.description == message)
        }
    }
}
