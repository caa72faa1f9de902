import Files
import Foundation
import Messaging
import Testing

@Suite struct KeyFileTests {
    private func mode(_ path: String) throws -> Int {
        try #require(FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
    }

    @Test func firstStartMakesAPairThatLaterStartsFind() async throws {
        try await withScratchFile("server.key") { path in
            let made = try CurveKeyPair.loadOrCreate(at: path)

            #expect(try CurveKeyPair.loadOrCreate(at: path) == made)
            #expect(try mode(path) == 0o600)
            let folder = URL(filePath: path).deletingLastPathComponent().path
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["server.key"])
        }
    }

    @Test func aFileOpenToOthersIsRefused() async throws {
        try await withScratchFile("server.key") { path in
            try CurveKeyPair.generate().save(to: path)
            try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path)

            do {
                _ = try CurveKeyPair.load(from: path)
                Issue.record("loaded")
            } catch let failure as PrivateFileFailure {
                #expect(
                    failure.description
                        == "The file \(path) has mode 640 and must not be open to others; set it to 600.")
            }
        }
    }

    @Test func brokenKeyFilesAreRefused() async throws {
        try await withScratchFile("server.key") { path in
            let (one, other) = (try CurveKeyPair.generate(), try CurveKeyPair.generate())
            try one.save(to: path)
            let text = try String(contentsOfFile: path, encoding: .utf8)
            let broken = [
                "", "{}", String(text.dropLast(20)), text.replacing(one.publicKey.z85, with: other.publicKey.z85),
                #"{"publicKey":"short","secretKey":"short"}"#, String(repeating: " ", count: 20_000),
            ]

            for content in broken {
                try Data(content.utf8).write(to: URL(filePath: path))
                try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
                #expect(throws: PrivateFileFailure.self, "\(content.prefix(60))") {
                    try CurveKeyPair.load(from: path)
                }
            }
            #expect(throws: PrivateFileFailure.self) { try CurveKeyPair.load(from: path + ".absent") }
        }
    }

    @Test func theSecretHalfIsNotShown() async throws {
        try await withScratchFile("server.key") { path in
            let pair = try CurveKeyPair.generate()
            try pair.save(to: path)
            let content = try JSONDecoder().decode(
                [String: String].self, from: Data(contentsOf: URL(filePath: path)))

            #expect(!"\(pair)".contains(try #require(content["secretKey"])))
        }
    }

    @Test func publicKeysAre40CharactersInZ85() throws {
        let key = try CurveKeyPair.generate().publicKey

        #expect(PublicKey(z85: key.z85) == key)
        #expect(PublicKey(z85: String(key.z85.dropLast())) == nil)
        #expect(PublicKey(z85: key.z85 + "0") == nil)
        #expect(PublicKey(z85: String(repeating: "~", count: 40)) == nil)
        #expect(PublicKey(z85: String(repeating: "#", count: 40)) == nil, "over 32 bits per group")
    }

    @Test func bundlesComeBackAndAreKeptSecret() async throws {
        try await withScratchFile("bundle.json") { path in
            let bundle = EnrolmentBundle(
                enrolmentEndpoint: "tcp://10.0.0.1:7701", fleetEndpoint: "tcp://10.0.0.1:7700",
                serverPublicKey: try CurveKeyPair.generate().publicKey, token: "token")

            try bundle.save(to: path)

            #expect(try EnrolmentBundle.load(from: path) == bundle)
            #expect(try mode(path) == 0o600)
            #expect(bundle.allFleetEndpoints == ["tcp://10.0.0.1:7700"])
            try FileManager.default.setAttributes([.posixPermissions: 0o604], ofItemAtPath: path)
            #expect(throws: PrivateFileFailure.self) { try EnrolmentBundle.load(from: path) }
        }
    }

    /// Of several coordinators: older agents read the single addresses, and what else is told is no matter.
    @Test func bundlesNameAllCoordinators() async throws {
        try await withScratchFile("bundle.json") { path in
            let key = try CurveKeyPair.generate().publicKey
            let text = """
                {"enrolmentEndpoint": "tcp://a:7701", "enrolmentEndpoints": ["tcp://b:7701", "tcp://a:7701"],
                 "fleetEndpoint": "tcp://a:7700", "fleetEndpoints": ["tcp://a:7700", "tcp://b:7700", "tcp://b:7700"],
                 "expiresAtMilliseconds": 1, "serverPublicKey": "\(key)", "token": "t"}
                """
            try PrivateFile.write(Array(text.utf8), to: path)

            let bundle = try EnrolmentBundle.load(from: path)

            #expect(bundle.fleetEndpoint == "tcp://a:7700")
            #expect(bundle.allFleetEndpoints == ["tcp://a:7700", "tcp://b:7700"])
            #expect(bundle.allEnrolmentEndpoints == ["tcp://a:7701", "tcp://b:7701"])
        }
    }
}
