import Engine
import SearchSpace
import Testing
import NetworkParts

@testable import HookNetworks

@Suite struct GateInputsTests {
    @Test func namesAreReadInTheirOrder() throws {
        let inputs = try GateInputs("sensors:3,latency")
        #expect(inputs.kinds == [.sensors, .latency] && inputs.count == 4 && inputs.isSound)
        #expect(try GateInputs("").count == 0)
    }

    @Test(arguments: [
        ("speed", "speed is none of"), ("memory,memory", "memory is named twice"), ("sensors", "say how many"),
        ("sensors:0", "say how many"), ("sensors:33", "say how many"), ("memory:2", "only sensors have a number"),
    ])
    func theRestIsRefused(text: String, words: String) {
        let refusal = #expect(throws: HookRefusal.self) { try GateInputs(text) }
        #expect(refusal?.description.contains(words) == true, "\(String(describing: refusal))")
    }

    @Test func nothingIsKeptWhereNothingWasChosen() { #expect(FrameReadings(.none) == nil) }

    @Test func readingsStandInTheOrderOfTheInputs() throws {
        let readings = try #require(FrameReadings(try GateInputs("sensors:2,memory,latency,frequency")))
        readings.set(.memory, to: 512)
        readings.set(.frequency, to: .nan)
        readings.set(.predictedLatency, to: 7)
        [Float(1.5), -2].withUnsafeBufferPointer { readings.setSensors($0) }
        readings.frameStarted()
        var values = [Float](repeating: -1, count: readings.count)
        readings.write(to: &values)
        #expect(Array(values[0..<3]) == [1.5, -2, 512] && values[4] == 0, "what is no number is 0")
        #expect(values[3] >= 0 && values[3] < 1_000)
    }

    /// Whether to leave the block out hangs on a sensor alone: the gate that reads it learns that.
    @Test func aGateLearnsFromASensor() throws {
        let fused = try HookSamples.network(blocks: 2, seed: 3)
        let (plain, plan) = (
            try fused.plan(kernels: .selected()), try SectionedPlan(fused, kernels: .selected())
        )
        var hooks = BlockPoints.find([.skip], in: plan, microseconds: plan.parts.map { _ in 1 })
            .map { HookState.Hook($0) }
        let inputs = try GateInputs("sensors:1")
        let counts = try BlockNetwork(plain: plain, plan: plan, hooks: hooks, inputs: inputs).featureCounts
        #expect(try BlockNetwork(plain: plain, plan: plan, hooks: hooks).featureCounts == counts.map { $0 - 1 })

        var generator = SeededGenerator(seed: 5)
        var samples = GateSamples(featureCount: counts[0], byteLimit: 1 << 20)
        for _ in 0..<1_500 {
            var features = (0..<counts[0]).map { _ in Float(generator.normal()) }
            features[counts[0] - 1] = generator.uniform() < 0.5 ? 0 : 1
            let damage = features[counts[0] - 1]
            features.withUnsafeBufferPointer { samples.add($0, damage: damage, using: &generator) }
        }
        hooks[0].gate = GateTrainer().train(samples, seed: 1)
        let network = try BlockNetwork(plain: plain, plan: plan, hooks: hooks, inputs: inputs)
        let readings = try #require(network.readings)
        for (sensor, expected) in [(Float(0), 1), (1, 0), (0, 1)] {
            [sensor].withUnsafeBufferPointer { readings.setSensors($0) }
            let image = HookSamples.image(4)
            let taken = image.withUnsafeBufferPointer { network.answer($0, budget: 0.3).taken }
            #expect(taken == expected, "sensor \(sensor)")
        }
        #expect(throws: HookRefusal.self) { _ = try BlockNetwork(plain: plain, plan: plan, hooks: hooks) }
    }

    /// A frame that is kept to learn from is kept with what its gates could read.
    @Test func readingsGoToTheLearnerWithTheirFrame() throws {
        let readings = try #require(FrameReadings(try GateInputs("sensors:2")))
        let port = LearnerPort(imageCount: 1, readingCount: 2)
        port.ask()
        [Float(3), 4].withUnsafeBufferPointer { readings.setSensors($0) }
        [Float(9)].withUnsafeBufferPointer { port.offer($0, readings) }
        [Float(5), 6].withUnsafeBufferPointer { readings.setSensors($0) }
        #expect(port.filled.map { Array($0) } == [9])
        readings.load(port.readings)
        var values: [Float] = [0, 0]
        readings.write(to: &values)
        #expect(values == [3, 4])
    }

    @Test(arguments: ["\n", "\r\n"])
    func sensorValuesStandInLines(end: String) throws {
        let inputs = try GateInputs("sensors:2")
        let text = ["1, 2", "3,4", "5,6"].joined(separator: end) + end
        #expect(try inputs.sensorRows(in: text, count: 2, skipping: 1) == [[3, 4], [5, 6]])
        #expect(throws: HookRefusal.self) { try inputs.sensorRows(in: text, count: 4, skipping: 0) }
    }

    @Test func sensorsMayHaveNames() throws {
        let inputs = try GateInputs("latency,sensor:lux,memory,sensor:heat_2")
        #expect(inputs.kinds == [.latency, .sensors, .memory] && inputs.count == 4)
        #expect(inputs.sensors == ["lux", "heat_2"])
        #expect(
            inputs.sensorMissing(from: ["lux"]) == "heat_2" && inputs.sensorMissing(from: ["heat_2", "lux"]) == nil)
        #expect(try GateInputs("sensors:2").sensors == ["1", "2"])
        for wrong in ["sensor", "sensor:", "sensor:a b", "sensor:a,sensor:a", "sensor:a,sensors:2"] {
            #expect(throws: HookRefusal.self, "\(wrong)") { try GateInputs(wrong) }
        }
        let readings = try #require(FrameReadings(inputs))
        readings.setSensor(0, to: 3)
        readings.setSensor(1, to: .infinity)
        readings.set(.memory, to: 7)
        var values = [Float](repeating: -1, count: 4)
        values.withUnsafeMutableBufferPointer { values in values.baseAddress.map { readings.write(to: $0) } }
        #expect(Array(values.dropFirst()) == [3, 0, 7])
    }
}
