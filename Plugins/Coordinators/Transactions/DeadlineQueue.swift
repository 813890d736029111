/// Names by when something is due for them, in wall-clock milliseconds: a binary heap.
///
/// Nothing is ever taken out of its middle: whoever takes a name out looks whether it is still due.
struct DeadlineQueue: Sendable {
    private struct Item {
        var milliseconds: Int64
        var name: String
    }

    private var heap: [Item] = []

    /// When the first is due. O(1).
    var first: Int64? { heap.first?.milliseconds }

    /// Puts a name in. O(log n).
    mutating func insert(_ name: String, at milliseconds: Int64) {
        heap.append(Item(milliseconds: milliseconds, name: name))
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].milliseconds < heap[parent].milliseconds else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    /// Takes out the first, if it is due by `milliseconds`. O(log n).
    mutating func removeFirst(dueBy milliseconds: Int64) -> (name: String, milliseconds: Int64)? {
        guard let first = heap.first, first.milliseconds <= milliseconds else { return nil }
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < heap.count && heap[child].milliseconds < heap[least].milliseconds {
                least = child
            }
            guard least != parent else { break }
            heap.swapAt(parent, least)
            parent = least
        }
        return (first.name, first.milliseconds)
    }
}
