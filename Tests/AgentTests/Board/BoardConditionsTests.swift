import AgentCore
import Testing

@testable import Agent

@Suite struct BoardConditionsTests {
    @Test func threadsReadWhatSensorsSaid() {
        let conditions = BoardConditions()
        #expect(conditions.read() == .init())
        conditions.post(.init(temperatureCelsius: 71.5, memoryPressure: nil))
        #expect(conditions.read() == .init(temperatureCelsius: 71.5))
        conditions.post(.init(temperatureCelsius: nil, memoryPressure: 12.25))
        #expect(conditions.read() == .init(memoryPressure: 12.25))
        conditions.post(.init(clockSlowdown: 1.5, isThrottled: true))
        #expect(conditions.read() == .init(clockSlowdown: 1.5, isThrottled: true))
        conditions.post(.init(temperatureCelsius: 1, isThrottled: false))
        #expect(conditions.read() == .init(temperatureCelsius: 1, isThrottled: false))
    }

    @Test func pressureIsReadFromLinux() {
        let text =
            "some avg10=3.25 avg60=0.91 avg300=0.40 total=11231393\nfull avg10=1.00 avg60=0.00 avg300=0.00 total=1"
        #expect(BoardSensors.memoryPressure(text) == 3.25)
        for none in [nil, "", "some", "some avg10=", "some avg10=-1", "some avg10=nan", "full avg10=3"] {
            #expect(BoardSensors.memoryPressure(none) == nil, "\(none ?? "nil")")
        }
    }
}
