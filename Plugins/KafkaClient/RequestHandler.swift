import KafkaWire
import NIOCore

/// A request on its way into the channel; `answer` is nil where none comes.
struct OutgoingRequest: Sendable {
    var header: RequestHeader
    var body: ByteBuffer
    var answer: EventLoopPromise<ByteBuffer>?
    /// How long the answer may take, once it is the next one to come.
    var timeout: TimeAmount
}

/// Cuts length-prefixed frames.
struct FrameDecoder: ByteToMessageDecoder {
    typealias InboundOut = ByteBuffer
    /// No answer that we ask for is larger.
    private static let frameSizeBytesMax: Int32 = 256 << 20

    mutating func decode(
        context: ChannelHandlerContext, buffer: inout ByteBuffer
    ) throws -> DecodingState {
        guard let size = buffer.getInteger(at: buffer.readerIndex, as: Int32.self) else { return .needMoreData }
        guard size >= 4, size <= Self.frameSizeBytesMax else {
            throw ClientError(.unsupported, "the other side announced a frame of \(size) bytes; is it a Kafka broker?")
        }
        guard buffer.readableBytes >= 4 + Int(size) else { return .needMoreData }
        buffer.moveReaderIndex(forwardBy: 4)
        guard let frame = buffer.readSlice(length: Int(size)) else { return .needMoreData }
        context.fireChannelRead(wrapInboundOut(frame))
        return .continue
    }
}

/// Numbers requests, gives each answer to who waits for it, and closes when one is late. Confined to its loop.
final class RequestHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = OutgoingRequest
    typealias OutboundOut = ByteBuffer

    private struct Waiting {
        var header: RequestHeader
        var answer: EventLoopPromise<ByteBuffer>
        var timeout: TimeAmount
        var deadline: NIODeadline
    }

    private let address: BrokerAddress
    private var waiting = CircularBuffer<Waiting>()
    private var lastCorrelationID: Int32 = 0
    /// One timer at most, for the answer that is next; it looks again when it fires.
    private var timer: Scheduled<Void>?

    init(_ address: BrokerAddress) {
        self.address = address
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        var request = unwrapOutboundIn(data)
        lastCorrelationID = lastCorrelationID == .max ? 1 : lastCorrelationID + 1
        request.header.correlationId = lastCorrelationID
        // The head of the frame is small; the body goes behind it without being copied.
        var head = context.channel.allocator.buffer(capacity: 64)
        head.writeInteger(Int32(0))
        do {
            try request.header.write(to: &head)
        } catch {
            promise?.fail(error)
            return
        }
        head.setInteger(Int32(head.readableBytes - 4 + request.body.readableBytes), at: 0)
        if let answer = request.answer {
            waiting.append(
                Waiting(
                    header: request.header, answer: answer, timeout: request.timeout,
                    deadline: context.eventLoop.now + request.timeout))
            watch(context)
        }
        context.write(wrapOutboundOut(head), promise: nil)
        context.write(wrapOutboundOut(request.body), promise: promise)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var frame = unwrapInboundIn(data)
        guard let request = waiting.popFirst() else {
            return fail(context, ClientError(.unsupported, "\(address) sent an answer that nobody asked for"))
        }
        if let next = waiting.first {
            waiting[waiting.startIndex].deadline = max(next.deadline, context.eventLoop.now + next.timeout)
        }
        do {
            let header = try ResponseHeader.read(
                from: &frame, api: request.header.requestApiKey, version: request.header.requestApiVersion)
            guard header.correlationId == request.header.correlationId else {
                throw ClientError(
                    .unsupported,
                    "\(address) answered request \(header.correlationId) where \(request.header.correlationId) was next"
                )
            }
            request.answer.succeed(frame)
        } catch {
            request.answer.fail(error)
            fail(context, error)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(context, error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        timer = nil
        failAll(ClientError(.disconnected, "\(address) closed the connection"))
        context.fireChannelInactive()
    }

    private func watch(_ context: ChannelHandlerContext) {
        guard timer == nil, let deadline = waiting.first?.deadline else { return }
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(deadline: deadline) {
            let (handler, context) = bound.value
            handler.timer = nil
            handler.look(context)
        }
    }

    private func look(_ context: ChannelHandlerContext) {
        guard let late = waiting.first else { return }
        guard late.deadline <= context.eventLoop.now else { return watch(context) }
        let seconds = Double(late.timeout.nanoseconds / 1_000_000) / 1_000
        fail(
            context,
            ClientError(
                .disconnected, "\(address) did not answer \(late.header.requestApiKey) within \(seconds) s"))
    }

    private func fail(_ context: ChannelHandlerContext, _ error: any Error) {
        failAll(error)
        context.close(promise: nil)
    }

    private func failAll(_ error: any Error) {
        while let request = waiting.popFirst() { request.answer.fail(error) }
    }
}
