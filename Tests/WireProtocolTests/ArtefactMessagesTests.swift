import Artefacts
import FleetModel
import Testing
import WireProtocol

@Suite struct ArtefactMessagesTests {
    private let codec = MessageCodec()
    private let sum = ContentSum(of: [1])

    private func roundTrip(_ message: Message) throws -> Message {
        let frame = try codec.encode(message, header: SampleMessages.header)
        return try codec.decode(header: frame.header, payload: frame.payload).1
    }

    @Test func everyReportComesBackAsItWas() throws {
        var first = try SampleMessages.artefactState()
        (first.key, first.generation, first.holdings) = (nil, 0, [])
        // Agents of before say neither what runs nor what was damaged.
        var silent = try SampleMessages.artefactState()
        (silent.holdings[0].runningVersion, silent.damaged) = (nil, [])
        let reports: [ArtefactReport] = [
            .state(first), .state(try SampleMessages.artefactState()), .state(silent), .wanted(sum, chunks: [0]),
            .wanted(sum, chunks: Array(0..<ArtefactLimits.window)),
        ]
        for report in reports { #expect(try roundTrip(.artefactReport(report)) == .artefactReport(report)) }
    }

    @Test func everyOrderComesBackAsItWas() throws {
        let keys = try (1...2).map { try #require(ArtefactKey(bytes: [UInt8](repeating: $0, count: 32))) }
        let rotation = KeyRotation(old: keys[0], new: keys[1], signature: [UInt8](repeating: 3, count: 64))
        let orders: [ArtefactOrder] = [
            .heard(number: 4), .trust(keys[0], []), .trust(keys[1], [rotation, rotation]),
            .desired(generation: 0, []), .desired(generation: 9, [try SampleMessages.desiredArtefact()]),
            .missing(sum),
            .chunk(
                sum, chunk: 131_071, bytes: [UInt8](repeating: 9, count: ArtefactLimits.chunkBytes),
                proof: [ContentSum](repeating: sum, count: ArtefactLimits.proofSums)),
        ]
        for order in orders { #expect(try roundTrip(.artefactOrder(order)) == .artefactOrder(order)) }
    }

    /// The fullest order and state fit into a message.
    @Test func theFullestMessagesFit() throws {
        let names = try (0..<FleetLimits.modelsPerBoard).map { number in
            try #require(ModelName("\(number)" + String(repeating: "x", count: 61)))
        }
        let ids = names.flatMap { name in ArtefactKind.allCases.map { ArtefactID($0, name) } }
        #expect(ids.count == ArtefactLimits.perBoard)
        let sample = try SampleMessages.desiredArtefact().signed
        let desired = try ids.map { id in
            var manifest = sample.manifest
            manifest.id = id
            return DesiredArtefact(try SignedManifest(manifest, signature: sample.signature), mayDowngrade: true)
        }
        let order = Message.artefactOrder(.desired(generation: 1, desired))
        #expect(try roundTrip(order) == order)
        #expect(throws: EncodingFailure.self) {
            try codec.payload(of: .artefactOrder(.desired(generation: 1, desired + [desired[0]])))
        }
        let holdings = ids.map { id in
            ArtefactHolding(
                id: id, status: .refused, version: 1 << 60, previousVersion: 1 << 60, desiredVersion: 1 << 60,
                receivedBytes: ArtefactLimits.bytes,
                reason: String(repeating: "r", count: ArtefactLimits.reasonBytes), runningVersion: 1 << 60)
        }
        let damage = ArtefactDamage(
            find: 1 << 60, id: ids[0], version: 1 << 60,
            reason: String(repeating: "r", count: ArtefactLimits.reasonBytes))
        let damaged = [ArtefactDamage](repeating: damage, count: ArtefactLimits.damagePerState)
        let state = Message.artefactReport(
            .state(ArtefactState(number: 1, key: nil, generation: 1, holdings: holdings, damaged: damaged)))
        #expect(try roundTrip(state) == state)
        let rotation = KeyRotation(
            old: try #require(ArtefactKey(bytes: [UInt8](repeating: 1, count: 32))),
            new: try #require(ArtefactKey(bytes: [UInt8](repeating: 2, count: 32))),
            signature: [UInt8](repeating: 3, count: 64))
        let trust = Message.artefactOrder(
            .trust(rotation.new, [KeyRotation](repeating: rotation, count: ArtefactLimits.rotations)))
        #expect(try roundTrip(trust) == trust)
        #expect(throws: EncodingFailure.self) {
            try codec.payload(
                of: .artefactOrder(
                    .trust(rotation.new, [KeyRotation](repeating: rotation, count: ArtefactLimits.rotations + 1))))
        }
    }

    @Test func whatNoPeerSaysIsRefused() throws {
        var state = try SampleMessages.artefactState()
        state.holdings += state.holdings
        let long = String(repeating: "r", count: ArtefactLimits.reasonBytes + 1)
        var wordy = try SampleMessages.artefactState()
        wordy.holdings[0].reason = long
        var large = try SampleMessages.artefactState()
        large.holdings[0].receivedBytes = ArtefactLimits.bytes + 1
        var unnumbered = try SampleMessages.artefactState()
        unnumbered.number = 0
        var damaged = try SampleMessages.artefactState()
        damaged.damaged = Array(repeating: damaged.damaged[0], count: ArtefactLimits.damagePerState + 1)
        let reports: [ArtefactReport] = [
            .state(state), .state(wordy), .state(damaged), .state(large), .state(unnumbered), .wanted(sum, chunks: []),
            .wanted(sum, chunks: [1, 1]), .wanted(sum, chunks: Array(0...ArtefactLimits.window)),
            .wanted(sum, chunks: [1 << 30]),
        ]
        for report in reports {
            #expect(throws: EncodingFailure.self, "\(report)") { try codec.payload(of: .artefactReport(report)) }
        }
        let orders: [ArtefactOrder] = [
            .heard(number: 0), .chunk(sum, chunk: 0, bytes: [], proof: []),
            .chunk(sum, chunk: 0, bytes: [UInt8](repeating: 0, count: ArtefactLimits.chunkBytes + 1), proof: []),
            .chunk(
                sum, chunk: 0, bytes: [1],
                proof: [ContentSum](repeating: sum, count: ArtefactLimits.proofSums + 1)),
        ]
        for order in orders {
            #expect(throws: EncodingFailure.self, "\(order)") { try codec.payload(of: .artefactOrder(order)) }
        }
    }
}
