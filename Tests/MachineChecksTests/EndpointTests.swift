import Foundation
import Testing

@testable import MachineChecks

@Suite struct EndpointTests {
    @Test func placesAreReadAsTheyAreWritten() {
        #expect(Endpoint("tcp://10.0.0.1:7100") == Endpoint("http://10.0.0.1:7100/metrics"))
        #expect(Endpoint("tcp://[::1]:7100")?.host == "::1")
        for text in ["", "tcp://", "tcp://host", "host:7100x", "tcp://host:0", "tcp://host:65536", "tcp://:7100"] {
            #expect(Endpoint(text) == nil, "\(text)")
        }
    }

    @Test func aPortTakesConnectionsOrDoesNot() throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                #expect(bind(listener, $0, size) == 0 && listen(listener, 4) == 0)
                getsockname(listener, $0, &size)
            }
        }
        let place = try #require(Endpoint("tcp://127.0.0.1:\(UInt16(bigEndian: address.sin_port))"))

        #expect(place.findings("it").map(\.verdict) == [.good, .good])
        close(listener)
        let closed = place.findings("it")
        #expect(closed.map(\.verdict) == [.good, .bad] && closed.last?.message.contains("refused") == true)
    }

    @Test func aNameWithoutAnAddressIsSaid() throws {
        let place = try #require(Endpoint("tcp://no-such-name.invalid:7100"))
        let findings = place.findings("it")
        #expect(findings.map(\.verdict) == [.bad] && findings[0].message.contains("DNS"))
    }
}
