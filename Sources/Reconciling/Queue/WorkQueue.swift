public import WeirRuntime

/// How much a key hurries: keys of a higher priority are handed out first.
public struct QueuePriority: Sendable, Hashable, Comparable {
    /// The number: the higher, the sooner.
    public let value: Int32

    /// The priority with this number.
    public init(_ value: Int32) {
        self.value = value
    }

    /// Of changes.
    public static let normal = QueuePriority(0)
    /// Of what was there already when a reconciler started: changes overtake it.
    public static let low = QueuePriority(-100)

    /// Whether `left` hurries less than `right`.
    public static func < (left: QueuePriority, right: QueuePriority) -> Bool { left.value < right.value }
}

/// Which keys are to be worked on, and when: each at most once, and none by two at a time.
///
/// A key that is added while it is queued stays one: it takes the higher priority and the earlier time of the two. One
/// that is added while somebody works on it waits, and is handed out once after `done`. Keys that are ready come by
/// priority, then in the order in which they became ready. A pure value: time is passed in.
///
/// Every operation takes logarithmic time or less. It holds one entry for each key that is queued, worked on, or failed
/// the last time, so that it never grows beyond the number of keys that there are.
public struct WorkQueue<Key: Hashable & Sendable>: Sendable {
    /// A key that was handed out.
    public struct Item: Sendable, Hashable {
        /// The key.
        public var key: Key
        /// Its priority, which a retry keeps.
        public var priority: QueuePriority
        /// How often it was tried in a row with this time: 1 where the last time went well.
        public var attempt: Int
        /// How long it had been ready.
        public var waited: Duration
    }

    private enum Place: Sendable {
        /// Not queued.
        case none
        case ready
        /// Its time has not come.
        case delayed
        /// Ready, but somebody still works on it.
        case held
    }

    private struct Entry: Sendable {
        var key: Key
        var place = Place.none
        var priority = QueuePriority.normal
        var readyAt = MonotonicTime(nanoseconds: 0)
        var sequence: UInt64 = 0
        var failureCount = 0
        /// Where it stands among those that are worked on; -1 where nobody does.
        var processingIndex = -1
        var processingSince = MonotonicTime(nanoseconds: 0)
    }

    private struct ReadyRank: Comparable, Sendable {
        var priority: QueuePriority
        var readyAt: MonotonicTime
        var sequence: UInt64

        static func < (left: ReadyRank, right: ReadyRank) -> Bool {
            if left.priority != right.priority { return left.priority > right.priority }
            if left.readyAt != right.readyAt { return left.readyAt < right.readyAt }
            return left.sequence < right.sequence
        }
    }

    private struct DelayedRank: Comparable, Sendable {
        var readyAt: MonotonicTime
        var sequence: UInt64

        static func < (left: DelayedRank, right: DelayedRank) -> Bool {
            left.readyAt != right.readyAt ? left.readyAt < right.readyAt : left.sequence < right.sequence
        }
    }

    /// How long a key waits after failures.
    public let backoff: Backoff
    /// How often a key became ready.
    public private(set) var addCount = 0
    /// How often a key was added for later.
    public private(set) var delayedAddCount = 0

    private var slots: [Key: Int] = [:]
    private var entries: [Entry] = []
    private var freeSlots: [Int] = []
    private var ready = SlotHeap<ReadyRank>()
    private var delayed = SlotHeap<DelayedRank>()
    private var heldCount = 0
    private var processing: [Int] = []
    private var nextSequence: UInt64 = 0

    /// An empty queue.
    public init(backoff: Backoff = Backoff()) {
        self.backoff = backoff
    }

    // MARK: Adding

    /// Adds a key, to be handed out now or after a delay.
    public mutating func add(
        _ key: Key, priority: QueuePriority = .normal, at now: MonotonicTime, after delay: Duration = .zero
    ) {
        if delay > .zero { delayedAddCount += 1 }
        add(slot(of: key), priority, at: now, readyAt: delay > .zero ? now + delay : now)
    }

    /// Notes that a key failed, and adds it for when its back-off is over.
    public mutating func addAfterFailure(_ key: Key, priority: QueuePriority = .normal, at now: MonotonicTime) {
        let slot = slot(of: key)
        entries[slot].failureCount += 1
        delayedAddCount += 1
        let delay = backoff.delay(afterFailures: entries[slot].failureCount)
        add(slot, priority, at: now, readyAt: now + delay)
    }

    /// Forgets that a key failed: the next failure counts as the first.
    public mutating func forget(_ key: Key) {
        guard let slot = slots[key] else { return }
        entries[slot].failureCount = 0
        releaseIfIdle(slot)
    }

    // MARK: Working

    /// Hands out the next key that is ready and that nobody works on; nil where there is none.
    ///
    /// It is not handed out again before `done`.
    public mutating func next(at now: MonotonicTime) -> Item? {
        promote(at: now)
        guard let (slot, rank) = ready.first else { return nil }
        ready.remove(slot)
        entries[slot].place = .none
        entries[slot].processingIndex = processing.count
        entries[slot].processingSince = now
        processing.append(slot)
        return Item(
            key: entries[slot].key, priority: rank.priority, attempt: entries[slot].failureCount + 1,
            waited: max(now - rank.readyAt, .zero))
    }

    /// Says that the work on a key ended: where it was added meanwhile, it is ready now.
    public mutating func done(_ key: Key) {
        guard let slot = slots[key], entries[slot].processingIndex >= 0 else {
            preconditionFailure("only a key that was handed out can be done")
        }
        let last = processing.removeLast()
        if last != slot {
            processing[entries[slot].processingIndex] = last
            entries[last].processingIndex = entries[slot].processingIndex
        }
        entries[slot].processingIndex = -1
        if entries[slot].place == .held {
            heldCount -= 1
            putReady(slot)
        }
        releaseIfIdle(slot)
    }

    /// Drops all keys but those that are worked on, and forgets all failures; returns how many were queued.
    ///
    /// Takes time for each key.
    public mutating func removeQueued() -> Int {
        let queuedCount = readyCount + delayedCount
        entries = processing.enumerated().map { index, slot in
            var entry = Entry(key: entries[slot].key)
            entry.processingIndex = index
            entry.processingSince = entries[slot].processingSince
            return entry
        }
        slots = Dictionary(uniqueKeysWithValues: entries.enumerated().map { ($1.key, $0) })
        processing = Array(entries.indices)
        freeSlots = []
        ready = SlotHeap()
        delayed = SlotHeap()
        heldCount = 0
        return queuedCount
    }

    // MARK: Looking

    /// How many keys are ready, with those that somebody still works on.
    public var readyCount: Int { ready.count + heldCount }

    /// How many keys wait for their time.
    public var delayedCount: Int { delayed.count }

    /// How many keys are worked on.
    public var processingCount: Int { processing.count }

    /// How many keys it knows: queued, worked on, or failed the last time.
    public var keyCount: Int { slots.count }

    /// When the next of the delayed keys is ready; nil where none is delayed.
    public var nextDelayed: MonotonicTime? { delayed.first?.rank.readyAt }

    /// Since when each of the keys that are worked on is.
    public var processingSince: [MonotonicTime] { processing.map { entries[$0].processingSince } }

    /// How many keys are ready, by priority. Takes time for each key.
    public var readyCountByPriority: [QueuePriority: Int] {
        var counts: [QueuePriority: Int] = [:]
        for entry in entries where entry.place == .ready || entry.place == .held {
            counts[entry.priority, default: 0] += 1
        }
        return counts
    }

    // MARK: Places

    private mutating func add(
        _ slot: Int, _ priority: QueuePriority, at now: MonotonicTime, readyAt: MonotonicTime
    ) {
        if entries[slot].place == .none {
            nextSequence += 1
            entries[slot].sequence = nextSequence
            entries[slot].priority = priority
            entries[slot].readyAt = readyAt
        } else {
            let isSame = priority <= entries[slot].priority && readyAt >= entries[slot].readyAt
            guard !isSame else { return }
            entries[slot].priority = max(priority, entries[slot].priority)
            entries[slot].readyAt = min(readyAt, entries[slot].readyAt)
        }
        switch entries[slot].place {
        case .held: break
        case .ready: putReady(slot)
        case .none, .delayed:
            if entries[slot].readyAt > now { putDelayed(slot) } else { becomeReady(slot) }
        }
    }

    /// Makes ready whose time has come.
    private mutating func promote(at now: MonotonicTime) {
        while let (slot, rank) = delayed.first, rank.readyAt <= now { becomeReady(slot) }
    }

    private mutating func becomeReady(_ slot: Int) {
        addCount += 1
        if entries[slot].place == .delayed { delayed.remove(slot) }
        guard entries[slot].processingIndex < 0 else {
            entries[slot].place = .held
            heldCount += 1
            return
        }
        putReady(slot)
    }

    private mutating func putReady(_ slot: Int) {
        entries[slot].place = .ready
        let entry = entries[slot]
        ready.put(slot, ReadyRank(priority: entry.priority, readyAt: entry.readyAt, sequence: entry.sequence))
    }

    private mutating func putDelayed(_ slot: Int) {
        entries[slot].place = .delayed
        delayed.put(slot, DelayedRank(readyAt: entries[slot].readyAt, sequence: entries[slot].sequence))
    }

    // MARK: Slots

    private mutating func slot(of key: Key) -> Int {
        if let slot = slots[key] { return slot }
        let slot: Int
        if let free = freeSlots.popLast() {
            slot = free
            entries[slot] = Entry(key: key)
        } else {
            slot = entries.count
            entries.append(Entry(key: key))
        }
        slots[key] = slot
        return slot
    }

    /// Lets go of what is known of a key, where nothing is.
    private mutating func releaseIfIdle(_ slot: Int) {
        let entry = entries[slot]
        guard entry.place == .none, entry.processingIndex < 0, entry.failureCount == 0 else { return }
        slots[entry.key] = nil
        freeSlots.append(slot)
    }
}
