import WeirRuntime

/// Deadlines by key, the earliest first: each key has one, and moving it later costs no more than a look-up.
///
/// A heartbeat moves a deadline that almost never comes. So a later deadline is only noted beside the key, and the
/// entry in the heap stays where it is; when its time comes, it is put back with the deadline that holds then.
/// Entries of keys that are gone are left to their time too, but never more of them than of those that live.
struct DeadlineQueue<Key: Hashable & Sendable>: Sendable {
    private struct Entry {
        var time: MonotonicTime
        /// Tells this entry from older ones of the same key, and orders those of one time.
        var serial: UInt64
        var key: Key
    }

    private struct Deadline {
        var time: MonotonicTime
        /// Of the one entry in the heap that counts.
        var serial: UInt64
        /// When that entry comes up: never after `time`.
        var entryTime: MonotonicTime
    }

    private var heap: [Entry] = []
    private var deadlines: [Key: Deadline] = [:]
    private var serial: UInt64 = 0

    /// How many keys have a deadline.
    var count: Int { deadlines.count }

    /// How many entries there are, those of keys that are gone included.
    var entryCount: Int { heap.count }

    /// A time at which `popDue` is worth calling, never after the earliest deadline; nil: there is none. O(1).
    var next: MonotonicTime? { heap.first?.time }

    /// The deadline of a key.
    subscript(key: Key) -> MonotonicTime? { deadlines[key]?.time }

    /// Gives the key a deadline in place of the one it may have. O(1) where it is later, else O(log n).
    mutating func set(_ key: Key, to time: MonotonicTime) {
        if let deadline = deadlines[key], deadline.entryTime <= time {
            deadlines[key]?.time = time
            return
        }
        push(key, time)
        removeStale()
    }

    /// The key has no deadline any more. O(1), amortized.
    mutating func cancel(_ key: Key) {
        guard deadlines.removeValue(forKey: key) != nil else { return }
        removeStale()
    }

    /// Takes out the key of the earliest deadline that is not after `time`.
    mutating func popDue(at time: MonotonicTime) -> Key? {
        while let first = heap.first, first.time <= time {
            let entry = popFirst()
            guard let deadline = deadlines[entry.key], deadline.serial == entry.serial else { continue }
            if deadline.time <= time {
                deadlines[entry.key] = nil
                return entry.key
            }
            push(entry.key, deadline.time)
        }
        return nil
    }

    private mutating func push(_ key: Key, _ time: MonotonicTime) {
        serial += 1
        deadlines[key] = Deadline(time: time, serial: serial, entryTime: time)
        heap.append(Entry(time: time, serial: serial, key: key))
        siftUp(heap.count - 1)
    }

    private mutating func removeStale() {
        guard heap.count > 2 * deadlines.count + 64 else { return }
        heap = deadlines.map { Entry(time: $0.value.time, serial: $0.value.serial, key: $0.key) }
        deadlines = deadlines.mapValues { Deadline(time: $0.time, serial: $0.serial, entryTime: $0.time) }
        // A sorted array is a heap.
        heap.sort(by: Self.isBefore)
    }

    private static func isBefore(_ left: Entry, _ right: Entry) -> Bool {
        (left.time, left.serial) < (right.time, right.serial)
    }

    private mutating func popFirst() -> Entry {
        heap.swapAt(0, heap.count - 1)
        let entry = heap.removeLast()
        var parent = 0
        while true {
            let left = 2 * parent + 1
            guard left < heap.count else { return entry }
            let right = left + 1
            let child = right < heap.count && Self.isBefore(heap[right], heap[left]) ? right : left
            guard Self.isBefore(heap[child], heap[parent]) else { return entry }
            heap.swapAt(child, parent)
            parent = child
        }
    }

    private mutating func siftUp(_ index: Int) {
        var child = index
        while child > 0 {
            let parent = (child - 1) / 2
            guard Self.isBefore(heap[child], heap[parent]) else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }
}
