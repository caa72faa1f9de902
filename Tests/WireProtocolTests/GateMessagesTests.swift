import FleetModel
import HookSharing
import Testing
import WireProtocol

@Suite struct GateMessagesTests {
    private let codec = MessageCodec()
    private let model = SampleMessages.modelSHA256
    private let hook = SampleMessages.hookSHA256

    private func roundTrip(_ message: Message) throws -> Message {
        let frame = try codec.encode(message, header: SampleMessages.header)
        return try codec.decode(header: frame.header, payload: frame.payload).1
    }

    private func report(_ content: GateReport.Content) -> Message {
        .gateReport(GateReport(modelSHA256: model, hookSHA256: hook, content))
    }

    private func order(_ content: GateOrder.Content) -> Message {
        .gateOrder(GateOrder(modelSHA256: model, hookSHA256: hook, content))
    }

    @Test func everyContentComesBackAsItWas() throws {
        let messages = [
            report(.joined(parameters: 9, gates: 2, version: 3)), report(.wanted(version: 2, part: 7)),
            report(.scored(version: 2, samples: 5, loss: 0.25, lossBefore: 0.5, gates: [SampleMessages.score])),
            order(.acknowledged(number: 7)), order(.part(version: 3, part: 1, values: [1, -0.5])),
            order(.announced(version: 0, isCandidate: false, sha256: hook, gates: [])),
        ]
        for message in messages { #expect(try roundTrip(message) == message) }
    }

    /// The largest part fits into a message, and one more value does not pass.
    @Test func partsAreLimited() throws {
        let values = [Float](repeating: 1.5, count: SharingLimits.parametersPerPart)
        let full = order(.part(version: 1, part: 0, values: values))
        #expect(try roundTrip(full) == full)
        #expect(try codec.payload(of: full).count <= FleetLimits.payloadBytes)
        #expect(throws: EncodingFailure.self) {
            try codec.payload(of: order(.part(version: 1, part: 0, values: values + [1])))
        }
        #expect(throws: EncodingFailure.self) {
            try codec.payload(of: report(.joined(parameters: SharingLimits.parameters + 1, gates: 1, version: 0)))
        }
        #expect(throws: EncodingFailure.self) {
            try codec.payload(of: report(.joined(parameters: 1, gates: SharingLimits.gates + 1, version: 0)))
        }
    }

    @Test func aPartHasTheValuesOfItsPlace() {
        func part(_ parameters: Int, _ index: Int, _ count: Int) -> Message {
            report(
                .part(
                    GateUpdatePart(
                        number: 1, baseVersion: 0, samples: 1, loss: 0, parameters: parameters, part: index,
                        values: [Float](repeating: 0, count: count))))
        }
        let limit = SharingLimits.parametersPerPart
        #expect(throws: Never.self) { try codec.payload(of: part(limit + 3, 1, 3)) }
        #expect(throws: EncodingFailure.self) { try codec.payload(of: part(limit + 3, 1, 4)) }
        #expect(throws: EncodingFailure.self) { try codec.payload(of: part(limit + 3, 2, 3)) }
        #expect(throws: EncodingFailure.self) { try codec.payload(of: part(3, 0, 0)) }
    }

    @Test func numbersThatAreNoneAreRefused() {
        for value in [Float.nan, .infinity, -.infinity] {
            #expect(throws: EncodingFailure.self) {
                try codec.payload(of: order(.part(version: 1, part: 0, values: [value])))
            }
        }
        for loss in [Double.nan, -1, 65] {
            #expect(throws: EncodingFailure.self) {
                try codec.payload(
                    of: report(.scored(version: 1, samples: 1, loss: loss, lossBefore: 0, gates: [])))
            }
        }
        #expect(throws: EncodingFailure.self) {
            try codec.payload(
                of: .gateOrder(
                    GateOrder(modelSHA256: "1F" + model.dropFirst(2), hookSHA256: hook, .acknowledged(number: 1))))
        }
    }
}
