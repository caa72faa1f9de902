import FrameSocket
import Glibc
import Testing

@Suite struct FramePacketTests {
    private static let frame = FrameRequest.Frame(
        id: 0x0102, model: "eye", offset: 4_096, height: 28, width: 30, layout: .interleavedBytes,
        deadlineMicroseconds: 33_000, sensors: ["lux": 0.5, "heat": -2])
    private static let requests: [FrameRequest] = [.attach(id: 7), .frame(frame)]
    private static let answers = [
        FrameAnswer(id: 9, operatingPoint: 3, latencyMilliseconds: 1.5, values: [1, -.infinity, 0.25]),
        FrameAnswer(id: 9, refused: .unavailable, "später"),
    ]

    @Test func packetsComeBackAsTheyWere() throws {
        for request in Self.requests { #expect(try FrameRequest(try #require(request.encoded())[...]) == request) }
        for answer in Self.answers { #expect(FrameAnswer(answer.encoded()[...]) == answer) }
    }

    /// What clients in other languages write.
    @Test func bytesAreAsDocumented() throws {
        #expect(
            try #require(FrameRequest.attach(id: 7).encoded())
                == Array("SHF1".utf8) + [1, 0, 1, 0, 7, 0, 0, 0, 0, 0, 0, 0])
        let bytes = try #require(FrameRequest.frame(Self.frame).encoded())
        #expect(Array(bytes[6..<10]) == [2, 0, 2, 1] && Array(bytes[16..<18]) == [0, 16])
        #expect(Array(bytes[24..<36]) == [28, 0, 0, 0, 30, 0, 0, 0, 0xE8, 0x80, 0, 0])
        #expect(Array(bytes[36..<44]) == [1, 3, 2, 0] + Array("eye".utf8) + [4])
        #expect(Array(Self.answers[0].encoded()[..<24]).count == 24 && Self.answers[0].encoded().count == 32 + 12)
    }

    @Test func everyTruncationAndEveryExtraByteIsRefused() throws {
        for bytes in try Self.requests.map({ try #require($0.encoded()) }) {
            for count in 0..<bytes.count {
                #expect(throws: FrameRefusal.unreadable) { try FrameRequest(bytes[..<count]) }
            }
            #expect(throws: FrameRefusal.unreadable) { try FrameRequest((bytes + [0])[...]) }
        }
        for bytes in Self.answers.map({ $0.encoded() }) {
            for count in 0..<bytes.count { #expect(FrameAnswer(bytes[..<count]) == nil) }
            #expect(FrameAnswer((bytes + [0])[...]) == nil)
        }
    }

    /// Whoever sends such a frame learns which one it was, and why.
    @Test func sensorsThatNoFrameCanHaveAreRefusedWithItsID() throws {
        var frame = Self.frame
        frame.sensors = ["heat": .nan, "lux": 0.5]
        let bytes = try #require(FrameRequest.frame(frame).encoded())
        let refusal = #expect(throws: FrameRefusal.self) { try FrameRequest(bytes[...]) }
        #expect(refusal?.id == 0x0102 && refusal?.isReadable == true)
        #expect(refusal?.reason == "the sensor \"heat\" is nan, which is no value")
        // A part of it is no packet, whatever its values are.
        for count in 0..<bytes.count {
            #expect(throws: FrameRefusal.unreadable) { try FrameRequest(bytes[..<count]) }
        }
        frame.sensors = ["heat": 1, "lux1": 2]
        let doubled = try #require(FrameRequest.frame(frame).encoded()).split(separator: Array("lux1".utf8))
        let twice = doubled.joined(separator: Array("heat".utf8))
        let second = #expect(throws: FrameRefusal.self) { try FrameRequest(Array(twice)[...]) }
        #expect(second?.id == 0x0102 && second?.reason == "the sensor \"heat\" is given twice")
    }

    @Test func framesThatAreWholeAreRefusedWithTheirID() throws {
        let bytes = try #require(FrameRequest.frame(Self.frame).encoded())
        func refusal(_ change: (inout [UInt8]) -> Void) -> FrameRefusal? {
            var changed = bytes
            change(&changed)
            return #expect(throws: FrameRefusal.self) { try FrameRequest(changed[...]) }
        }
        // Bytes 36 to 39 are the layout, the length of the name, the number of sensors and 0.
        let layout = refusal { $0[36] = 3 }
        #expect(layout?.id == 0x0102 && layout?.isReadable == true)
        #expect(layout?.reason == "the layout 3 is none of 0, 1, 2")
        let many = refusal { bytes in
            bytes[38] = 33
            for index in 0..<31 { bytes += [2, 65, 65 + UInt8(index)] + [UInt8](repeating: 0, count: 8) }
        }
        #expect(many?.id == 0x0102 && many?.isReadable == true && many?.reason == "33 sensors; the limit is 32")
        #expect(refusal { $0[38] = 33 } == .unreadable, "the sensors are not there")
        #expect(refusal { $0[39] = 1 } == .unreadable)
    }

    @Test func randomBytesDoNoHarm() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("seed \(seed)")
        var state = seed | 1
        func random() -> UInt8 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 40)
        }
        let whole = try #require(FrameRequest.frame(Self.frame).encoded())
        var read = 0
        for _ in 0..<50_000 {
            var bytes = whole
            for _ in 0..<1 + Int(random() % 4) { bytes[Int(random()) % bytes.count] = random() }
            if case .frame(let frame)? = try? FrameRequest(bytes[...]) {
                read += 1
                #expect(frame.sensors.values.allSatisfy(\.isFinite) && !frame.model.isEmpty)
            }
        }
        #expect(read > 0, "some damage changes values only")
    }

    @Test func limitsAreKept() {
        var frame = Self.frame
        frame.sensors = Dictionary(
            uniqueKeysWithValues: (0...FrameRequest.sensorLimit).map { ("s\($0)", 1) })
        #expect(FrameRequest.frame(frame).encoded() == nil)
        frame.sensors = [:]
        frame.model = String(repeating: "m", count: 256)
        #expect(FrameRequest.frame(frame).encoded() == nil)
        let long = FrameAnswer(id: 1, refused: .failed, String(repeating: "x", count: 5_000))
        #expect(FrameAnswer(long.encoded()[...])?.reason.count == FrameAnswer.reasonLimit)
    }
}

/// One at a time: what one closes, another would be given.
@Suite(.serialized) struct ForeignMemoryTests {
    /// The same file by a number that no other test is given for what it opens: whether that one was closed can be
    /// asked while they run.
    private static func outOfTheWay(_ descriptor: Int32) -> Int32 {
        #expect(descriptor >= 0)
        let moved = fcntl(descriptor, F_DUPFD_CLOEXEC, 900)
        #expect(moved >= 900)
        close(descriptor)
        return moved
    }

    @Test func onlyMemoryIsTaken() throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        for opened in [
            ends[0], ends[1], open("/dev/zero", O_RDONLY), open("/proc/self/status", O_RDONLY), open("/", O_RDONLY),
            socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0),
        ] {
            let descriptor = Self.outOfTheWay(opened)
            #expect(throws: ForeignMemory.Refusal.notMemory, "\(opened)") { try ForeignMemory(descriptor) }
            #expect(fcntl(descriptor, F_GETFD) == -1, "\(opened) was closed")
        }
        for descriptor: Int32 in [9_999, -1] {
            #expect(throws: ForeignMemory.Refusal.notMemory, "\(descriptor)") { try ForeignMemory(descriptor) }
        }
    }

    @Test func memoryThatMayOnlyBeWrittenIsSaidToBe() throws {
        let shared = try SharedMemory(count: 64)
        let descriptor = Self.outOfTheWay(open("/proc/self/fd/\(shared.descriptor)", O_WRONLY))
        #expect(throws: ForeignMemory.Refusal.notReadable) { try ForeignMemory(descriptor) }
        #expect(fcntl(descriptor, F_GETFD) == -1, "it was closed")
    }

    @Test func memoryIsReadWithinItsBoundsAndAfterItWasCutShort() throws {
        let shared = try SharedMemory(count: 8_192)
        shared.bytes[5_000] = 77
        let foreign = try ForeignMemory(dup(shared.descriptor))
        #expect(foreign.read(count: 8_192, at: 0)?[5_000] == 77)
        #expect(foreign.read(count: 192, at: 8_000)?.count == 192)
        #expect(foreign.read(count: 193, at: 8_000) == nil)
        #expect(foreign.read(count: 1, at: .max) == nil && foreign.read(count: 1, at: UInt64(Int64.max)) == nil)
        #expect(ftruncate(shared.descriptor, 100) == 0)
        #expect(foreign.read(count: 8_192, at: 0) == nil && foreign.read(count: 100, at: 0)?.count == 100)
    }
}
