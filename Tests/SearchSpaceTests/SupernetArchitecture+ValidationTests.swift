import SearchSpace
import Testing

@Suite struct SupernetArchitectureValidationTests {
    @Test func thePublishedArchitecturesAreValid() throws {
        try SupernetArchitecture.imageNetMobileNetV3.validate()
        try SupernetArchitecture.imageNetMobileNetV3Width12.validate()
    }

    @Test func everyFieldIsRefusedByName() {
        refuses("inputChannels: 0 is outside 1...16") { $0.inputChannels = 0 }
        refuses("inputChannels: 17 is outside 1...16") { $0.inputChannels = 17 }
        refuses("resolutions: is empty") { $0.resolutions = [] }
        refuses("resolutions: 1025 is outside 8...1024") { $0.resolutions.append(1_025) }
        refuses("kernelSizes: 9 is outside 1...7") { $0.kernelSizes = [9] }
        refuses("kernelSizes: kernel sizes must be odd") { $0.kernelSizes = [4] }
        refuses("expandRatios: 17 is outside 1...16") { $0.expandRatios = [17] }
        refuses("depths: 0 is outside 1...16") { $0.depths = [0] }
        refuses("depths: 17 is outside 1...16") { $0.depths = [17] }
        refuses("stemStride: 3 is outside 1...2") { $0.stemStride = 3 }
        refuses("strides: 0 is outside 1...2") { $0.strides[1] = 0 }
        refuses("strides: is empty") { $0.strides = [] }
        refuses("strides: more than 16 stages") { $0.strides = Array(repeating: 1, count: 17) }
        refuses("activations: expected 5 values, found 4") { $0.activations.removeLast() }
        refuses("squeezeExcite: expected 5 values, found 6") { $0.squeezeExcite.append(true) }
        refuses("mean: expected 3 values, found 2") { $0.mean.removeLast() }
        refuses("mean: values must lie within +-1000.0") { $0.mean[0] = .nan }
        refuses("mean: values must lie within +-1000.0") { $0.mean[0] = 1e38 }
        refuses("std: values must lie within 0.001...1000.0") { $0.std[0] = 1e-30 }
        refuses("std: expected 3 values, found 0") { $0.std = [] }
        refuses("std: values must lie within 0.001...1000.0") { $0.std[2] = 0 }
    }

    @Test func theLimitsThemselvesAreAccepted() throws {
        var architecture = SupernetArchitecture.imageNetMobileNetV3
        architecture.resolutions = [8, SupernetArchitecture.resolutionLimit]
        architecture.depths = [SupernetArchitecture.stageLimit]
        architecture.strides = Array(repeating: 1, count: SupernetArchitecture.stageLimit)
        architecture.activations = Array(repeating: .relu, count: SupernetArchitecture.stageLimit)
        architecture.squeezeExcite = Array(repeating: false, count: SupernetArchitecture.stageLimit)
        try architecture.validate()
    }

    private func refuses(_ message: String, change: (inout SupernetArchitecture) -> Void) {
        var architecture = SupernetArchitecture.imageNetMobileNetV3
        change(&architecture)
        do {
            try architecture.validate()
            Issue.record("not refused: \(message)")
        } catch {
            #expect(error.description == message)
        }
    }
}
