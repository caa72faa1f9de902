import FleetModel
import Testing
import WireProtocol

@Suite struct ReplayGuardTests {
    private var guardian = ReplayGuard<String>(peerLimit: 2)

    private func header(_ session: UInt64, _ sequence: UInt64) -> FrameHeader {
        FrameHeader(session: session, sequence: sequence)
    }

    @Test mutating func sequenceMustRiseWithinASession() {
        #expect(guardian.frameReceived(header(1, 5), from: "a") == .fresh)
        #expect(guardian.frameReceived(header(1, 5), from: "a") == .replayed)
        #expect(guardian.frameReceived(header(1, 4), from: "a") == .replayed)
        #expect(guardian.frameReceived(header(1, 9), from: "a") == .fresh)
    }

    @Test mutating func peersAreKeptApart() {
        #expect(guardian.frameReceived(header(1, 5), from: "a") == .fresh)
        #expect(guardian.frameReceived(header(1, 5), from: "b") == .fresh)
    }

    @Test mutating func aReplacedSessionStaysRefused() {
        #expect(guardian.frameReceived(header(1, 5), from: "a") == .fresh)
        #expect(guardian.frameReceived(header(2, 1), from: "a") == .fresh)
        #expect(guardian.frameReceived(header(1, 6), from: "a") == .superseded)
        #expect(guardian.frameReceived(header(2, 2), from: "a") == .fresh)
    }

    @Test mutating func rememberedSessionsAreBounded() {
        let limit = UInt64(FleetLimits.replacedSessions)
        for session in 0...limit { #expect(guardian.frameReceived(header(session, 1), from: "a") == .fresh) }
        #expect(guardian.frameReceived(header(0, 2), from: "a") == .superseded)

        #expect(guardian.frameReceived(header(limit + 1, 1), from: "a") == .fresh)
        #expect(guardian.frameReceived(header(1, 2), from: "a") == .superseded)
        #expect(guardian.frameReceived(header(0, 2), from: "a") == .fresh)
    }

    @Test mutating func peersAreBoundedAndForgotten() {
        #expect(guardian.frameReceived(header(1, 1), from: "a") == .fresh)
        #expect(guardian.frameReceived(header(1, 1), from: "b") == .fresh)
        #expect(guardian.frameReceived(header(1, 1), from: "c") == .peerLimitReached)

        guardian.forget("a")
        #expect(guardian.frameReceived(header(1, 1), from: "c") == .fresh)
    }
}
