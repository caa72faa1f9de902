import Testing

@testable import HookNetworks

@Suite struct LearnerPortTests {
    @Test func aFrameIsCopiedOnlyWhenItWasAskedFor() {
        let port = LearnerPort(imageCount: 2)
        func offer(_ values: [Float]) { values.withUnsafeBufferPointer { port.offer($0) } }
        offer([1, 2])
        #expect(port.filled == nil)
        port.ask()
        #expect(port.filled == nil)
        offer([3, 4])
        offer([5, 6])
        #expect(port.filled.map { Array($0) } == [3, 4], "the first one, until it is asked again")
        port.ask()
        offer([7, 8])
        #expect(port.filled.map { Array($0) } == [7, 8])
    }

    /// Every set of gates is released once, whoever had it last.
    @Test func gatesChangeHandsWithoutLeaks() {
        weak var first: GateSet?
        weak var second: GateSet?
        weak var third: GateSet?
        do {
            let port = LearnerPort(imageCount: 1)
            var current = GateSet([])
            func make() -> GateSet { GateSet([]) }
            do {
                let (a, b, c) = (make(), make(), make())
                (first, second, third) = (a, b, c)
                #expect(port.publish(a) && !port.publish(b), "not taken yet")
                port.takeGates(in: &current)
                #expect(current === a && port.publish(b))
                port.takeGates(in: &current)
                #expect(current === b && port.publish(c))
            }
            #expect(first == nil, "released by the next publication")
            #expect(second != nil && third != nil)
        }
        #expect(second == nil && third == nil)
    }
}
