import NIOCore
import NIOHTTP1
import NIOHTTPTypesHTTP1

/// What HTTP/1 asks of servers and the framework leaves out, between the decoder and the framework's types.
///
/// A client that sends `Expect: 100-continue` waits for `100 Continue` before its body (RFC 9110, 10.1.1; curl waits a
/// second). One of HTTP/1.0 reads until the connection is closed (RFC 9112, 9.3). One that asks for a `HEAD` reads no
/// body, and would take one for the next answer (RFC 9110, 9.3.2).
///
/// A request of HTTP/1.1 names the host that it is for, once (RFC 9112, 3.2); one that does not is answered with 400.
///
/// A body has to be there in time as a whole: single bytes would keep a connection from being idle for ever. What of a
/// body still comes after its answer is read and dropped, so that the client gets to reading (RFC 9112, 9.6).
private final class HTTP1Manners: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// Of requests that are not answered yet, whether they want the head alone.
    private var wantHeadAlone = CircularBuffer<Bool>()
    private var hasBegunAnswer = false
    private let bodyTime: TimeAmount
    /// While a body is coming.
    private var deadline: Scheduled<Void>?
    private var isDroppingBody = false
    /// After a request that has no place here: nothing more is read.
    private var hasRefused = false

    init(bodyTime: TimeAmount) { self.bodyTime = bodyTime }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !hasRefused else { return }
        switch unwrapInboundIn(data) {
        case .head(let head) where Self.lacksHost(head): refuse(context)
        case .head(let head): read(head, context)
        case .body: if !isDroppingBody { context.fireChannelRead(data) }
        case .end:
            endBody()
            context.fireChannelRead(data)
        }
    }

    private static func lacksHost(_ head: HTTPRequestHead) -> Bool {
        head.version.major == 1 && head.version.minor >= 1 && head.headers["host"].count != 1
    }

    /// Answers to earlier requests that are still due are given up with the connection.
    private func refuse(_ context: ChannelHandlerContext) {
        hasRefused = true
        guard wantHeadAlone.isEmpty else { return context.close(promise: nil) }
        answer(.badRequest, context)
    }

    /// Without a body, and as the last one of the connection.
    private func answer(_ status: HTTPResponseStatus, _ context: ChannelHandlerContext) {
        let head = HTTPResponseHead(
            version: .http1_1, status: status, headers: ["connection": "close", "content-length": "0"])
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        context.close(promise: nil)
    }

    private func read(_ received: HTTPRequestHead, _ context: ChannelHandlerContext) {
        var head = received
        if head.headers.contains(name: "content-length") || head.headers.contains(name: "transfer-encoding") {
            deadline = context.eventLoop.assumeIsolated().scheduleTask(in: bodyTime) { self.giveUp(context) }
        }
        wantHeadAlone.append(head.method == .HEAD)
        let isOld = head.version.major < 1 || (head.version.major == 1 && head.version.minor == 0)
        if head.headers[canonicalForm: "expect"].contains(where: { $0.lowercased() == "100-continue" }) {
            let answer = HTTPResponseHead(version: head.version, status: .continue)
            if !isOld { context.writeAndFlush(wrapOutboundOut(.head(answer)), promise: nil) }
        }
        if isOld { head.headers.replaceOrAdd(name: "connection", value: "close") }
        context.fireChannelRead(wrapInboundOut(.head(head)))
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .body where wantHeadAlone.first == true: return promise?.succeed() ?? ()
        case .end:
            _ = wantHeadAlone.popFirst()
            hasBegunAnswer = false
            isDroppingBody = wantHeadAlone.isEmpty && deadline != nil
        case .head: hasBegunAnswer = true
        case .body: break
        }
        context.write(data, promise: promise)
        // Nobody else asks for what is dropped.
        if isDroppingBody { context.read() }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        if isDroppingBody { context.read() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        endBody()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { endBody() }

    private func endBody() {
        deadline?.cancel()
        deadline = nil
        isDroppingBody = false
    }

    /// Says why if no other answer has begun or is due before.
    private func giveUp(_ context: ChannelHandlerContext) {
        endBody()
        guard wantHeadAlone.count == 1, !hasBegunAnswer else { return context.close(promise: nil) }
        answer(.requestTimeout, context)
    }
}

/// Puts `HTTP1Manners` in its place, which is before the handlers that a configuration may add.
final class HTTP1MannersPlacing: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    private let bodyTime: TimeAmount

    /// - Parameter bodyTime: within which the whole body of a request has to come.
    init(bodyTime: TimeAmount) { self.bodyTime = bodyTime }

    func handlerAdded(context: ChannelHandlerContext) {
        do {
            let operations = context.pipeline.syncOperations
            let codec = try operations.handler(type: HTTP1ToHTTPServerCodec.self)
            try operations.addHandler(HTTP1Manners(bodyTime: bodyTime), position: .before(codec))
        } catch { context.fireErrorCaught(error) }
    }
}
