import Foundation
import HTTPTypes
import Testing

@testable import AdminAPI

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// What the table does not know is refused, on every route of it.
@Suite struct AdminRouteChecksTests {
    private static func failure(
        _ method: String, _ path: String, at url: URL, body: String? = nil
    ) async throws -> (status: Int, message: String) {
        let (response, data) = try await AdminRouteTests.answer(method, path, at: url, token: "secret", body: body)
        return (response.statusCode, (try? JSONDecoder().decode(AdminFailure.self, from: data))?.message ?? "")
    }

    @Test func unknownAndDoubledParametersAreNamed() async throws {
        try await AdminRouteTests.serving { url in
            for route in AdminRouteTests.routes {
                let unknown = try await Self.failure(route.method.rawValue, route.path + "?dryrun=true", at: url)
                #expect(unknown.status == 400, "\(route.method) \(route.path)")
                #expect(unknown.message.hasPrefix("dryrun: is not a parameter here"), "\(unknown.message)")
                for parameter in route.parameters {
                    let doubled = try await Self.failure(
                        route.method.rawValue, route.path + "?\(parameter.name)=1&\(parameter.name)=2", at: url)
                    #expect(doubled.status == 400 && doubled.message == "\(parameter.name): is given twice")
                }
            }
            let known = try await Self.failure("DELETE", "/v1/policies/b0?dryRun", at: url)
            #expect(known.status == 400 && known.message == "dryRun: is true or false")
            #expect(try await Self.failure("GET", "/v1/boards?", at: url).status == 200)
        }
    }

    @Test func fieldsThatNoBodyHasAreNamed() async throws {
        try await AdminRouteTests.serving { url in
            for route in AdminRouteTests.routes {
                let answer = try await Self.failure(
                    route.method.rawValue, route.path, at: url, body: #"{"oddity":1}"#)
                let expected =
                    route.body == nil ? "this path takes no body" : "oddity: is not a field of this body"
                #expect(answer.status == 400 && answer.message == expected, "\(route.method) \(route.path)")
            }
        }
    }

    private static func message(_ text: String, _ schema: String) -> String? {
        do { try JSONFieldCheck.check(Data(text.utf8), against: .reference(schema)) } catch { return error.message }
        return nil
    }

    @Test(arguments: [
        (#"{"uses":1,"validSeconds":2}"#, nil),
        (#" { "uses" : 1 , "validSeconds" : [ {"any":1}, {"any":1} ] } "#, nil),
        (#"{"uses":1,"uses":2}"#, "uses: is given twice"),
        (#"{"uses":1,"\u0075ses":2}"#, "uses: is given twice"),
        (#"{"uses":1,"label":{}}"#, "label: is not a field of this body"),
        (#"{"uses":"a\"}b","more":1}"#, "more: is not a field of this body"),
    ])
    func fieldsOfABody(text: String, message: String?) { #expect(Self.message(text, "TokenRequest") == message) }

    @Test func fieldsWithinFieldsAreCheckedToo() {
        #expect(Self.message(#"{"selector":{"a":"b","any":"c"}}"#, "KeyRotationRequest") == nil)
        #expect(
            Self.message(#"{"selector":{"a":"b","a":"c"}}"#, "KeyRotationRequest") == "selector.a: is given twice")
        #expect(
            Self.message(#"{"file":"f","artefact":{"kind":"k","size":1}}"#, "RolloutRequest")
                == "artefact.size: is not a field of this body")
    }

    @Test(arguments: [
        "", " ", "{", "[", #"{"uses""#, #"{"uses":"#, #"{"uses":}"#, #"{"uses":1,}"#, #"{"uses":1}x"#, #"{"uses":"a\"#,
        #"{uses:1}"#, "[1 2]", String(repeating: "[", count: 100_000), "{\"us\\xes\":1}",
    ])
    func whatIsNoJSONIsRefused(text: String) {
        #expect(Self.message(text, "TokenRequest") == "the body is not the JSON that this path takes")
    }
}
