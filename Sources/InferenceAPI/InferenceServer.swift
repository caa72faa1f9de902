import HTTPServing
import HTTPTypes
public import Hummingbird
public import HummingbirdCore
import Logging
import NIOCore

/// The endpoint for programs on the same board: the Open Inference Protocol, version 2, over HTTP, with the binary
/// tensor data extension. It has no token: bind it to a loopback address or a Unix socket.
///
///     GET  /v2   /v2/health/live   /v2/health/ready
///     GET  /v2/models/NAME[/versions/1]   /v2/models/NAME[/versions/1]/ready
///     POST /v2/models/NAME[/versions/1]/infer
///
/// A HEAD is answered as a GET, without the body. Another method at one of these is answered with 405 and what the path
/// takes (`Allow`).
public struct InferenceServer: Sendable {
    /// 8 MiB holds thirteen 224x224 images of 32-bit floats.
    static let limits = HTTPLimits(bodyBytes: 8 << 20, connections: 32)
    static let headerLength = HTTPField.Name("Inference-Header-Content-Length")

    private let models: any ModelServing
    private let version: String

    /// - Parameter version: of the server, for its metadata.
    public init(_ models: any ModelServing, version: String) {
        self.models = models
        self.version = version
    }

    /// - Parameter onBound: called once with the port in use; 0 for a Unix socket.
    public func application(
        at address: BindAddress, onBound: @escaping @Sendable (Int) async -> Void = { _ in }
    ) -> some ApplicationProtocol {
        Self.limits.application(router(), at: address, onBound: onBound)
    }

    public func router() -> Router<BasicRequestContext> {
        let router = Router(context: BasicRequestContext.self)
        router.add(middleware: RefusalMiddleware())
        let (models, version) = (models, version)
        Self.take(.get, at: "v2", router) { _, _ in
            try Response.json(ServerMetadata(version: version, extensions: ["binary_tensor_data"]))
        }
        Self.take(.get, at: "v2/health/live", router) { _, _ in try Response.json(["live": true]) }
        Self.take(.get, at: "v2/health/ready", router) { _, _ in
            let isReady = models.models != nil
            return try Response.json(["ready": isReady], status: isReady ? .ok : .serviceUnavailable)
        }
        for prefix in ["v2/models/:name", "v2/models/:name/versions/:version"] {
            Self.take(.get, at: prefix, router) { _, context in
                try Response.json(ModelMetadata(try model(context)))
            }
            Self.take(.get, at: prefix + "/ready", router) { _, context in
                try Response.json(ModelReadiness(name: try model(context).name))
            }
            Self.take(.post, at: prefix + "/infer", router) { request, context in
                try await infer(request, on: try model(context))
            }
        }
        return router
    }

    /// A path with the one method that it takes, and HEAD where that is GET; others are told which.
    private static func take(
        _ method: HTTPRequest.Method, at path: String, _ router: Router<BasicRequestContext>,
        _ answer: @escaping @Sendable (Request, BasicRequestContext) async throws -> Response
    ) {
        // The connection leaves out the body where a head was asked for.
        let taken: [HTTPRequest.Method] = method == .get ? [.get, .head] : [method]
        for method in taken { router.on(RouterPath(path), method: method, use: answer) }
        for other in [.get, .head, .post, .put, .patch, .delete] as [HTTPRequest.Method] where !taken.contains(other) {
            router.on(RouterPath(path), method: other) { request, _ in
                let sentence = "\(request.uri.path): takes \(method.rawValue)"
                var refusal = try Response.json(["error": sentence], status: .methodNotAllowed)
                refusal.headers[.allow] = taken.map(\.rawValue).joined(separator: ", ")
                return refusal
            }
        }
    }

    private func model(_ context: BasicRequestContext) throws -> ServedModel {
        let name = try context.parameters.require("name")
        guard let loaded = models.models else {
            throw InferenceRefusal(.unavailable, "the models are still being loaded")
        }
        guard let model = loaded.first(where: { $0.name == name }) else {
            throw InferenceRefusal(.unknown, "there is no model \(name.debugDescription)")
        }
        let version = context.parameters.get("version") ?? ServedModel.version
        guard version == ServedModel.version else {
            throw InferenceRefusal(.unknown, "\(name) has no version \(version.debugDescription)")
        }
        return model
    }

    private func infer(_ request: Request, on model: ServedModel) async throws -> Response {
        let encoding = request.headers[.contentEncoding] ?? "identity"
        guard encoding == "identity" else {
            throw InferenceRefusal(.malformed, "the content encoding \(encoding.debugDescription) is not taken")
        }
        let length = try Self.headerLength.flatMap { request.headers[$0] }.map { text throws(InferenceRefusal) in
            guard let length = Int(text), length >= 0 else {
                throw InferenceRefusal(.malformed, "Inference-Header-Content-Length is no size")
            }
            return length
        }
        let buffer: ByteBuffer
        do { buffer = try await request.collectedBody(within: Self.limits) } catch {
            throw InferenceRefusal(error == .cutOff ? .malformed : .tooLarge, error.description)
        }
        let asked = try InferenceRequest(Array(buffer.readableBytesView), headerLength: length, for: model)
        let answer = try InferenceAnswer(try await models.infer(asked, on: model), to: asked, of: model)
        var response = Response(
            status: .ok, headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(bytes: answer.body)))
        if let length = answer.headerLength, let name = Self.headerLength {
            response.headers[.contentType] = "application/octet-stream"
            response.headers[name] = String(length)
        }
        return response
    }
}

private struct ServerMetadata: Encodable {
    var name = "shoal"
    var version: String
    var extensions: [String]
}

private struct ModelReadiness: Encodable {
    var name: String
    var ready = true
}

/// Inputs are alternatives: a request carries one of them.
private struct ModelMetadata: Encodable {
    struct Tensor: Encodable {
        var name: String
        var datatype: String
        var shape: [Int]
    }
    var name: String
    var versions = [ServedModel.version]
    var platform = "shoal"
    var inputs: [Tensor]
    var outputs: [Tensor]

    init(_ model: ServedModel) {
        name = model.name
        // Clients send all that is named here; the other two stand for it, one at a time.
        let input = ModelInput.image
        inputs = [
            Tensor(name: input.rawValue, datatype: input.datatype, shape: input.shape(channels: model.channels))
        ]
        outputs = [
            Tensor(name: ModelOutput.name, datatype: ModelOutput.datatype, shape: [-1, model.outputCount])
        ]
    }
}

/// Turns refusals into answers; nothing of the inside gets out.
private struct RefusalMiddleware<Context: RequestContext>: RouterMiddleware {
    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let refusal as InferenceRefusal {
            return try .json(["error": refusal.message], status: refusal.status)
        } catch let error as any HTTPResponseError {
            return try .json(["error": "\(request.uri.path): no such path"], status: error.status)
        } catch {
            context.logger.error("request failed", metadata: ["path": "\(request.uri.path)", "error": "\(error)"])
            return try .json(["error": "the agent could not do this"], status: .internalServerError)
        }
    }
}

extension InferenceRefusal {
    var status: HTTPResponse.Status {
        switch kind {
        case .malformed: .badRequest
        case .unknown: .notFound
        case .tooLarge: .contentTooLarge
        case .unavailable: .serviceUnavailable
        case .failed: .internalServerError
        }
    }
}
