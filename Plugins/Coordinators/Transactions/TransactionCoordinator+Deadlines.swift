public import WeirRuntime

extension TransactionCoordinator {
    /// How much one `advance` does.
    private static let dueMax = 500

    /// Aborts what timed out, and forgets ids that nobody uses.
    public mutating func advance(to time: CoordinatorTime) -> Effects<TransactionResponse, TransactionCommand> {
        lastTime = time
        var step = Step()
        if time.now >= timeoutsNotBefore { abortTimedOut(at: time, in: &step) }
        if time.now >= expirationsNotBefore { forgetExpired(at: time, in: &step) }
        return step
    }

    /// When `advance` has something to do next.
    public var nextDeadline: MonotonicTime? {
        let timeout = timeouts.next.map { max($0, timeoutsNotBefore) }
        let expiration = expirations.next.map { max($0, expirationsNotBefore) }
        guard let timeout, let expiration else { return timeout ?? expiration }
        return min(timeout, expiration)
    }

    /// Sets when something is due for an id, from what its record says; nothing is before `begin`.
    ///
    /// Records say when they were made by the wall clock. From here on the other one measures what is left, so that a
    /// wall clock that is set aborts nothing.
    mutating func setDeadlines(of id: String) {
        guard let time = lastTime else { return }
        timeouts.cancel(id)
        expirations.cancel(id)
        guard let metadata = entries[id]?.metadata else { return }
        switch metadata.state {
        case .ongoing:
            let timeout = Int64(metadata.timeoutMilliseconds)
            timeouts.set(id, to: time.after(timeout, since: metadata.startMilliseconds))
        case .empty, .completeCommit, .completeAbort:
            let timeout = settings.idExpirationMilliseconds
            expirations.set(id, to: time.after(timeout, since: metadata.updateMilliseconds))
        case .prepareCommit, .prepareAbort, .dead, .prepareEpochFence:
            break
        }
    }

    /// A producer that lets a transaction time out is fenced, so that what it still sends comes to nothing (KIP-98).
    private mutating func abortTimedOut(at time: CoordinatorTime, in step: inout Step) {
        for count in 0..<Self.dueMax {
            guard let id = timeouts.popDue(at: time.now) else {
                if count > 0 { timeoutsNotBefore = time.now + .milliseconds(settings.timeoutCheckMilliseconds) }
                return
            }
            fence(id, at: time, in: &step)
            step.cut()
        }
    }

    private mutating func forgetExpired(at time: CoordinatorTime, in step: inout Step) {
        for count in 0..<Self.dueMax {
            guard let id = expirations.popDue(at: time.now) else {
                if count > 0 { expirationsNotBefore = time.now + .milliseconds(settings.idExpirationCheckMilliseconds) }
                return
            }
            forget(id, in: &step)
            step.cut()
        }
    }
}

extension CoordinatorTime {
    /// The moment that is `duration` milliseconds after the wall clock said `start`; now, where that is past.
    ///
    /// A start in the future is taken for now: a wall clock that went back prolongs nothing.
    fileprivate func after(_ duration: Int64, since start: Int64) -> MonotonicTime {
        let elapsed = wallMilliseconds.subtractingReportingOverflow(start)
        guard !elapsed.overflow else { return now + .milliseconds(duration) }
        return now + .milliseconds(max(0, duration - max(0, elapsed.partialValue)))
    }
}
