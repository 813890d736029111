import ObjectStore
import WeirRuntime

/// A write that waits for the disk.
struct WaitingWrite: Sendable {
    enum Change: Sendable {
        case create(Object, text: String)
        case update(Object, text: String, Preconditions)
        case delete(ObjectKey, Preconditions)
    }

    let change: Change
    let since: MonotonicTime
    let done: CheckedContinuation<Object, any Error>

    /// About what it adds to a transaction.
    var sizeBytes: Int {
        switch change {
        case .create(_, let text), .update(_, let text, _): text.utf8.count
        case .delete: 0
        }
    }
}

/// What waits for the disk.
protocol Waiting: Sendable {
    /// Since when.
    var since: MonotonicTime { get }
    /// About what it adds to a transaction.
    var sizeBytes: Int { get }
}

extension WaitingWrite: Waiting {}

/// The writes that wait, in the order in which they came.
struct WriteQueue<Write: Waiting>: Sendable {
    private var writes: [Write] = []
    private var head = 0

    var count: Int { writes.count - head }

    mutating func append(_ write: Write) {
        writes.append(write)
    }

    /// Takes those that make the next transaction: at least one, if there are any.
    mutating func takeGroup(countMax: Int, sizeBytesMax: Int) -> [Write] {
        var end = head
        var size = 0
        while end < writes.count, end - head < countMax, size < sizeBytesMax {
            size += writes[end].sizeBytes
            end += 1
        }
        defer { drop(to: end) }
        return Array(writes[head..<end])
    }

    /// Puts a group back to where it was taken from.
    mutating func putBack(_ group: [Write]) {
        writes.replaceSubrange(0..<head, with: group)
        head = 0
    }

    /// Takes those that came before `time`.
    mutating func takeOlder(than time: MonotonicTime) -> [Write] {
        let end = writes[head...].firstIndex { $0.since >= time } ?? writes.count
        defer { drop(to: end) }
        return Array(writes[head..<end])
    }

    private mutating func drop(to end: Int) {
        head = end
        if head == writes.count {
            writes.removeAll(keepingCapacity: true)
            head = 0
        } else if head > 1_024, head * 2 > writes.count {
            writes.removeFirst(head)
            head = 0
        }
    }
}
