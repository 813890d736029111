import Logging
import NIOCore
import WeirRuntime
import WorkTracking

/// How a connection begins, is timed out, and ends.
extension ConnectionHandler {
    func open() {
        guard session == nil, phase == .serving else { return }
        peer = context?.remoteAddress.map { "\($0)" } ?? "?"
        remoteAddress = (context?.remoteAddress?.ipAddress ?? "", context?.remoteAddress?.port.map { "\($0)" } ?? "")
        lastActivity = loop.now
        guard let session = server.connectionOpened(self) else {
            phase = .closing
            context?.close(promise: nil)
            return
        }
        self.session = consume session
        armTimer()
    }

    /// Lets go of everything: the channel is closed.
    func finish() {
        guard phase != .closed else { return }
        phase = .closed
        timer?.cancel()
        timer = nil
        processBytes.remove(decoder.bytesHeld + queue.bytesHeld + queue.responseBytesHeld)
        decoder = FrameDecoder(frameSizeBytesMax: limits.requestSizeBytesMax)
        queue.removeAll()
        expiryTimer?.cancel()
        expiries.removeAll()
        onClosed.take()?()
        onLeft = nil
        server.connectionClosed(self)
        session.take()?.close()
    }

    /// Tells the connection to end: what was begun is answered, then it closes.
    func tellEnd() {
        loop.preconditionIsCurrent()
        guard phase == .serving, !isTold else { return }
        isTold = true
        if queue.isEmpty { endOutput() }
    }

    /// Keeps the connection of a member, for its signs of life, until the node stops: it is not told to end, and what
    /// counted it among those that a drain waits for is let go.
    func keepForMember(_ lasting: consuming Session) {
        loop.preconditionIsCurrent()
        guard phase == .serving, session != nil else { return }
        session = consume lasting
    }

    /// The client's address as Kafka writes it: `/127.0.0.1`.
    var clientHost: String { "/" + (context?.remoteAddress?.ipAddress ?? "") }

    /// Ends the connection for a reason that the log tells.
    func close(after point: ClosePoint, because reason: String) {
        guard phase == .serving else { return }
        logger.info("closing a connection", metadata: ["peer": "\(peer)", "reason": "\(reason)"])
        phase = .closing
        switch point {
        case .now: context?.close(promise: nil)
        case .earlierResponses: if queue.isEmpty { endOutput() } else { queueFlush() }
        }
    }

    /// Closes without waiting for anything: the soft deadline of a drain passed.
    func cancel() {
        loop.preconditionIsCurrent()
        context?.close(promise: nil)
    }

    /// The last response was written. A client that was just talking gets the end of the stream and a moment to
    /// close its side: closing at once would reset the connection, and could take the last response with it.
    func endOutput() {
        guard let context, phase == .serving || phase == .closing else { return }
        let isQuiet = bytesLeaving == 0 && loop.now - lastActivity > .seconds(1)
        if isQuiet {
            phase = .closing
            context.close(promise: nil)
            return
        }
        phase = .lingering
        if bytesLeaving > 0 {
            replaceTimer(at: loop.now + limits.drainWriteMax) { $0.cancel() }
            onLeft = { [self] in linger() }
        } else {
            linger()
        }
        goOn()
    }

    private func linger() {
        guard phase == .lingering, let context else { return }
        context.close(mode: .output, promise: nil)
        replaceTimer(at: loop.now + limits.drainLingerMax) { $0.cancel() }
    }

    // MARK: Deadlines

    /// Notes when a frame began to arrive that is not complete: it has a deadline of its own.
    func noteProgressOfFrame() {
        guard phase == .serving, decoder.bytesHeld > 0, !decoder.hasFrame else {
            frameDeadline = nil
            return
        }
        guard frameDeadline == nil else { return }
        let deadline = limits.frameDeadline(announced: decoder.announcedLength ?? 0, since: loop.now)
        frameDeadline = deadline
        if timerDeadline.map({ $0 > deadline }) ?? true { armTimer() }
    }

    /// One timer a connection, set to the earliest deadline and looked at when it fires.
    private func armTimer() {
        let idle = limits.idleMax.map { lastActivity + $0 }
        guard let deadline = [idle, frameDeadline].compactMap({ $0 }).min() else { return }
        replaceTimer(at: deadline) { $0.timerFired() }
    }

    private func replaceTimer(at deadline: MonotonicTime, _ body: @escaping @Sendable (ConnectionHandler) -> Void) {
        timer?.cancel()
        timerDeadline = deadline
        timer = loop.schedule(at: deadline) { [weak self] in
            guard let self, phase != .closed else { return }
            timerDeadline = nil
            body(self)
        }
    }

    private func timerFired() {
        guard phase == .serving else { return }
        if let frameDeadline, loop.now >= frameDeadline {
            close(after: .now, because: "a request took too long to arrive")
        } else if queue.isEmpty, let idleMax = limits.idleMax, loop.now - lastActivity >= idleMax {
            close(after: .now, because: "idle for longer than connections.max.idle.ms")
        } else {
            if !queue.isEmpty { lastActivity = loop.now }
            armTimer()
        }
    }

    // MARK: Requests that wait too long

    /// Calls `body` once `delay` has passed and the request still waits.
    ///
    /// One timer serves all of them, and it is set anew only when it fired: a request costs none.
    func expire(_ ticket: Ticket, after delay: Duration, _ body: @escaping () -> Void) {
        let deadline = loop.now + delay
        expiries.append(Expiry(ticket: ticket, deadline: deadline, body: body))
        if expiryTimer == nil { armExpiryTimer(at: deadline) }
    }

    /// Forgets the oldest requests that are answered.
    func forgetExpiries() {
        while let first = expiries.first, !queue.isWaiting(first.ticket) { expiries.removeFirst() }
    }

    private func armExpiryTimer(at deadline: MonotonicTime) {
        expiryTimer = loop.schedule(at: deadline) { [weak self] in self?.expiryTimerFired() }
    }

    private func expiryTimerFired() {
        expiryTimer = nil
        guard phase != .closed else { return }
        let now = loop.now
        let due = expiries.filter { $0.deadline <= now && queue.isWaiting($0.ticket) }
        for expiry in due { expiry.body() }
        expiries.removeAll { !queue.isWaiting($0.ticket) }
        if let next = expiries.map(\.deadline).min() { armExpiryTimer(at: next) }
    }
}

/// A request that is answered with a timeout unless it is answered before.
struct Expiry {
    let ticket: ConnectionHandler.Ticket
    let deadline: MonotonicTime
    let body: () -> Void
}
