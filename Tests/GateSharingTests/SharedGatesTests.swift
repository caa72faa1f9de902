import Foundation
import HookNetworks
import HookSharing
import MapPruning
import Testing

@testable import GateSharing

@Suite struct SharedGatesTests {
    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "shared-gates-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder.path)
    }

    private func start(seed: UInt64 = 1) throws -> HookState {
        var hook = HookState.Hook(
            AttachmentPoint(kind: .model, operator: "small", flops: 9, microseconds: 5, parts: 0..<0))
        var gate = try trainedGate(seed: seed, epochs: 1)
        // As a file gives it back.
        gate = GateLayoutFile.rounded(gate)
        hook.gate = gate
        return HookState(kinds: [.model], weightsSHA256: String(repeating: "a", count: 64), hooks: [hook])
    }

    private func shared(_ folder: String, seed: UInt64 = 1) throws -> SharedGates {
        try SharedGates(start: try start(seed: seed), path: folder + "/gates.shared")
    }

    @Test func whatIsLearnedIsTheChangeSinceTheVersion() throws {
        try withFolder { folder in
            let gates = try shared(folder)
            let own = try #require(gates.train([gateSamples(800, seed: 4)], seed: 2) { true })
            let learned = try #require(gates.takeLearned())
            #expect(learned.baseVersion == 0 && learned.delta.contains { $0 != 0 })
            #expect(learned.samples == 640 && gates.takeLearned() == nil)
            #expect(own.count == 1 && own[0]?.validation.passes == true)
            // Added to the version, it is what was learned.
            #expect(gates.adopt(.init(number: 1, values: learned.delta, gates: [])))
            #expect(gates.version == 1 && gates.used == 0, "taken over, and nobody decides by it")
            let newer = try #require(gates.attend([gateSamples(0, seed: 1)]))
            #expect(gates.used == 0)
            gates.published()
            #expect(gates.used == 1)
            let difference = abs(
                try #require(newer[0]).predictedDamage([1, 0, 0]) - (try #require(own[0])).predictedDamage([1, 0, 0]))
            #expect(difference < 1e-4)
            #expect(gates.attend([gateSamples(0, seed: 1)]) == nil)
        }
    }

    @Test func aNewBoardUsesWhatOthersFoundTheVersionToBeWorth() throws {
        try withFolder { folder in
            let gates = try shared(folder)
            let score = GateScore(
                samples: 400, loss: 0.1, constantLoss: 0.4, acceptedDamage: 0.01, acceptedPrediction: 0.02)
            let values = [Float](repeating: 0.01, count: gates.parameterCount)
            #expect(gates.adopt(.init(number: 3, values: values, gates: [score])))
            let newer = try #require(gates.attend([gateSamples(0, seed: 1)]))
            #expect(newer[0]?.validation == GateValidation(score) && newer[0]?.validation.passes == true)
            // With too few samples of its own it keeps the version and has nothing to tell.
            let own = try #require(gates.train([gateSamples(20, seed: 1)], seed: 1) { true })
            #expect(own[0] == newer[0] && gates.takeLearned() == nil)
        }
    }

    @Test func candidatesAreScoredAndNotUsed() throws {
        try withFolder { folder in
            let gates = try shared(folder)
            let values = [Float](repeating: 3, count: gates.parameterCount)
            #expect(gates.ask(about: .init(number: 5, values: values, gates: [])))
            #expect(gates.attend([gateSamples(400, seed: 8)]) == nil)
            let scored = try #require(gates.takeScored())
            #expect(scored.version == 5 && scored.samples == 80 && scored.gates.count == 1)
            #expect(scored.loss > scored.lossBefore && gates.version == 0)
        }
    }

    @Test func theLastGoodVersionOutlivesARestartAndDamageDoesNot() throws {
        try withFolder { folder in
            let gates = try shared(folder)
            let values = (0..<gates.parameterCount).map { Float($0) / 100 }
            #expect(gates.adopt(.init(number: 7, values: values, gates: [])))
            let again = try shared(folder)
            #expect(again.version == 7 && again.attend([gateSamples(0, seed: 1)]) != nil)
            #expect(again.hookSHA256 == gates.hookSHA256)
            // Of another start it is of no use.
            #expect(try shared(folder, seed: 2).version == 0)
            let file = URL(filePath: folder + "/gates.shared")
            let text = try String(contentsOf: file, encoding: .utf8)
            try Data(text.replacing("0.01,", with: "0.02,").utf8).write(to: file)
            #expect(try shared(folder).version == 0)
        }
    }

    @Test func whatDoesNotFitIsNotTakenOver() throws {
        try withFolder { folder in
            let gates = try shared(folder)
            let count = gates.parameterCount
            #expect(!gates.adopt(.init(number: 1, values: [1], gates: [])))
            #expect(!gates.adopt(.init(number: 1, values: [Float](repeating: .nan, count: count), gates: [])))
            #expect(gates.version == 0 && gates.attend([gateSamples(0, seed: 1)]) == nil)
        }
    }

    @Test func everyFittedPartIsInTheSum() throws {
        try withFolder { folder in
            let base = try start()
            var other = base
            other.hooks[0].head = .init(weights: [1], bias: [0])
            let path = folder + "/x"
            let first = try SharedGates(start: base, path: path).hookSHA256
            #expect(try SharedGates(start: other, path: path).hookSHA256 != first)
            other = base
            other.hooks[0].isFixed = true
            #expect(try SharedGates(start: other, path: path).hookSHA256 != first)
        }
    }
}

/// Gates as hook files hold them.
enum GateLayoutFile {
    static func rounded(_ gate: Gate) -> Gate {
        guard case .perceptron(let network) = gate.predictor else { return gate }
        return Gate(
            mean: gate.mean.map { Double(Float($0)) }, deviation: gate.deviation.map { Double(Float($0)) },
            predictor: .perceptron(
                Perceptron(network.layers, parameters: network.parameters.map { Double(Float($0)) })),
            slope: gate.slope, offset: gate.offset,
            validation: GateValidation(
                samples: 100, loss: 0.2, constantLoss: 0.4, acceptedDamage: 0.01, acceptedPrediction: 0.02))
    }
}
