import KafkaWire
import Logging
import NIOCore
import WeirRuntime
import WorkTracking

/// One client connection: frames in, requests begun in order, responses out in order.
///
/// Requests are begun as they arrive (stage one: appends of one connection keep their order), are completed
/// whenever they are (stage two), and answered in the order of the requests. What the connection holds is bounded:
/// over its limits it stops reading, and TCP tells the client.
///
/// `@unchecked Sendable`: everything mutable is confined to `loop`, which is the channel's.
final class ConnectionHandler: ChannelDuplexHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    typealias Ticket = ResponseQueue.Ticket

    /// When a closing connection closes.
    enum ClosePoint {
        /// When what was begun before is answered.
        case earlierResponses
        /// Now.
        case now
    }

    enum Phase {
        case serving
        /// Nothing new is begun; closes when the queue is empty.
        case closing
        /// The last response left; waits for the client to close its side.
        case lingering
        case closed
    }

    let loop: any Loop
    let limits: ConnectionLimits
    let logger: Logger
    let processBytes: HeldBytes
    let probe: KafkaProbe
    let server: any RequestServing

    /// Called when the connection is gone; set by the request that waits longest, a parked fetch.
    var onClosed: (() -> Void)?
    /// Where the next fetch begins among its partitions; moves on with what each one gave.
    var fetchTurn = 0
    var phase = Phase.serving
    var context: ChannelHandlerContext?
    var decoder: FrameDecoder
    var queue = ResponseQueue()
    /// Whether it was told to end: it closes as soon as it holds no request.
    var isTold = false
    var session: Session?
    /// Ticket of the request that nothing may overtake.
    private var barrier: Ticket?
    /// Ticket of the request of which there may be one at a time.
    private var single: Ticket?
    private var isDispatching = false
    private var isFlushQueued = false
    private var isReadWithheld = false
    private var isOverBytes = false
    private var isWaitingForProcess = false
    /// Bytes of large responses that were written and have not left.
    var bytesLeaving = 0
    /// Completes when the last large response has left.
    var onLeft: (() -> Void)?
    var lastActivity = MonotonicTime(nanoseconds: 0)
    var frameDeadline: MonotonicTime?
    var timer: (any ScheduledCallback)?
    var timerDeadline: MonotonicTime?
    /// Who the client is, for logs.
    var peer = "?"
    /// Whether a member of a group speaks here, which is to stay one while the node restarts.
    var hasMember = false
    /// Where the client's end is; empty where the channel does not say.
    var remoteAddress = (host: "", port: "")
    /// What the client said it is.
    var software = ClientSoftware()
    /// Where this node is, for clients of the listener.
    var endpoint: BrokerEndpoint
    /// Requests that are answered with a timeout, oldest first.
    var expiries = CircularBuffer<Expiry>()
    var expiryTimer: (any ScheduledCallback)?

    init(
        server: any RequestServing, loop: any Loop, limits: ConnectionLimits, processBytes: HeldBytes,
        endpoint: BrokerEndpoint, probe: KafkaProbe, logger: Logger
    ) {
        self.endpoint = endpoint
        self.server = server
        self.loop = loop
        self.limits = limits
        self.processBytes = processBytes
        self.probe = probe
        self.logger = logger
        decoder = FrameDecoder(frameSizeBytesMax: limits.requestSizeBytesMax)
    }

    // MARK: Channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { open() }
    }

    func channelActive(context: ChannelHandlerContext) {
        open()
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        finish()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        finish()
        self.context = nil
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        logger.debug("connection failed", metadata: ["peer": "\(peer)", "error": "\(error)"])
        context.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        // What a client sends after its end is read and dropped, so that closing does not reset the connection
        // and take the last responses with it.
        guard phase == .serving else { return }
        lastActivity = loop.now
        probe.bytesIn(bytes.readableBytes)
        processBytes.add(bytes.readableBytes)
        decoder.append(bytes)
        dispatch()
    }

    func read(context: ChannelHandlerContext) {
        if mayRead { context.read() } else { isReadWithheld = true }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { goOn() }
        context.fireChannelWritabilityChanged()
    }

    // MARK: Requests

    func isWaiting(_ ticket: Ticket) -> Bool { queue.isWaiting(ticket) }

    /// Completes a request; responses leave together at the end of the burst.
    func complete(_ ticket: Ticket, with response: ByteBuffer?) {
        loop.preconditionIsCurrent()
        guard queue.complete(ticket, with: response) else { return }
        processBytes.add(response?.readableBytes ?? 0)
        if queue.isFrontCompleted { queueFlush() }
    }

    /// Begins the requests that are there, as far as the limits let it.
    private func dispatch() {
        // A handler that answers at once may lead back here; the outer call goes on.
        if isDispatching { return }
        isDispatching = true
        defer { isDispatching = false }
        while phase == .serving, mayBegin(decoder.frontKey) {
            do {
                guard let frame = try decoder.next() else { break }
                try begin(frame)
            } catch {
                close(after: .earlierResponses, because: "\(error)")
            }
        }
        noteProgressOfFrame()
    }

    private func begin(_ frame: ByteBuffer) throws {
        let ticket = queue.reserve(bytesHeld: frame.readableBytes + 4)
        do {
            switch try server.serve(frame, Reply(connection: self, ticket: ticket)) {
            case .pipelined: break
            case .single: single = ticket
            case .barrier: barrier = ticket
            }
        } catch {
            queue.complete(ticket, with: nil)
            throw error
        }
        if queue.bytesHeld > limits.connectionBytesMax { isOverBytes = true }
    }

    /// Whether a request of `key` may be begun now.
    private func mayBegin(_ key: Int16?) -> Bool {
        if isOverBytes || queue.count >= limits.outstandingRequestsMax { return false }
        if let barrier, queue.isWaiting(barrier) { return false }
        if key == ApiKey.fetch.rawValue, let single, queue.holds(single) { return false }
        return context?.channel.isWritable ?? false
    }

    // MARK: Reading

    private var mayRead: Bool {
        switch phase {
        case .closed: return false
        case .closing, .lingering: return true
        case .serving: break
        }
        // A complete frame that was not begun waits for a limit: reading more would only pile up.
        if isOverBytes || decoder.hasFrame || !(context?.channel.isWritable ?? false) { return false }
        if processBytes.isOverLimit, queue.bytesHeld + decoder.bytesHeld > ConnectionHandler.alwaysAllowedBytes {
            waitForProcess()
            return false
        }
        return true
    }

    /// What a connection may hold even when the process is over its limit, so that small requests are served.
    private static let alwaysAllowedBytes = 65_536

    private func waitForProcess() {
        if isWaitingForProcess { return }
        isWaitingForProcess = true
        processBytes.whenHalfFree { [self] in
            loop.execute { [self] in
                isWaitingForProcess = false
                goOn()
            }
        }
    }

    /// Begins and reads again what a limit held back.
    func goOn() {
        guard phase != .closed else { return }
        if isOverBytes, queue.bytesHeld <= limits.connectionBytesMax / 2 { isOverBytes = false }
        dispatch()
        if isReadWithheld, mayRead, let context {
            isReadWithheld = false
            context.read()
        }
    }

    // MARK: Responses

    func queueFlush() {
        if isFlushQueued { return }
        isFlushQueued = true
        loop.atEndOfBurst { [self] in flush() }
    }

    /// Writes all responses whose turn it is, in one flush.
    private func flush() {
        isFlushQueued = false
        guard let context, phase != .closed else { return }
        var small: ByteBuffer?
        var bytesOut = 0
        while let completion = queue.next() {
            processBytes.remove(completion.bytesHeld)
            guard let response = completion.response else { continue }
            bytesOut += response.readableBytes
            if response.readableBytes > 4096 {
                if let gathered = small.take() { context.write(wrapOutboundOut(gathered), promise: nil) }
                writeLarge(response, context)
            } else {
                processBytes.remove(response.readableBytes)
                if small == nil { small = response } else { small?.writeImmutableBuffer(response) }
            }
        }
        if let small { context.write(wrapOutboundOut(small), promise: nil) }
        forgetExpiries()
        if bytesOut > 0 {
            probe.bytesOut(bytesOut)
            context.flush()
        }
        if queue.isEmpty, phase == .closing || isTold { endOutput() } else { goOn() }
    }

    private func writeLarge(_ response: ByteBuffer, _ context: ChannelHandlerContext) {
        let count = response.readableBytes
        bytesLeaving += count
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { [self] _ in
            bytesLeaving -= count
            processBytes.remove(count)
            if bytesLeaving == 0 { onLeft.take()?() }
        }
        context.write(wrapOutboundOut(response), promise: written)
    }
}
