import Foundation
import Supernets
import Testing

@Suite struct BoardProbeTests {
    @Test func whatLinuxSaysIsPossible() throws {
        let probe = BoardProbe()
        for _ in 0..<2 {
            let here = probe.read()
            #expect(0...1 ~= here.load)
            #expect(here.temperature.map { -50...150 ~= $0 } ?? true)
            #expect(here.megahertz.map { $0 > 1 } ?? true)
            let whole = Double(ProcessInfo.processInfo.physicalMemory) / 1_048_576
            #expect(here.freeMebibytes.map { $0 > 0 && $0 <= whole } ?? true)
        }
        let hasMemoryInformation = FileManager.default.fileExists(atPath: "/proc/meminfo")
        #expect((probe.read().freeMebibytes != nil) == hasMemoryInformation)
    }
}
