import NIOCore
import NIOHTTP1
import NIOHTTPTypesHTTP1

/// What HTTP/1 asks of servers and the framework leaves out, between the decoder and the framework's types.
///
/// A client that sends `Expect: 100-continue` waits for `100 Continue` before its body (RFC 9110, 10.1.1; curl waits a
/// second). One of HTTP/1.0 reads until the connection is closed (RFC 9112, 9.3). One that asks for a `HEAD` reads no
/// body, and would take one for the next answer (RFC 9110, 9.3.2).
private final class HTTP1Manners: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// Of requests that are not answered yet, whether they want the head alone.
    private var wantHeadAlone = CircularBuffer<Bool>()

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(var head) = unwrapInboundIn(data) else { return context.fireChannelRead(data) }
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
        case .end: _ = wantHeadAlone.popFirst()
        case .head, .body: break
        }
        context.write(data, promise: promise)
    }
}

/// Puts `HTTP1Manners` in its place, which is before the handlers that a configuration may add.
final class HTTP1MannersPlacing: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    func handlerAdded(context: ChannelHandlerContext) {
        do {
            let operations = context.pipeline.syncOperations
            let codec = try operations.handler(type: HTTP1ToHTTPServerCodec.self)
            try operations.addHandler(HTTP1Manners(), position: .before(codec))
        } catch { context.fireErrorCaught(error) }
    }
}
