import Foundation
import Testing

@testable import Engine
@testable import Graphs
@testable import NetworkParts

/// Every operator with inputs of rank 0 to 5, empty dimensions, all element types, inputs left out and odd attributes
/// is computed or refused, by its definition and in a network; nothing traps. A trap ends the process: its backtrace
/// names the operator's function, the seed is on standard error.
@Suite struct OperatorSweepTests {
    /// Cases per operator; `SHOAL_OPERATOR_CASES` in the environment asks for another number.
    private static let cases = ProcessInfo.processInfo.environment["SHOAL_OPERATOR_CASES"].flatMap { Int($0) } ?? 400
    private static let seed: UInt64 = {
        let stated = ProcessInfo.processInfo.environment["SHOAL_OPERATOR_SEED"].flatMap { UInt64($0) }
        let seed = stated ?? UInt64.random(in: 0..<1 << 40)
        FileHandle.standardError.write(Data("operators: seed \(seed)\n".utf8))
        return seed
    }()

    @Test(arguments: OperatorTable.names) func everyCallIsComputedOrRefused(name: String) throws {
        let row = try #require(OperatorTable.rows.first { $0.name == name })
        var computed = 0
        for round in 0..<Self.cases {
            let seed = Self.seed &+ UInt64(round)
            let sweep = try OperatorCase(row, seed: seed)
            let outcome = sweep.byDefinition(row)
            if case .computed = outcome { computed += 1 }
            for asked in [[], [0], Set(sweep.values.indices)] {
                guard let found = sweep.inGraph(asking: asked, outcome) else { continue }
                #expect(found == outcome, "\(name), seed \(seed), inputs \(asked.sorted()): \(sweep)")
            }
        }
        #expect(computed > 0, "\(name): no case of seed \(Self.seed) was computed")
    }
}

/// What became of a case.
enum Outcome: Equatable {
    /// The type of the first output.
    case computed(ValueType)
    case refused
}

extension OperatorCase: CustomStringConvertible {
    var description: String { "\(node) of \(values.map { $0.map(\.type.description) ?? "nothing" })" }

    /// Elements of all results beyond which a case is not computed.
    private static let elements = 1 << 16

    /// By the operator's own definition; `nil` where it is left alone, being large.
    func byDefinition(_ row: Operator) -> Outcome? {
        let types = OperatorCall(node, types: values.map { $0?.type }, values: values.map { _ in nil })
        _ = try? row.inferChecked(types)
        let call = OperatorCall(node, values: values)
        guard let results = try? row.inferChecked(call) else { return .refused }
        guard results.reduce(0, { $0 + $1.count }) <= Self.elements else { return nil }
        return (try? row.evaluateChecked(call)).map { .computed($0[0].type) } ?? .refused
    }

    /// In a network whose inputs are the stated ones and whose other values are constants: bound, then run by
    /// definitions and by kernels. `nil` where it is only bound.
    func inGraph(asking asked: Set<Int>, _ expected: Outcome?) -> Outcome? {
        let asked = asked.filter { values.indices.contains($0) && values[$0] != nil }
        let bound = try? BoundGraph(graph(asking: asked))
        guard let expected else { return nil }
        guard let bound else { return .refused }
        let inputs = inputs(asked)
        let outcomes = [
            try? GraphEvaluator(bound).run(inputs),
            try? HybridSession(HybridNetwork(bound, kernels: KernelSet(.fastest))).run(inputs),
        ].map { outputs -> Outcome in outputs?["o0"].map { .computed($0.type) } ?? .refused }
        return outcomes.first { $0 != expected } ?? expected
    }
}
