internal import ObjectStore

/// What an object log holds and what is on its way: decides in which order writes happen, and what they become.
///
/// A pure value; `ObjectLog` keeps it under its lock and performs what it says. Writes are *accepted* against the
/// newest state, which counts what is not committed yet; become part of a *burst*, which is appended as batches; and
/// are *committed* (readers see them) or *failed* (as if they had never been), in their order. One burst at a time is
/// in flight: writes that come meanwhile make the next one.
struct LogState: Sendable {
    /// What became of a write that was asked for.
    enum Verdict {
        /// It cannot be done, whatever becomes of others.
        case refused(ObjectError)
        /// It waits; the loop has to be told where `wakes`.
        case waits(wakes: Bool)
    }

    /// The newest accepted form of an object, while it is not committed.
    private struct Newest {
        /// Nil: removed.
        var object: Object?
        var version: ResourceVersion
        var sizeBytes: Int
    }

    let limits: ObjectLogLimits
    /// What readers see.
    private(set) var objects = ObjectIndex()
    /// Records that are not understood here, by key.
    private(set) var carried: [String: ObjectRecord] = [:]
    /// The version of the last change that readers see.
    private(set) var version: ResourceVersion
    /// The bytes of the records of everything that lives.
    private(set) var liveSizeBytes = 0
    private var newest: [ObjectKey: Newest] = [:]
    private var nextVersion: ResourceVersion
    private var queue: [LogStep] = []
    private var queueSizeBytes = 0
    private var inFlight: [LogBatch] = []
    private var nextBatch: UInt64 = 0
    private var isWoken = false
    private(set) var refreshing: RefreshPass?
    /// Bytes appended since the last pass ended, or was given up.
    private var sizeBytesSincePass: Int

    /// A log's state after its records were replayed.
    init(_ replay: LogReplay, endOffset: Int64, limits: ObjectLogLimits) {
        self.limits = limits
        objects = replay.objects
        carried = replay.carried
        version = replay.version
        liveSizeBytes = replay.liveSizeBytes
        nextVersion = ResourceVersion(UInt64(endOffset) + 1)
        sizeBytesSincePass = limits.logSizeBytesMin
    }

    /// Whether nothing is on its way.
    var isIdle: Bool { queue.isEmpty && inFlight.isEmpty }

    /// Lets go of the objects: the log is closed.
    mutating func forget() {
        objects = ObjectIndex()
        carried = [:]
    }

    // MARK: Accepting

    /// Takes a write in, or refuses it.
    mutating func accept(_ write: ObjectWrite, _ answer: Answer) -> Verdict {
        let key = write.key
        let size = write.sizeBytes
        guard queueSizeBytes + size <= limits.waitingSizeBytesMax else {
            return .refused(
                ObjectError(
                    .unavailable, "\(queueSizeBytes) bytes of writes wait for the object log; try again later"))
        }
        let pending = newest[key]
        let current = pending.map(\.object) ?? objects[key]?.object
        do throws(ObjectError) {
            try check(write, current)
        } catch {
            // What it was refused for may yet fail: the answer comes when that is known.
            guard pending != nil else { return .refused(error) }
            let refusal = LogStep.Content.refusal(error)
            enqueue(LogStep(key: key, version: nextVersion, content: refusal, sizeBytes: 0, answer: answer))
            return .waits(wakes: wake())
        }
        if let current, let pass = refreshing, pass.needs(current) {
            // Its record is about to be cut off, and a replay must know what the change replaced.
            enqueue(refresh(key, current, sizeBytes: pending?.sizeBytes ?? objects[key]?.sizeBytes ?? 0))
        }
        let object = stored(write)
        let step = LogStep(
            key: key, version: nextVersion,
            content: .change(object: object, previous: current, write.recordKey, write.value), sizeBytes: size,
            answer: answer)
        newest[key] = Newest(object: object, version: step.version, sizeBytes: size)
        enqueue(step)
        return .waits(wakes: wake())
    }

    private func check(_ write: ObjectWrite, _ current: Object?) throws(ObjectError) {
        let key = write.key
        switch write.verb {
        case .create:
            if current != nil { throw .alreadyExists(key) }
            if let namesake = key.namesake, newest[namesake].map({ $0.object != nil }) ?? (objects[namesake] != nil) {
                throw .conflict(key, "\(namesake.kind.name) of another group has that name")
            }
            if !carried.isEmpty, carried[key.description] != nil {
                throw .conflict(key, "a newer version of Weir stored an object of that name")
            }
        case .update(_, let preconditions), .delete(let preconditions):
            guard let current else { throw .notFound(key) }
            try preconditions.check(current)
        }
    }

    /// The object as readers will see it.
    private func stored(_ write: ObjectWrite) -> Object? {
        switch write.verb {
        case .create(var object), .update(var object, _):
            object.metadata.resourceVersion = nextVersion
            return object
        case .delete:
            return nil
        }
    }

    private func refresh(_ key: ObjectKey, _ object: Object, sizeBytes: Int) -> LogStep {
        LogStep(key: key, version: nextVersion, content: .refresh(object), sizeBytes: sizeBytes, answer: nil)
    }

    private mutating func enqueue(_ step: LogStep) {
        queue.append(step)
        queueSizeBytes += step.sizeBytes
        if step.hasRecord { nextVersion = ResourceVersion(nextVersion.value + 1) }
    }

    /// Whether the loop has to be told; it is, from now on.
    private mutating func wake() -> Bool {
        guard inFlight.isEmpty, !isWoken else { return false }
        isWoken = true
        return true
    }
}

// MARK: - Bursts

extension LogState {
    /// The batches to append now; none while others are in flight.
    ///
    /// - Parameter logSizeBytes: How large the log is.
    mutating func takeBurst(logSizeBytes: Int64) -> [LogBatch] {
        isWoken = false
        guard inFlight.isEmpty else { return [] }
        addRefreshes()
        var batches: [LogBatch] = []
        for step in queue {
            let isFull =
                batches.last.map { $0.sizeBytes > 0 && $0.sizeBytes + step.sizeBytes > limits.batchSizeBytesMax }
                ?? true
            if isFull {
                batches.append(LogBatch(id: nextBatch))
                nextBatch += 1
            }
            batches[batches.count - 1].steps.append(step)
            batches[batches.count - 1].sizeBytes += step.sizeBytes
        }
        sizeBytesSincePass += queueSizeBytes
        queue.removeAll(keepingCapacity: queue.count < 4096)
        queueSizeBytes = 0
        inFlight = batches
        beginPass(logSizeBytes)
        return batches
    }

    /// Takes in that a batch is on the device.
    ///
    /// - Parameters:
    ///   - batch: The batch.
    ///   - entries: What becomes of its objects: of each change one.
    /// - Returns: Whether it is; not where it was taken back before.
    mutating func commit(_ batch: LogBatch, _ entries: [ObjectIndex.Entry?]) -> Bool {
        guard inFlight.first?.id == batch.id else { return false }
        inFlight.removeFirst()
        var place = 0
        for step in batch.steps {
            guard case .change = step.content else { continue }
            let replaced: ObjectIndex.Entry?
            if let entry = entries[place] {
                replaced = objects.set(step.key, entry)
                liveSizeBytes += entry.sizeBytes
            } else {
                replaced = objects.remove(step.key)
            }
            place += 1
            liveSizeBytes -= replaced?.sizeBytes ?? 0
            if let pending = newest.index(forKey: step.key), newest.values[pending].version == step.version {
                newest.remove(at: pending)
            }
            version = step.version
        }
        return true
    }

    /// Takes back a batch and everything after it.
    ///
    /// - Parameters:
    ///   - id: The first batch that failed.
    ///   - endOffset: The log's end now.
    /// - Returns: What failed, in order.
    mutating func fail(from id: UInt64, endOffset: Int64) -> [LogStep] {
        guard let first = inFlight.firstIndex(where: { $0.id == id }) else { return [] }
        let failed = inFlight[first...].flatMap(\.steps) + queue
        inFlight.removeSubrange(first...)
        queue = []
        queueSizeBytes = 0
        newest = [:]
        nextVersion = ResourceVersion(UInt64(endOffset) + 1)
        for step in inFlight.lazy.flatMap(\.steps) where step.hasRecord {
            if case .change(let object, _, _, _) = step.content {
                newest[step.key] = Newest(object: object, version: step.version, sizeBytes: step.sizeBytes)
            }
            nextVersion = ResourceVersion(step.version.value + 1)
        }
        endPass()
        return failed
    }

    /// Whether the loop has to take the next burst: writes wait, or objects are to be written anew.
    mutating func wantsBurst(refreshes: Bool) -> Bool {
        guard !queue.isEmpty || (refreshes && refreshing?.isUnfinished == true) else { return false }
        return wake()
    }
}

// MARK: - Writing anew

extension LogState {
    /// Begins to write everything anew where most of the log is dead. Behind all that was accepted.
    private mutating func beginPass(_ logSizeBytes: Int64) {
        let bound = max(limits.logSizeBytesMin, limits.deadFactorMax * liveSizeBytes)
        guard refreshing == nil, logSizeBytes > Int64(bound), sizeBytesSincePass >= limits.logSizeBytesMin / 4 else {
            return
        }
        refreshing = RefreshPass(boundary: ResourceVersion(nextVersion.value - 1))
    }

    /// Adds the next objects to the burst: as many as keep up with the writes.
    private mutating func addRefreshes() {
        guard let pass = refreshing, pass.isUnfinished else { return }
        let most = max(limits.refreshSizeBytesMax, queueSizeBytes)
        var size = 0
        while size < most {
            let entries = objects.entries(after: refreshing?.cursor, countMax: 64)
            if entries.isEmpty { break }
            for entry in entries {
                let key = entry.object.key
                // Where a newer form is on its way, none of the old one comes behind it.
                if pass.needs(entry.object), newest[key] == nil {
                    size += entry.sizeBytes
                    enqueue(refresh(key, entry.object, sizeBytes: entry.sizeBytes))
                }
                refreshing?.cursor = key
            }
        }
        guard size < most else { return }
        for record in carried.values.sorted(by: { $0.offset < $1.offset }) {
            let key = ObjectKey(ObjectKind(group: "", name: ""), namespace: "", name: record.key)
            enqueue(
                LogStep(
                    key: key, version: nextVersion, content: .carry(record), sizeBytes: record.sizeBytes, answer: nil))
        }
        refreshing?.isUnfinished = false
    }

    /// Where the log may be cut: everything older was written anew, and is committed.
    mutating func takeCut() -> Int64? {
        guard let pass = refreshing, !pass.isUnfinished, !pass.isCutting, inFlight.isEmpty else { return nil }
        refreshing?.isCutting = true
        return Int64(pass.boundary.value)
    }

    /// The pass is over, or given up; the next one waits until more was written.
    mutating func endPass() {
        if refreshing == nil { return }
        refreshing = nil
        sizeBytesSincePass = 0
    }
}

/// Everything that lives is written to the log's end once more, so that its beginning can be cut off.
struct RefreshPass: Sendable {
    /// Records of changes up to this one are to be cut off.
    let boundary: ResourceVersion
    /// The last key that was looked at.
    var cursor: ObjectKey?
    /// Whether keys are left.
    var isUnfinished = true
    /// Whether the log is being cut.
    var isCutting = false

    /// Whether the object's only record is one of those, as far as the pass got.
    func needs(_ object: Object) -> Bool {
        guard isUnfinished, let version = object.metadata.resourceVersion, version <= boundary else { return false }
        return cursor.map { object.key > $0 } ?? true
    }
}
