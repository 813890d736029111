internal import ObjectStore
public import SegmentLog
internal import Synchronization
public import WeirRuntime

extension ObjectLog {
    private static let readSizeBytesMax = 1 << 20

    /// How an object log's own log is kept: nothing goes by age or size, and its beginning can be cut off.
    public static func settings(_ limits: ObjectLogLimits = ObjectLogLimits()) -> LogSettings {
        var settings = LogSettings()
        settings.deletesOldSegments = false
        settings.retentionMilliseconds = nil
        settings.segmentSizeBytesMax = limits.segmentSizeBytes
        settings.fileDeleteDelay = .zero
        return settings
    }

    /// Opens the node's object log, or makes it where no log at all is among `existing`.
    ///
    /// It is made before any other. Partitions without it mean that it was lost: what they hold must not be taken for
    /// leftovers, so this throws.
    ///
    /// - Parameters:
    ///   - existing: The logs that are there: `provider.list()`.
    ///   - provider: Opens the log, or makes it.
    ///   - loop: Who owns the log.
    ///   - clock: The time of records.
    ///   - limits: How large it may get.
    public static func open(
        among existing: [LogIdentity], from provider: any LogProvider, on loop: any Loop, clock: any Clock,
        limits: ObjectLogLimits = ObjectLogLimits()
    ) async throws -> ObjectLog {
        let settings = settings(limits)
        if existing.contains(identity) {
            let log = try await provider.open(identity, settings: settings, on: loop)
            return try await open(log, clock: clock, limits: limits)
        }
        guard existing.isEmpty else {
            throw ObjectError(
                .unavailable,
                "the metadata log (\(identity.directoryName)) is missing, but \(existing.count) partition logs are "
                    + "there; put the folder back, or move the partitions' folders away")
        }
        let log = try await provider.create(identity, settings: settings, on: loop)
        return try await open(log, clock: clock, limits: limits)
    }

    /// Reads a log that is open, whose only writer this is from now on. Closes it where it cannot be read.
    ///
    /// - Throws: An error that names the key and the offset of a record that cannot be read.
    public static func open(
        _ log: any ReplicatedLog, clock: any Clock, limits: ObjectLogLimits = ObjectLogLimits()
    ) async throws -> ObjectLog {
        do {
            let opened = try await replay(log, clock, limits)
            // What a crash left half written anew is taken up at once.
            log.loop.execute { opened.appendBurst() }
            return opened
        } catch {
            try? await log.waitOnLoop { log, then in log.close(then: then) } as Void
            throw error
        }
    }

    private static func replay(
        _ log: any ReplicatedLog, _ clock: any Clock, _ limits: ObjectLogLimits
    ) async throws -> ObjectLog {
        let start = try await log.waitOnLoop { log, then in
            then(.success((offset: log.logStartOffset, end: log.highWatermark, logEnd: log.logEndOffset)))
        }
        var replay = LogReplay(startOffset: start.offset)
        let hub = WatchHub(after: replay.version, historyMax: limits.historyMax)
        var offset = start.offset
        while offset < start.end {
            let from = offset
            let read: LogRead = try await log.waitOnLoop { log, then in
                log.read(from: from, sizeBytesMax: readSizeBytesMax, bound: .highWatermark, then: then)
            }
            try ObjectRecord.forEach(in: read.records) { record in
                guard record.offset >= offset else { return }
                try replay.apply(record)
                offset = record.offset + 1
            }
            guard offset > from else {
                throw ObjectError(.internalError, "the object log cannot be read at offset \(from)")
            }
            hub.publish(replay.takeChanges())
        }
        return ObjectLog(log, LogState(replay, endOffset: start.logEnd, limits: limits), hub: hub, clock: clock)
    }

    /// Writes what was accepted, ends all watches, and closes the log. Later calls throw `.unavailable`.
    public func close() async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            let isClosed = state.withLock { state in
                if state.phase == .closed { return true }
                if state.phase == .open { state.phase = .closing }
                state.closing.append(continuation)
                return false
            }
            if isClosed { return continuation.resume() }
            log.loop.execute { self.closeWhenIdle() }
        }
    }

    /// On the loop: closes the log once nothing is on its way.
    func closeWhenIdle() {
        let isDue = state.withLock { state in
            guard state.phase == .closing, state.log.isIdle else { return false }
            state.phase = .ending
            return true
        }
        guard isDue else { return }
        log.close { [self] result in
            hub.close()
            let waiting = state.withLock { state in
                defer { state.closing = [] }
                state.phase = .closed
                state.log.forget()
                return state.closing
            }
            for continuation in waiting { continuation.resume(with: result.mapError(Self.unavailable)) }
        }
    }
}

extension ReplicatedLog {
    /// Calls the log on its loop, and waits for what it calls back with.
    fileprivate func waitOnLoop<Value: Sendable>(
        _ body: @escaping @Sendable (any ReplicatedLog, @escaping (Result<Value, LogError>) -> Void) -> Void
    ) async throws -> Value {
        let result = await withCheckedContinuation { continuation in
            loop.execute { body(self) { continuation.resume(returning: $0) } }
        }
        return try result.get()
    }
}
