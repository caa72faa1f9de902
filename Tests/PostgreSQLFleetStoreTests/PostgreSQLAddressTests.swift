import Files
import Foundation
import PostgreSQLFleetStore
import Testing

@Suite struct PostgreSQLAddressTests {
    private static let strings = [
        ("host=db.example port=5433 dbname=fleet user=shoal password=hush", "postgresql://db.example:5433/fleet"),
        ("postgresql://shoal:hush@db.example:5433/fleet?sslmode=verify-full", "postgresql://db.example:5433/fleet"),
        ("dbname=fleet password='hush'", "postgresql:///fleet"),
    ]

    @Test(arguments: strings)
    func namesTheDatabaseAndNoSecret(string: String, name: String) throws {
        let address = try #require(PostgreSQLAddress(string))
        #expect("\(address)" == name)
        #expect(String(reflecting: address) == name)
        var dumped = ""
        dump(address, to: &dumped)
        #expect(!dumped.contains("hush"))
    }

    @Test(arguments: ["", "host", "postgresql://[", "password=hush colour=red", "dbname=a\0b"])
    func whatLibpqCannotReadIsRefused(string: String) {
        #expect(PostgreSQLAddress(string) == nil)
    }

    @Test func aFileOfItsOwnerIsRead() throws {
        let path = FileManager.default.temporaryDirectory.path + "/address-\(UUID())"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try PrivateFile.write(Array("dbname=fleet\n".utf8), to: path)
        #expect(try PostgreSQLAddress(file: path).description == "postgresql:///fleet")

        try PrivateFile.write(Array("nonsense hush\n".utf8), to: path)
        let failure = #expect(throws: PrivateFileFailure.self) { try PostgreSQLAddress(file: path) }
        #expect(failure.map { !"\($0)".contains("hush") } == true)

        chmod(path, 0o644)
        #expect(throws: PrivateFileFailure.self) { try PostgreSQLAddress(file: path) }
    }
}
