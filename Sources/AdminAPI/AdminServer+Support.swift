import Foundation
import HTTPServing
import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// A JSON answer with sorted keys.
struct Answer<Value: Encodable & Sendable>: ResponseGenerator {
    let value: Value

    init(_ value: Value) { self.value = value }

    func response(from request: Request, context: some RequestContext) throws -> Response {
        try .json(value, status: .ok)
    }
}

extension Request {
    func number(_ name: String, within range: ClosedRange<Int>) throws(AdminFailure) -> Int? {
        guard let text = uri.queryParameters[Substring(name)] else { return nil }
        guard let value = Int(text), range.contains(value) else {
            throw AdminFailure(
                .invalid, "\(name)=\(text): give a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    /// - Throws: `AdminFailure` for a body that is too large, cut off, or not as the schema says.
    func body<Value: Decodable>(
        as type: Value.Type, _ schema: Schema?, _ context: some RequestContext
    ) async throws -> Value {
        let buffer: ByteBuffer
        do { buffer = try await collectedBody(within: AdminServer.limits) } catch {
            throw AdminFailure(error == .cutOff ? .invalid : .tooLarge, error.description)
        }
        // Nothing says as much as an object without fields.
        let data = buffer.readableBytes == 0 ? Data("{}".utf8) : Data(buffer.readableBytesView)
        if let schema { try JSONFieldCheck.check(data, against: schema) }
        do { return try JSONDecoder().decode(type, from: data) } catch {
            throw JSONFieldCheck.malformed
        }
    }
}

/// Turns failures into answers; nothing of the inside gets out.
struct FailureMiddleware<Context: RequestContext>: RouterMiddleware {
    let paths: PathMethods
    let observe: AdminServer.Observer

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        var response = try await answer(request, context, next)
        if response.status == .unauthorized { response.headers[.wwwAuthenticate] = "Bearer" }
        let isKnown = !paths.allowed(at: request.uri.path).isEmpty
        observe(request.method.rawValue, isKnown ? context.endpointPath ?? "none" : "none", response.status.code)
        return response
    }

    private func answer(
        _ request: Request, _ context: Context, _ next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let failure as AdminFailure {
            return try .json(failure, status: failure.status)
        } catch let error as any HTTPResponseError {
            let methods = paths.allowed(at: request.uri.path)
            guard error.status == .notFound, !methods.isEmpty else {
                return try .json(AdminFailure(.notFound, "\(request.uri.path): no such path"), status: error.status)
            }
            let list = methods.map(\.rawValue).joined(separator: ", ")
            var refusal = try Response.json(
                AdminFailure(.wrongMethod, "\(request.uri.path): takes \(list)"), status: .methodNotAllowed)
            refusal.headers[.allow] = list
            return refusal
        } catch {
            context.logger.error("request failed", metadata: ["path": "\(request.uri.path)", "error": "\(error)"])
            return try .json(
                AdminFailure(.unavailable, "the coordinator could not do this"), status: .internalServerError)
        }
    }
}

extension AdminFailure {
    var status: HTTPResponse.Status {
        switch kind {
        case .invalid: .badRequest
        case .unauthorized: .unauthorized
        case .forbidden: .forbidden
        case .wrongMethod: .methodNotAllowed
        case .notFound: .notFound
        case .tooLarge: .contentTooLarge
        case .unavailable: .serviceUnavailable
        }
    }
}
