import Engine
import Packages
import Testing

@testable import ModelImport

@Suite struct PickleInterpreterTests {
    @Test func understandsConstantsAndContainers() throws {
        let pickle = try run { writer in
            writer.op(.emptyList, .mark)
            writer.int(-5)
            writer.raw([PickleOpcode.binFloat.rawValue, 0x3F, 0xF8, 0, 0, 0, 0, 0, 0])
            writer.text("é")
            writer.op(.newTrue, .none, .appends, .stop)
        }
        #expect(pickle.items(pickle.root, of: .list) == [.int(-5), .float(1.5), .string("é"), .bool(true), .none])
    }

    @Test func readsFramesAndMemoOfLaterProtocols() throws {
        // pickle.dumps([["a"], ["a"]] with the inner list shared, protocol=4)
        let pickle = try run([
            0x80, 4, 0x95, 18, 0, 0, 0, 0, 0, 0, 0, 0x5D, 0x94, 0x28, 0x5D, 0x94, 0x8C, 1, 0x61, 0x94, 0x61, 0x68, 1,
            0x65, 0x2E,
        ])
        let outer = try #require(pickle.items(pickle.root, of: .list))
        #expect(outer.count == 2 && outer[0] == outer[1])
        #expect(pickle.items(outer[0], of: .list) == [.string("a")])
    }

    @Test(arguments: [
        ("os", "system"), ("posix", "system"), ("builtins", "eval"), ("builtins", "exec"), ("torch", "load"),
        ("torch", "FloatTensor"), ("torch._utils", "_rebuild_tensor"), ("subprocess", "Popen"),
        ("collections", "OrderedDict.__reduce__"), ("torch.storage", "_load_from_bytes"),
    ])
    func refusesOtherGlobalsByName(module: String, name: String) {
        let reason = "the pickle refers to \(module).\(name), which is neither a tensor nor a dictionary"
        expectRefusal(reason) { writer in
            writer.global(module, name)
            writer.text("true")
            writer.op(.tuple1, .reduce, .stop)
        }
        expectRefusal(reason) { writer in
            writer.text(module)
            writer.text(name)
            writer.op(.stackGlobal, .stop)
        }
    }

    @Test(arguments: [(0x69, "INST"), (0x6F, "OBJ"), (0x81, "NEWOBJ"), (0x82, "EXT1"), (0x92, "NEWOBJ_EX")])
    func refusesOpcodesThatBuildObjects(code: Int, name: String) {
        expectRefusal("the pickle opcode \(code) (\(name)) at offset 2 is not allowed") { $0.raw([UInt8(code)]) }
    }

    @Test func controlCharactersDoNotReachTheMessage() throws {
        let failure = try #require(throws: ReadingFailure.self) {
            try run { $0.global("os\u{1B}[2J", String(repeating: "x", count: 200)) }
        }
        #expect(failure.reason.contains("os?[2J.x") && failure.reason.count < 220)
    }

    @Test func callsAreLimitedToTheKnownOnes() {
        expectRefusal("the pickle calls torch.FloatStorage") { writer in
            writer.global("torch", "FloatStorage")
            writer.op(.emptyTuple, .reduce, .stop)
        }
        expectRefusal("the pickle calls a value that is not a function") { writer in
            writer.text("print")
            writer.op(.emptyTuple, .reduce, .stop)
        }
        expectRefusal("the pickle makes an OrderedDict from arguments") { writer in
            writer.global("collections", "OrderedDict")
            writer.op(.emptyList, .tuple1, .reduce, .stop)
        }
        expectRefusal("the pickle sets attributes of a value that is not an OrderedDict") { writer in
            writer.op(.emptyDictionary, .emptyDictionary, .build, .stop)
        }
        expectRefusal("the pickle makes a tensor from unknown arguments") { writer in
            writer.global("torch._utils", "_rebuild_tensor_v2")
            writer.op(.emptyTuple, .reduce, .stop)
        }
    }

    @Test func lengthsAreCheckedBeforeAllocation() throws {
        let huge: [[UInt8]] = [
            [0x58, 0xFF, 0xFF, 0xFF, 0xFF], [0x8D, 0, 0, 0, 0, 0, 0, 0, 0x40], [0x8C, 200],
            [0x8D, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], [0x8B, 0xFF, 0xFF, 0xFF, 0x7F],
            [0x8B, 0, 0, 0, 0x80], [0x8A, 20],
        ]
        for opcode in huge {
            #expect(throws: ReadingFailure.self, "\(opcode)") { try run([0x80, 2] + opcode + [0x2E]) }
        }
    }

    /// The pickle form of "a billion laughs": each list holds the one before it ten times.
    @Test func sharedNestingCostsNoMoreThanItsOpcodes() throws {
        let pickle = try run { writer in
            writer.op(.emptyList)
            for level in 0..<200 {
                writer.raw([PickleOpcode.binPut.rawValue, UInt8(level), PickleOpcode.pop.rawValue])
                writer.op(.emptyList, .mark)
                for _ in 0..<10 { writer.raw([PickleOpcode.binGet.rawValue, UInt8(level)]) }
                writer.op(.appends)
            }
            writer.op(.stop)
        }
        #expect(pickle.containers.count == 201)
        #expect(pickle.containers.reduce(0) { $0 + $1.items.count } == 2_000)
    }

    @Test func deepNestingAndCyclesNeedNoRecursion() throws {
        let depth = 500_000
        let nested = try run { writer in
            writer.op(.emptyTuple)
            writer.raw([UInt8](repeating: PickleOpcode.tuple1.rawValue, count: depth))
            writer.op(.stop)
        }
        #expect(nested.containers.count == depth + 1)
        let cycle = try run { $0.raw([0x5D, 0x71, 0, 0x68, 0, 0x61, 0x2E]) }
        #expect(cycle.items(cycle.root, of: .list) == [cycle.root])
    }

    @Test func stackMemoContainersAndMarksAreBounded() {
        let limit = PickleInterpreter.valueLimit
        expectRefusal("the pickle needs more than \(limit) values on its stack") {
            $0.raw([UInt8](repeating: PickleOpcode.none.rawValue, count: limit + 1))
        }
        expectRefusal("the pickle holds more than \(limit) containers") { writer in
            for _ in 0...limit { writer.op(.emptyList, .pop) }
        }
        expectRefusal("the pickle memorises more than \(limit) values") { writer in
            writer.op(.none)
            writer.raw([UInt8](repeating: PickleOpcode.memoize.rawValue, count: limit + 1))
        }
        let marks = PickleInterpreter.markLimit
        expectRefusal("the pickle nests more than \(marks) unfinished values") {
            $0.raw([UInt8](repeating: PickleOpcode.mark.rawValue, count: marks + 1))
        }
    }

    @Test func malformedProgramsAreRefused() {
        let programs: [[UInt8]] = [
            [], [0x80], [0x80, 1, 0x4E, 0x2E], [0x80, 6, 0x4E, 0x2E], [0x80, 2], [0x80, 2, 0x2E], [0x80, 2, 0x4E],
            [0x80, 2, 0x30], [0x80, 2, 0x74], [0x80, 2, 0x68, 0], [0x80, 2, 0x71, 0], [0x80, 2, 0x4E, 0x4E, 0x2E],
            [0x80, 2, 0x7D, 0x28, 0x4E, 0x75, 0x2E], [0x80, 2, 0x4E, 0x28, 0x86, 0x2E], [0x80, 2, 0x4E, 0x4E, 0x61],
            [0x80, 2, 0x28, 0x4E, 0x64, 0x2E], [0x80, 2, 0x63, 0x61, 0x0A], [0x80, 2, 0x58, 1, 0, 0, 0, 0xFF, 0x2E],
            [0x80, 2, 0x4E, 0x51, 0x2E],
        ]
        for program in programs {
            #expect(throws: ReadingFailure.self, "\(program)") { try run(program) }
        }
    }

    private func run(_ build: (inout PickleWriter) -> Void) throws -> Pickle {
        var writer = PickleWriter()
        build(&writer)
        return try run(writer.bytes)
    }

    private func run(_ bytes: [UInt8]) throws -> Pickle {
        var reader = ByteReader(bytes)
        return try PickleInterpreter.run(&reader)
    }

    private func expectRefusal(_ reason: String, _ build: (inout PickleWriter) -> Void) {
        #expect(throws: ReadingFailure(reason)) { try run(build) }
    }
}
