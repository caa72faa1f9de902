import Engine
import SearchSpace
import Testing

@testable import ModelImport

@Suite struct PyTorchCheckpointTests {
    @Test(arguments: ["small.zip.pth", "small.stream.pth"])
    func readsBothFormats(file: String) throws {
        let checkpoint = try PyTorchCheckpoint.read(from: Fixture.path(file))

        let counting = (0..<12).map(Float.init)
        #expect(
            checkpoint.tensors == [
                "plain": Tensor(shape: [3, 4], values: counting),
                "transposed": Tensor(shape: [4, 3], values: [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]),
                "slice": Tensor(shape: [2, 2], values: [5, 6, 9, 10]),
                "parameter": Tensor(shape: [2], values: [0.5, -1.25]),
                "half": Tensor(shape: [3], values: [1.5, -65504, Float(Float16(6e-8))]),
                "bfloat16": Tensor(shape: [2, 1], values: [1.5, -123.5]),
            ])
        #expect(checkpoint.integerTensors == ["counter": []])
    }

    @Test(arguments: ["small.zip.pth", "small.stream.pth"])
    func refusesEveryTruncation(file: String) throws {
        let bytes = try Fixture.bytes(Fixture.path(file))
        for count in 0..<bytes.count {
            #expect(throws: ReadingFailure.self, "\(count) bytes") {
                try PyTorchCheckpoint.parse(Array(bytes[..<count]))
            }
        }
    }

    @Test(arguments: ["small.zip.pth", "small.stream.pth"])
    func survivesMutation(file: String) throws {
        let bytes = try Fixture.bytes(Fixture.path(file))
        let seed = UInt64.random(in: 0...UInt64.max)
        print("survivesMutation of \(file): seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        var refused = 0
        for _ in 0..<5_000 {
            var mutated = bytes
            mutate(&mutated, places: 1...8, &generator)
            do { _ = try PyTorchCheckpoint.parse(mutated) } catch { refused += 1 }
        }
        #expect(refused > 1_000, "seed \(seed)")
    }

    /// The CRC-32 of the zip format hides the interpreter from mutations; here the pickle is changed before it is
    /// packed.
    @Test func survivesMutatedPickles() throws {
        let tensor = WrittenTensor("w", [2, 2], [1, 2, 3, 4])
        let pickle = PickleWriter.stateDictionary([tensor])
        let seed = UInt64.random(in: 0...UInt64.max)
        print("survivesMutatedPickles: seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        var refused = 0
        for _ in 0..<5_000 {
            var mutated = pickle
            mutate(&mutated, places: 1...4, &generator)
            let bytes = ZipWriter.checkpoint([tensor], pickle: mutated).bytes()
            do { _ = try PyTorchCheckpoint.parse(bytes) } catch { refused += 1 }
        }
        #expect(refused > 1_000, "seed \(seed)")
    }

    @Test func programsAreRefusedByName() {
        var zip = ZipWriter.checkpoint([WrittenTensor("w", [1], [1])])
        zip.entries.append(.init(name: "model/code/__torch__.py", content: [1], method: 8))
        let bytes = zip.bytes()
        let reason = "is a TorchScript program, not a checkpoint; export the network to ONNX"
        #expect(throws: ReadingFailure(reason)) { try PyTorchCheckpoint.parse(bytes) }
    }

    @Test func broadcastBombIsRefused() throws {
        var bomb = WrittenTensor("bomb", [1 << 20, 1 << 20], [1])
        bomb.strides = [0, 0]
        #expect(throws: ReadingFailure("the tensors would take more than 4 times the file's size", subject: "bomb")) {
            try PyTorchCheckpoint.parse(ZipWriter.checkpoint([bomb]).bytes())
        }
    }

    @Test func manyViewsOfOneStorageAreBoundedTogether() throws {
        let values = [Float](repeating: 1, count: 10_000)
        func file(_ views: Int) -> [UInt8] {
            ZipWriter.checkpoint((0..<views).map { WrittenTensor("view\($0)", [100, 100], values) }).bytes()
        }
        #expect(try PyTorchCheckpoint.parse(file(4)).tensors.count == 4)
        let failure = try #require(throws: ReadingFailure.self) { try PyTorchCheckpoint.parse(file(6)) }
        #expect(failure.reason.contains("more than 4 times"))
    }

    @Test func storageLargerThanTheFileIsRefused() throws {
        var tensor = WrittenTensor("w", [1], [1])
        tensor.storageCount = 1 << 40
        let failure = try #require(throws: ReadingFailure.self) {
            try PyTorchCheckpoint.parse(ZipWriter.checkpoint([tensor]).bytes())
        }
        #expect(failure.reason.hasPrefix("storage 0 claims 1099511627776 elements of 4 bytes"))
    }

    @Test func failuresNameFileTensorAndReason() throws {
        var twice = ZipWriter.checkpoint([WrittenTensor("w", [1], [1]), WrittenTensor("w", [1], [1])])
        expectFailure(twice.bytes(), "w: occurs twice")
        twice.entries.removeLast()
        expectFailure(twice.bytes(), "w: its storage 0 is missing")
        var big = ZipWriter.checkpoint([WrittenTensor("w", [1], [1])])
        big.entries[1].content = Array("big".utf8)
        expectFailure(big.bytes(), "model/byteorder: only little-endian storages are read")
        expectFailure(Array("hello".utf8), "is neither a PyTorch zip file nor the older stream of pickles")
        expectFailure([0x80, 2, 0x4E, 0x2E], "is a pickle, but not of PyTorch")
        expectFailure([], "is neither a PyTorch zip file nor the older stream of pickles")
        let other = ZipWriter(entries: [.init(name: "readme", content: [])])
        expectFailure(
            other.bytes(), "is a zip file without exactly one data.pkl, so not a PyTorch checkpoint")
    }

    @Test func valuesThatAreNotTensorsAreRefusedByName() {
        var writer = PickleWriter()
        writer.op(.emptyDictionary)
        writer.text("epoch")
        writer.int(3)
        writer.op(.setItem, .stop)
        expectFailure(ZipWriter.checkpoint([], pickle: writer.bytes).bytes(), "epoch: is not a tensor")

        var empty = PickleWriter()
        empty.op(.emptyDictionary, .stop)
        expectFailure(ZipWriter.checkpoint([], pickle: empty.bytes).bytes(), "holds no tensors")
    }

    @Test func streamWithExtraBytesIsRefused() throws {
        let bytes = try Fixture.bytes(Fixture.path("small.stream.pth"))
        expectFailure(bytes + [0], "1 bytes follow the last storage")
    }

    private func mutate(_ bytes: inout [UInt8], places: ClosedRange<Int>, _ generator: inout SeededGenerator) {
        for _ in 0..<Int.random(in: places, using: &generator) {
            let place = Int.random(in: bytes.indices, using: &generator)
            bytes[place] = UInt8.random(in: 0...255, using: &generator)
        }
    }

    private func expectFailure(_ bytes: [UInt8], _ expected: String) {
        #expect(throws: Never.self) {
            try Fixture.withFile(bytes) { path in
                let failure = try #require(throws: CheckpointFailure.self) { try PyTorchCheckpoint.read(from: path) }
                #expect(failure.description == "\(path): \(expected)")
            }
        }
    }
}
