import Foundation
import Testing

@testable import InferenceAPI

@Suite struct JSONReaderTests {
    private func reader(_ text: String) -> JSONReader { JSONReader(Array(text.utf8)) }

    private func isTaken(_ text: String) -> Bool {
        var reader = reader(text)
        do {
            try reader.skip()
            try reader.expectEnd()
            return true
        } catch { return false }
    }

    @Test(arguments: [
        "0", "-0", "10", "1.5", "-1.5e+10", "1E-2", "[]", "[1, 2]", "{}", #"{"a": [true, false, null]}"#, #""a\"\\é""#,
        #""😀""#, " [ 1 ] ",
    ])
    func takesWhatTheGrammarAllows(text: String) { #expect(isTaken(text)) }

    @Test(arguments: [
        "", "01", "-", "1.", ".5", "1e", "+1", "NaN", "Infinity", "-Infinity", "[1,]", "[1 2]", "{", "}", "[", "]",
        #"{"a" 1}"#, #"{"a": 1,}"#, #"{"a": 1, "a": 2}"#, #"{a: 1}"#, #""a"#, #""\x""#, #""\ud83d""#,
        #""\ud83d\u0041""#,
        "\"\n\"", "nul", "1 2", "tru", "0x10", "1_000",
    ])
    func refusesWhatItDoesNot(text: String) { #expect(!isTaken(text)) }

    @Test func limitsHold() {
        #expect(isTaken(String(repeating: "[", count: 16) + String(repeating: "]", count: 16)))
        #expect(!isTaken(String(repeating: "[", count: 17) + String(repeating: "]", count: 17)))
        #expect(!isTaken(String(repeating: "[", count: 1_000_000)))
        #expect(isTaken("\"" + String(repeating: "a", count: 1_024) + "\""))
        #expect(!isTaken("\"" + String(repeating: "a", count: 1_025) + "\""))
        #expect(isTaken(String(repeating: "1", count: 64)))
        #expect(!isTaken(String(repeating: "1", count: 65)))
    }

    @Test func numbersAreThoseOfTheStandardLibrary() throws {
        for text in ["0", "7", "123456789012345", "1234567890123456789", "0.1", "-2.5e-3", "1e308", "4.9e-324"] {
            var reader = reader(text)
            #expect(try reader.number() == Double(text))
        }
        for text in ["1e309", "-1e999"] {
            var reader = reader(text)
            #expect(throws: InferenceRefusal.self) { try reader.number() }
        }
        var large = reader("9223372036854775808")
        #expect(throws: InferenceRefusal.self) { try large.integer() }
    }

    @Test func escapesBecomeCharacters() throws {
        var reader = reader(#""\u00e9\ud83d\ude00\n\/""#)
        #expect(try reader.string() == "é😀\n/")
    }
}
