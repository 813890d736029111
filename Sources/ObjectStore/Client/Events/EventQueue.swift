internal import WeirRuntime

/// How much an event recorder takes, and how long what it wrote is kept.
public struct EventLimits: Sendable, Hashable {
    /// How many different events may wait to be written; the next one is dropped.
    public var pendingMax = 1_000
    /// How many different events are remembered, so that they are counted up when they happen again.
    public var knownMax = 4_096
    /// How many events of one object are written at once.
    public var burstMax = 25
    /// How long an object then waits for each further one. What happens again meanwhile is counted, and written later.
    public var interval = Duration.seconds(300)
    /// How long events are kept after they last happened; nil keeps them for ever.
    public var retention: Duration? = .seconds(3_600)

    /// Kubernetes' limits.
    public init() {}
}

/// What happened to an object: the same again is counted up instead of written anew.
struct EventKey: Hashable, Sendable {
    var object: ObjectReference
    var severity: EventSeverity
    var reason: String
    var message: String
}

/// Events on their way to the store: joined, limited, and in order. A value, stepped by the recorder under its lock.
struct EventQueue: Sendable {
    /// What is to be written.
    struct Write: Sendable, Hashable {
        let key: EventKey
        /// The event that is counted up, if it was written before.
        let known: Known?
        /// How often it happened since it was written.
        let count: Int32
        let first: Timestamp
        let last: Timestamp
    }

    /// An event that was written.
    struct Known: Sendable, Hashable {
        let event: ObjectKey
        let count: Int32
        let first: Timestamp
    }

    private struct Pending: Sendable {
        var count: Int32
        let first: Timestamp
        var last: Timestamp
    }

    let limits: EventLimits
    /// What was recorded; each once for how often it happened.
    private(set) var recordedCount: UInt64 = 0
    /// What was not written and never will be.
    private(set) var droppedCount: UInt64 = 0
    private var pending: [EventKey: Pending] = [:]
    /// Those to be written now, in their order.
    private var due = Line<EventKey>()
    /// Those of objects that were written of too often, and from when on they are due.
    private var deferred: [EventKey: MonotonicTime] = [:]
    private var known: [EventKey: Known] = [:]
    private var knownOrder = Line<EventKey>()
    /// Until when each object has used up its events (the "virtual scheduling" of ATM's GCRA); missing: none.
    private var usedUntil: [ObjectReference: MonotonicTime] = [:]

    init(limits: EventLimits) {
        self.limits = limits
    }

    /// How many different events wait to be written.
    var pendingCount: Int { pending.count }

    /// Takes in that something happened.
    ///
    /// - Returns: Whether something is due.
    mutating func record(_ key: EventKey, at time: Timestamp, now: MonotonicTime) -> Bool {
        recordedCount += 1
        if var waiting = pending[key] {
            waiting.count = waiting.count == .max ? .max : waiting.count + 1
            waiting.last = max(waiting.last, time)
            pending[key] = waiting
            return false
        }
        guard pending.count < limits.pendingMax else {
            droppedCount += 1
            return false
        }
        let dueAt = spend(key.object, now)
        // Something new of an object that has too much news is dropped; what happens again is counted and waits.
        guard dueAt == nil || known[key] != nil else {
            droppedCount += 1
            return false
        }
        pending[key] = Pending(count: 1, first: time, last: time)
        if let dueAt {
            deferred[key] = dueAt
            return false
        }
        due.append(key)
        return true
    }

    /// Takes the next event that is due out of the queue; nil where none is.
    ///
    /// - Parameter now: The time; nil takes out all, also those whose objects have used up theirs.
    mutating func next(now: MonotonicTime?) -> Write? {
        if due.isEmpty { admitDeferred(now) }
        guard let key = due.removeFirst(), let waiting = pending.removeValue(forKey: key) else { return nil }
        return Write(key: key, known: known[key], count: waiting.count, first: waiting.first, last: waiting.last)
    }

    /// An event was written: what happens again is counted on top of it.
    mutating func wrote(_ write: Write, as event: ObjectKey, count: Int32, first: Timestamp) {
        if known.updateValue(Known(event: event, count: count, first: first), forKey: write.key) == nil {
            knownOrder.append(write.key)
        }
        while known.count > limits.knownMax, let oldest = knownOrder.removeFirst() { known[oldest] = nil }
    }

    /// An event that was written is not there any more: it is written anew.
    mutating func forget(_ key: EventKey) {
        guard known.removeValue(forKey: key) != nil else { return }
        knownOrder.remove(key)
    }

    /// An event could not be written, but may be later.
    mutating func putBack(_ write: Write) {
        if var waiting = pending[write.key] {
            waiting.count =
                waiting.count.addingReportingOverflow(write.count).overflow ? .max : waiting.count + write.count
            pending[write.key] = Pending(count: waiting.count, first: write.first, last: waiting.last)
            return
        }
        pending[write.key] = Pending(count: write.count, first: write.first, last: write.last)
        due.putBack(write.key)
    }

    /// An event cannot be written, now or later.
    mutating func drop(_ write: Write) { droppedCount += UInt64(write.count) }

    /// Nothing will be written any more.
    ///
    /// - Returns: How many happenings are lost with what waits.
    mutating func dropPending() -> UInt64 {
        let lost = pending.values.reduce(UInt64(0)) { $0 + UInt64($1.count) }
        droppedCount += lost
        pending = [:]
        due = Line()
        deferred = [:]
        return lost
    }

    /// Uses up one event of an object; returns when it may be written, nil: now.
    private mutating func spend(_ object: ObjectReference, _ now: MonotonicTime) -> MonotonicTime? {
        if usedUntil.count >= limits.knownMax {
            usedUntil = usedUntil.filter { $0.value > now }
            // All of them in use: the new ones are not limited by object, the queue still is.
            guard usedUntil.count < limits.knownMax else { return nil }
        }
        let used = max(usedUntil[object] ?? now, now)
        let ahead = used - now
        let allowance = limits.interval * max(0, limits.burstMax - 1)
        guard ahead > allowance else {
            usedUntil[object] = used + limits.interval
            return nil
        }
        return now + (ahead - allowance)
    }

    private mutating func admitDeferred(_ now: MonotonicTime?) {
        let ready = deferred.filter { item in now.map { item.value <= $0 } ?? true }
        for (key, _) in ready.sorted(by: { $0.value < $1.value }) {
            // It is written now, and that counts; the next one of the object has to wait again.
            if let now, let later = spend(key.object, now) {
                deferred[key] = later
                continue
            }
            deferred[key] = nil
            due.append(key)
        }
    }
}

/// Elements in their order, taken from the front at constant cost.
struct Line<Element: Hashable & Sendable>: Sendable {
    private var elements: [Element] = []
    private var head = 0

    var isEmpty: Bool { head == elements.count }

    mutating func append(_ element: Element) { elements.append(element) }

    mutating func removeFirst() -> Element? {
        guard head < elements.count else { return nil }
        defer {
            head += 1
            if head > 64, head * 2 > elements.count {
                elements.removeFirst(head)
                head = 0
            }
        }
        return elements[head]
    }

    mutating func putBack(_ element: Element) {
        guard head > 0 else { return elements.insert(element, at: 0) }
        head -= 1
        elements[head] = element
    }

    mutating func remove(_ element: Element) {
        guard let index = elements[head...].firstIndex(of: element) else { return }
        elements.remove(at: index)
    }
}
