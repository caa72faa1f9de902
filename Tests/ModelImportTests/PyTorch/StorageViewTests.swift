import Engine
import Packages
import Testing

@testable import ModelImport

@Suite struct StorageViewTests {
    private let floats: [UInt8] = {
        var bytes: [UInt8] = []
        bytes.append(floats: (0..<12).map(Float.init))
        return bytes
    }()

    struct Case: Sendable {
        let shape: [Int]
        let strides: [Int]
        var offset = 0
        var expected: [Float] = []
    }

    private static let inside = [
        Case(shape: [3, 4], strides: [4, 1], expected: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
        Case(shape: [4, 3], strides: [1, 4], expected: [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]),
        Case(shape: [2, 2], strides: [4, 1], offset: 5, expected: [5, 6, 9, 10]),
        Case(shape: [3], strides: [0], offset: 11, expected: [11, 11, 11]),
        Case(shape: [], strides: [], offset: 7, expected: [7]),
        Case(shape: [0, 5], strides: [1, 1], offset: 99, expected: []),
        Case(shape: [2, 1], strides: [6, Int.max], expected: [0, 6]),
    ]

    @Test(arguments: inside)
    func gathersInRowMajorOrder(row: Case) throws {
        let view = try StorageView(reference(row), in: 0..<48)
        #expect(view.count == row.expected.count && view.values(floats) == row.expected)
    }

    private static let outside = [
        Case(shape: [13], strides: [1]), Case(shape: [12], strides: [1], offset: 1), Case(shape: [2], strides: [12]),
        Case(shape: [2], strides: [-1], offset: 1), Case(shape: [-1], strides: [1]), Case(shape: [2, 2], strides: [1]),
        Case(shape: [1], strides: [1], offset: -1), Case(shape: [1], strides: [1], offset: Int.max),
        Case(shape: [Int.max, Int.max], strides: [0, 0]), Case(shape: [Int.max], strides: [Int.max]),
        Case(shape: [3, 3], strides: [Int.max / 2, Int.max / 2]),
    ]

    @Test(arguments: outside)
    func refusesWhatLiesOutsideTheStorage(row: Case) {
        #expect(throws: ReadingFailure.self) { try StorageView(reference(row), in: 0..<48) }
    }

    @Test func refusesStorageOfAnotherSize() {
        #expect(throws: ReadingFailure("its storage has 44 bytes, not the 12 elements of 4 bytes")) {
            try StorageView(reference(Case(shape: [1], strides: [1])), in: 0..<44)
        }
    }

    private func reference(_ row: Case) -> TensorReference {
        let storage = StorageReference(key: "0", type: .float, count: 12)
        return TensorReference(storage: storage, offset: row.offset, shape: row.shape, strides: row.strides)
    }
}
