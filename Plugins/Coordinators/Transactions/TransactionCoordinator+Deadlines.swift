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
        guard let lastTime else { return nil }
        let timeout = timeouts.first.map { max(lastTime.monotonic(of: $0), timeoutsNotBefore) }
        let expiration = expirations.first.map { max(lastTime.monotonic(of: $0), expirationsNotBefore) }
        guard let timeout, let expiration else { return timeout ?? expiration }
        return min(timeout, expiration)
    }

    /// When a transaction times out; nil: none is open.
    func timeout(of metadata: TransactionMetadata) -> Int64? {
        guard metadata.state == .ongoing else { return nil }
        return metadata.startMilliseconds.saturatingAdd(Int64(metadata.timeoutMilliseconds))
    }

    /// When an id is forgotten; nil: it has a transaction.
    func expiration(of metadata: TransactionMetadata) -> Int64? {
        guard metadata.state == .empty || metadata.state.isComplete else { return nil }
        return metadata.updateMilliseconds.saturatingAdd(settings.idExpirationMilliseconds)
    }

    /// A producer that lets a transaction time out is fenced, so that what it still sends comes to nothing (KIP-98).
    private mutating func abortTimedOut(at time: CoordinatorTime, in step: inout Step) {
        var count = 0
        while count < Self.dueMax, let (id, due) = timeouts.removeFirst(dueBy: time.wallMilliseconds) {
            guard let entry = entries[id], entry.queuedTimeout == due else { continue }
            entries[id]?.queuedTimeout = nil
            guard let real = timeout(of: entry.metadata), real <= time.wallMilliseconds else {
                queue(id)
                continue
            }
            count += 1
            fence(id, at: time, in: &step)
        }
        guard count > 0, count < Self.dueMax else { return }
        timeoutsNotBefore = time.now + .milliseconds(settings.timeoutCheckMilliseconds)
    }

    private mutating func forgetExpired(at time: CoordinatorTime, in step: inout Step) {
        var count = 0
        while count < Self.dueMax, let (id, due) = expirations.removeFirst(dueBy: time.wallMilliseconds) {
            guard let entry = entries[id], entry.queuedExpiration == due else { continue }
            entries[id]?.queuedExpiration = nil
            guard let real = expiration(of: entry.metadata), real <= time.wallMilliseconds else {
                queue(id)
                continue
            }
            count += 1
            forget(id, in: &step)
        }
        guard count > 0, count < Self.dueMax else { return }
        expirationsNotBefore = time.now + .milliseconds(settings.idExpirationCheckMilliseconds)
    }
}

extension CoordinatorTime {
    /// When the wall clock, as it is now, will say `milliseconds`; now, where it has.
    fileprivate func monotonic(of milliseconds: Int64) -> MonotonicTime {
        guard milliseconds > wallMilliseconds else { return now }
        return now + .milliseconds(milliseconds.saturatingAdd(-wallMilliseconds))
    }
}

extension Int64 {
    fileprivate func saturatingAdd(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }
}
