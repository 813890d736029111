internal import NIOCore
public import ObjectStore
internal import SegmentLog
internal import Synchronization
internal import WeirRuntime

extension ObjectLog {
    /// Stores an object that is not there yet, and returns it with its resource version.
    public func create(_ object: Object) async throws -> Object {
        try await write(encoded(object, .create(object)))
    }

    /// Replaces an object, and returns the new one with its resource version.
    public func update(_ object: Object, if preconditions: Preconditions) async throws -> Object {
        try await write(encoded(object, .update(object, if: preconditions)))
    }

    /// Removes an object, and returns it as it was, with the resource version of its removal.
    public func delete(_ key: ObjectKey, if preconditions: Preconditions) async throws -> Object {
        try await write(ObjectWrite(.delete(if: preconditions), key: key))
    }

    /// A write with its record's bytes. Refuses what a record cannot carry, and what could not be read again.
    private func encoded(_ object: Object, _ verb: ObjectWrite.Verb) throws(ObjectError) -> ObjectWrite {
        let key = object.key
        let value = object.recordValue()
        if let fault = key.fault ?? object.fault(in: value) {
            throw .invalid(key, [ObjectError.Cause("metadata", fault)])
        }
        let write = ObjectWrite(verb, key: key, value: value)
        guard write.objectSizeBytes <= limits.objectSizeBytesMax else {
            throw ObjectError(
                .badRequest,
                "\(write.key) has \(write.objectSizeBytes) bytes; an object in the log may have "
                    + "\(limits.objectSizeBytesMax)")
        }
        return write
    }

    private func write(_ write: ObjectWrite) async throws -> Object {
        try await withCheckedThrowingContinuation { answer in
            let verdict: LogState.Verdict = state.withLock { state in
                guard state.phase == .open else { return .refused(.closed) }
                if let refusal = state.refusal { return .refused(refusal) }
                return state.log.accept(write, answer)
            }
            switch verdict {
            case .refused(let error): answer.resume(throwing: error)
            case .waits(wakes: true): log.loop.execute { self.appendBurst() }
            case .waits(wakes: false): break
            }
        }
    }

    // MARK: On the loop

    /// Appends what was accepted. One call a burst, whatever the number of writes.
    func appendBurst() {
        let size = log.sizeBytes
        let batches = state.withLock { $0.log.takeBurst(logSizeBytes: size) }
        for batch in batches {
            do throws(ObjectError) {
                guard try append(batch) else { continue }
            } catch {
                fail(from: batch.id, error)
                break
            }
        }
        goOn()
    }

    /// Whether it was appended; a batch without a record has nothing to wait for.
    private func append(_ batch: LogBatch) throws(ObjectError) -> Bool {
        guard let version = batch.firstVersion else {
            commit(batch)
            return false
        }
        let bytes: ByteBuffer
        do {
            bytes = try batch.encoded(wallMilliseconds: clock.wallMilliseconds)
        } catch {
            throw ObjectError(.internalError, "the object log's batch could not be made: \(error)")
        }
        let receipt: AppendReceipt
        do throws(LogError) {
            receipt = try log.append(bytes, until: .committed) { [self] result in
                switch result {
                case .success: commit(batch)
                case .failure(let error): fail(from: batch.id, Self.unavailable(error))
                }
                // Later: whoever was answered may have more to write.
                log.loop.execute { self.goOn() }
            }
        } catch {
            throw Self.unavailable(error)
        }
        guard ResourceVersion(UInt64(receipt.baseOffset) + 1) == version else {
            let refusal = ObjectError(
                .unavailable,
                "somebody else wrote to the object log (at offset \(receipt.baseOffset)); restart the node")
            state.withLock { $0.refusal = refusal }
            throw refusal
        }
        return true
    }

    /// Shows readers and watchers what is on the device, then answers.
    private func commit(_ batch: LogBatch) {
        let (entries, changes) = batch.outcome()
        let (isTaken, wakeups) = state.withLock { state in
            let isTaken = state.log.commit(batch, entries)
            // Under the lock, so that nobody sees a version that the hub does not know.
            return (isTaken, hub.record(isTaken ? changes : []))
        }
        guard isTaken else { return }
        wakeups.wake()
        for step in batch.steps { step.answer?.resume(with: step.outcome) }
    }

    /// Takes back a batch that failed and everything after it.
    private func fail(from id: UInt64, _ error: ObjectError) {
        let endOffset = log.logEndOffset
        let failed = state.withLock { $0.log.fail(from: id, endOffset: endOffset) }
        for step in failed { step.answer?.resume(throwing: error) }
    }

    /// Does what has become due: the next burst, the cut behind a pass, the close.
    func goOn() {
        if let offset = state.withLock({ $0.log.takeCut() }) { cut(to: offset) }
        if state.withLock({ $0.log.wantsBurst(refreshes: $0.phase == .open) }) {
            log.loop.execute { self.appendBurst() }
        }
        closeWhenIdle()
    }

    /// Has the log begin at `offset`: everything before was written anew.
    private func cut(to offset: Int64) {
        log.advanceLogStart(to: offset) { [self] _ in
            // A log that refuses will be asked again by the next pass.
            state.withLock { $0.log.endPass() }
            goOn()
        }
    }

    static func unavailable(_ error: LogError) -> ObjectError {
        ObjectError(.unavailable, "the object log did not take the write: \(error.message)")
    }
}
