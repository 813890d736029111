/// Callbacks that wait for an entry, answered in the order they came.
struct WaiterQueue<Value> {
    typealias Then = (Result<Value, LogError>) -> Void

    private var waiters: ContiguousArray<(index: Int64, then: Then)> = []
    private var head = 0

    var isEmpty: Bool { head == waiters.count }

    /// Adds a callback that waits until the Raft index `index` is below the point.
    mutating func append(until index: Int64, _ then: @escaping Then) {
        waiters.append((index, then))
    }

    /// Takes the first callback, where what it waits for is below `nextIndex`.
    mutating func pop(below nextIndex: Int64) -> Then? {
        guard head < waiters.count, waiters[head].index < nextIndex else { return nil }
        let then = waiters[head].then
        // What the closure holds must not live on in the queue.
        waiters[head].then = { _ in }
        head += 1
        if head == waiters.count {
            waiters.removeAll(keepingCapacity: true)
            head = 0
        } else if head > 256, head * 2 > waiters.count {
            waiters.removeFirst(head)
            head = 0
        }
        return then
    }

    /// Takes all callbacks that wait for `index` or a later entry.
    mutating func removeAll(from index: Int64) -> [Then] {
        let taken = waiters[head...].filter { $0.index >= index }.map(\.then)
        let left = waiters[head...].filter { $0.index < index }
        waiters = ContiguousArray(left)
        head = 0
        return taken
    }
}

/// A value of the loop's on its way through a thread that does not touch it.
///
/// `@unchecked Sendable`: made and opened on one loop only.
struct LoopBound<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}
