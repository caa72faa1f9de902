import Agent
import Testing

@Suite struct ExecutorShareTests {
    @Test func modelsOfOneCoreShareIt() {
        let shares = ExecutorShare.shares(processors: [nil, nil, nil], loads: [1, 2, 3], cores: 1.9)
        #expect(shares == [.init(processor: nil, models: [0, 1, 2])])
        #expect(ExecutorShare.shares(processors: [nil], loads: [1], cores: 0.5).count == 1)
    }

    @Test func modelsSpreadOverCoresByTheirLoad() {
        let shares = ExecutorShare.shares(processors: [nil, nil, nil], loads: [1, 2, 2.5], cores: 2)
        #expect(shares == [.init(processor: nil, models: [2]), .init(processor: nil, models: [0, 1])])
        #expect(ExecutorShare.shares(processors: [nil, nil], loads: [1, 1], cores: 8).map(\.models) == [[0], [1]])
    }

    @Test func namedProcessorsStayApart() {
        let shares = ExecutorShare.shares(
            processors: [3, nil, 1, 3, nil], loads: [1, 1, 1, 1, 2], cores: 4)
        #expect(
            shares == [
                .init(processor: 1, models: [2]), .init(processor: 3, models: [0, 3]),
                .init(processor: nil, models: [4]), .init(processor: nil, models: [1]),
            ])
        // No core is left: the rest share one all the same.
        #expect(ExecutorShare.shares(processors: [0, 1, nil], loads: [1, 1, 1], cores: 2).count == 3)
    }
}
