import Synchronization

/// Those who wait for a slot of a gate with a limit, first come, first served. Bounded.
final class AdmissionQueue: Sendable {
    struct Waiter: Sendable {
        let access: Access
        let answer: @Sendable (Answer) -> Void
    }

    enum Answer: Sendable {
        case admitted
        case refused(WorkRejected.Reason)
        /// The waiter left the queue by itself.
        case withdrawn
    }

    struct Line: Sendable {
        /// By position; positions are given in order, and the ones that left are missing.
        var waiters: [UInt64: Waiter] = [:]
        var first: UInt64 = 1
        var next: UInt64 = 1
        /// Whether somebody is handing out slots: he goes on until there is nothing more to hand out.
        var isSettling = false

        /// The waiter who came first.
        mutating func front() -> Waiter? {
            while first < next {
                if let waiter = waiters[first] { return waiter }
                first += 1
            }
            return nil
        }

        mutating func removeFront() {
            waiters.removeValue(forKey: first)
            first += 1
        }

        /// Takes out all who would write, in their order.
        mutating func removeWriters() -> [Waiter] {
            let positions = waiters.filter { $0.value.access == .write }.keys.sorted()
            return positions.compactMap { waiters.removeValue(forKey: $0) }
        }

        mutating func append(_ waiter: Waiter) -> UInt64 {
            waiters[next] = waiter
            next += 1
            return next - 1
        }
    }

    let countMax: Int
    let line = Guarded(Line())

    init(countMax: Int) {
        self.countMax = countMax
    }

    var count: Int { line.withLock { $0.waiters.count } }
}

/// A place in the queue of a gate.
public final class QueuePlace: Sendable {
    private let gate: Gate
    /// 0 until the place is taken; written under the queue's lock.
    let position = Atomic<UInt64>(0)

    init(gate: Gate) {
        self.gate = gate
    }

    /// Leaves the queue, if still in it: then the callback is not called any more.
    ///
    /// - Returns: Whether the place was given up; false where the callback was, or is being, called.
    @discardableResult
    public func leave() -> Bool {
        gate.withdraw(self) != nil
    }
}

/// Waiting at the limit.
extension Gate {
    /// Admits one operation; at the limit it waits for its turn.
    ///
    /// - Throws: `WorkRejected` where the gate is closed, read-only, has no limit to wait at, or its queue is full;
    ///   `CancellationError` where the task is cancelled while it waits: then it left the queue.
    public func enterWaiting(_ access: Access = .write) async throws -> Permit {
        if !admitAtOnce(access) { try await admitWaiting(access) }
        return Permit(gate: .passUnretained(self))
    }

    @usableFromInline
    func admitWaiting(_ access: Access) async throws {
        let place = QueuePlace(gate: self)
        let answer = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<AdmissionQueue.Answer, Never>) in
                let answer = join(place, access, .askLineage) { continuation.resume(returning: $0) }
                if let answer { return continuation.resume(returning: answer) }
                // A cancellation before the line above found nobody in the queue.
                if Task.isCancelled { withdraw(place)?.answer(.withdrawn) }
            }
        } onCancel: {
            withdraw(place)?.answer(.withdrawn)
        }
        switch answer {
        case .admitted: return
        case .refused(let reason): throw reject(reason)
        case .withdrawn: throw CancellationError()
        }
    }

    /// Admits one operation for event-loop code; at the limit `admitted` is called when its turn came.
    ///
    /// `admitted` is called once: at once on this thread where there is a slot or a refusal, otherwise on the thread
    /// that ended an operation or closed the gate. Hop to your own loop in it, and do little.
    ///
    /// - Returns: The place in the queue; nil where the answer was given at once.
    @discardableResult
    public func enterWaiting(
        _ access: Access = .write,
        _ admitted: @escaping @Sendable (consuming Result<Permit, WorkRejected>) -> Void
    ) -> QueuePlace? {
        let place = QueuePlace(gate: self)
        let reply: @Sendable (AdmissionQueue.Answer) -> Void = { [self] answer in
            switch answer {
            case .admitted: admitted(.success(Permit(gate: .passUnretained(self))))
            case .refused(let reason): admitted(.failure(reject(reason)))
            case .withdrawn: break
            }
        }
        guard let answer = join(place, access, .askLineage, reply) else { return place }
        reply(answer)
        return nil
    }

    /// Admits, refuses, or puts into the queue; nil says that `answer` will be called.
    private func join(
        _ place: QueuePlace, _ access: Access, _ standing: Standing,
        _ answer: @escaping @Sendable (AdmissionQueue.Answer) -> Void
    ) -> AdmissionQueue.Answer? {
        switch tryAdmit(access, standing) {
        case .admitted: return .admitted
        case .refused(let reason):
            guard reason == .overLimit, let queue else { return .refused(reason) }
            let refusal = queue.line.withLock { line -> WorkRejected.Reason? in
                guard line.waiters.count < queue.countMax else { return .overLimit }
                // Whoever leaves from here on sees that somebody waits; who left before is seen when settling.
                let old = word.bitwiseOr(GateWord.waiting, ordering: .acquiringAndReleasing).oldValue
                // Who made the gate read-only in between took the writers out before this one came.
                if access == .write, GateWord(bits: old).isReadOnly {
                    clearWaitingIfEmpty(&line)
                    return .readOnly
                }
                let position = line.append(AdmissionQueue.Waiter(access: access, answer: answer))
                place.position.store(position, ordering: .relaxed)
                return nil
            }
            if let refusal { return .refused(refusal) }
            settleQueue()
            return nil
        }
    }

    /// Takes a waiter out of the queue, if it is still in it.
    @discardableResult
    func withdraw(_ place: QueuePlace) -> AdmissionQueue.Waiter? {
        queue?.line.withLock { line in
            let waiter = line.waiters.removeValue(forKey: place.position.load(ordering: .relaxed))
            clearWaitingIfEmpty(&line)
            return waiter
        }
    }

    /// Hands free slots to those who came first, and answers those who cannot be let in any more.
    ///
    /// Called by whoever may have changed the answer: who left, closed or joined. One at a time: what an answer
    /// changes is seen by the one who settles already, so that answers which end at once do not pile up on the stack.
    func settleQueue() {
        guard let queue else { return }
        var isFirst = true
        while true {
            let settled = queue.line.withLock { line -> (AdmissionQueue.Waiter, AdmissionQueue.Answer)? in
                if isFirst, line.isSettling { return nil }
                line.isSettling = false
                guard let waiter = line.front(), let answer = settle(waiter) else { return nil }
                line.removeFront()
                line.isSettling = true
                clearWaitingIfEmpty(&line)
                return (waiter, answer)
            }
            guard let settled else { return }
            isFirst = false
            settled.0.answer(settled.1)
        }
    }

    /// Refuses all who wait to write.
    func refuseQueuedWriters() {
        guard let queue else { return }
        let writers = queue.line.withLock { line in
            let writers = line.removeWriters()
            clearWaitingIfEmpty(&line)
            return writers
        }
        for writer in writers { writer.answer(.refused(.readOnly)) }
        settleQueue()
    }

    /// Answers the first waiter, if there is an answer: a free slot is his (started + 1, and in flight again).
    private func settle(_ waiter: AdmissionQueue.Waiter) -> AdmissionQueue.Answer? {
        var old = word.load(ordering: .acquiring)
        while true {
            let found = GateWord(bits: old)
            if found.isClosed { return .refused(.draining) }
            if found.isReadOnly, waiter.access == .write { return .refused(.readOnly) }
            guard old & GateWord.inFlightMask < limit else { return nil }
            let result = word.weakCompareExchange(
                expected: old, desired: old &+ GateWord.oneEntry,
                successOrdering: .acquiringAndReleasing, failureOrdering: .acquiring)
            if result.exchanged {
                noteAdmission(found)
                return .admitted
            }
            old = result.original
        }
    }

    private func clearWaitingIfEmpty(_ line: inout AdmissionQueue.Line) {
        guard line.waiters.isEmpty else { return }
        word.bitwiseAnd(~GateWord.waiting, ordering: .acquiringAndReleasing)
    }
}
