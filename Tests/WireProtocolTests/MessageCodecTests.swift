import FleetModel
import SearchSpace
import Testing
import WireProtocol

@Suite struct MessageCodecTests {
    private let codec = MessageCodec()
    private let header = SampleMessages.header

    @Test(arguments: Message.Code.allCases)
    func everyMessageComesBackAsItWas(code: Message.Code) throws {
        let message = try SampleMessages.message(of: code)

        let frame = try codec.encode(message, header: header)
        let (decodedHeader, decoded) = try codec.decode(header: frame.header, payload: frame.payload)

        #expect(message.code == code)
        #expect(decodedHeader == header)
        #expect(decoded == message)
    }

    /// Old frames stay readable and new ones keep their bytes; a change here is a change of the protocol.
    @Test(arguments: Message.Code.allCases)
    func everyFrameHasItsGoldenBytes(code: Message.Code) throws {
        let golden = try #require(GoldenFrames.payloads[code], "no golden frame for \(code)")

        let frame = try codec.encode(try SampleMessages.message(of: code), header: header)

        let size = hexadecimal([UInt8(frame.payload.count >> 8), UInt8(frame.payload.count & 0xFF)])
        #expect(
            hexadecimal(frame.header)
                == "01" + hexadecimal([code.rawValue]) + "0102030405060708" + "1112131415161718" + "0000" + size)
        #expect(hexadecimal(frame.payload) == golden)
    }

    @Test(arguments: Message.Code.allCases)
    func truncationAtEveryByteIsRefused(code: Message.Code) throws {
        let frame = try codec.encode(try SampleMessages.message(of: code), header: header)

        for count in 0..<frame.header.count {
            #expect(throws: DecodingFailure.truncated(needed: MessageCodec.headerBytes, available: count)) {
                try codec.decode(header: Array(frame.header.prefix(count)), payload: frame.payload)
            }
        }
        for count in 0..<frame.payload.count {
            #expect(throws: DecodingFailure.truncated(needed: frame.payload.count, available: count)) {
                try codec.decode(header: frame.header, payload: Array(frame.payload.prefix(count)))
            }
        }
    }

    /// Cut payloads whose header agrees with them reach the parser, which must hold by itself.
    @Test(arguments: Message.Code.allCases)
    func truncationWithAFittingHeaderNeverYieldsTheSameMessage(code: Message.Code) throws {
        let message = try SampleMessages.message(of: code)
        let payload = try codec.payload(of: message)

        for count in 0..<payload.count {
            let cut = codec.header(header, code: code, payloadBytes: count)
            let decoded = try? codec.decode(header: cut, payload: Array(payload.prefix(count)))
            #expect(decoded?.1 != message, "cut to \(count) bytes")
        }
    }

    @Test func bytesBehindTheEndAreRefused() throws {
        let frame = try codec.encode(.heartbeat, header: header)

        #expect(throws: DecodingFailure.trailingBytes(1)) {
            try codec.decode(header: frame.header + [0], payload: frame.payload)
        }
        #expect(throws: DecodingFailure.trailingBytes(1)) {
            try codec.decode(header: frame.header, payload: frame.payload + [0])
        }
    }

    @Test func otherVersionsAndCodesAreRefused() throws {
        let frame = try codec.encode(.heartbeat, header: header)
        var later = frame.header
        later[0] = 2
        var unknown = frame.header
        unknown[1] = 200

        #expect(throws: DecodingFailure.unsupportedVersion(2)) { try codec.decode(header: later, payload: []) }
        #expect(throws: DecodingFailure.unknownCode(200)) { try codec.decode(header: unknown, payload: []) }
    }

    @Test func sizeIsCheckedBeforeAnythingIsParsed() throws {
        let limit = FleetLimits.payloadBytes

        #expect(throws: DecodingFailure.oversized(count: limit + 1, limit: limit)) {
            try codec.decode(header: [], payload: [UInt8](repeating: 0xFF, count: limit + 1))
        }
        let full = codec.header(header, code: .heartbeat, payloadBytes: limit)
        #expect(throws: DecodingFailure.malformed(field: "payload")) {
            try codec.decode(header: full, payload: [UInt8](repeating: 0xFF, count: limit))
        }
    }

    @Test func fieldsOfALaterVersionAreSkipped() throws {
        let later: [UInt8] = [0xF8, 0x07, 0x01]  // field 127, varint 1

        let head = codec.header(header, code: .heartbeat, payloadBytes: later.count)
        #expect(try codec.decode(header: head, payload: later).1 == .heartbeat)
    }

    @Test func twentyThousandMutationsNeverCrash() throws {
        let seed: UInt64 = 20_260_101
        var generator = SeededGenerator(seed: seed)
        var frames: [Frame] = []
        for code in Message.Code.allCases {
            frames.append(try codec.encode(try SampleMessages.message(of: code), header: header))
        }
        var refused = 0
        var accepted = 0

        for round in 0..<20_000 {
            var frame = frames[round % frames.count]
            // The version byte is left alone, so that mutations get past it.
            frame.header = mutated(frame.header, keeping: 1, using: &generator)
            frame.payload = mutated(frame.payload, keeping: 0, using: &generator)
            if Bool.random(using: &generator) {
                frame.header = codec.header(
                    header, code: Message.Code.allCases[round % frames.count],
                    payloadBytes: frame.payload.count)
            }
            do {
                let (_, message) = try codec.decode(header: frame.header, payload: frame.payload)
                // What is accepted is within the limits that a sender is held to.
                _ = try codec.payload(of: message)
                accepted += 1
            } catch is DecodingFailure {
                refused += 1
            }
        }

        #expect(refused > 5_000, "seed \(seed)")
        #expect(accepted > 500, "seed \(seed)")
    }

    private func mutated(
        _ bytes: [UInt8], keeping kept: Int, using generator: inout SeededGenerator
    ) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 0...3, using: &generator) where bytes.count > kept {
            let position = Int.random(in: kept..<bytes.count, using: &generator)
            switch Int.random(in: 0..<5, using: &generator) {
            case 0: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 1: bytes[position] = UInt8.random(in: 0...255, using: &generator)
            case 2: bytes.remove(at: position)
            case 3: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: position)
            default: bytes.replaceSubrange(position..., with: bytes[kept...position])
            }
        }
        return bytes
    }
}

func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
