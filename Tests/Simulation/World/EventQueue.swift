/// What may happen next in a run.
enum EventKind: UInt8 {
    /// A node's clock ticks.
    case tick
    /// A packet reaches a node; `operand` is its place.
    case delivery
    /// A node's write is on its disk.
    case stored
    /// A node's entries are applied.
    case applied
    /// A node that is down starts again.
    case start
    /// A node has read what its disk held.
    case recover
    /// A client asks for something.
    case client
    /// Faults come and go.
    case weather
    /// A node learns how a snapshot it sent fared; `operand` is whose, doubled, plus 1 where it failed.
    case snapshotReport
    /// A node learns that another cannot be reached; `operand` is which.
    case unreachableReport
}

/// One thing that will happen, in 16 bytes.
struct Event {
    /// The time, and behind it the order in which events of one time were planned.
    fileprivate(set) var key: UInt64
    let kind: EventKind
    let node: UInt8
    /// The life of the node that it belongs to: what was planned in an earlier one is void.
    let life: UInt16
    let operand: UInt32

    fileprivate static let orderBits: UInt64 = 24

    var time: Int { Int(key >> Self.orderBits) }
}

/// The events to come, by time and then in the order in which they were planned: a binary heap.
struct EventQueue {
    private var heap: [Event] = []
    private var order: UInt64 = 0

    init() { heap.reserveCapacity(1024) }

    var count: Int { heap.count }

    /// Plans an event.
    mutating func add(_ kind: EventKind, at time: Int, node: Int = 0, life: UInt16 = 0, operand: UInt32 = 0) {
        // The order begins anew long before it would run over: two events so far apart never have one time.
        order = (order + 1) & (1 << Event.orderBits - 1)
        let key = UInt64(time) << Event.orderBits | order
        heap.append(Event(key: key, kind: kind, node: UInt8(node), life: life, operand: operand))
        rise(heap.count - 1)
    }

    /// Takes out the next one.
    mutating func next() -> Event? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        if !heap.isEmpty { sink(last) }
        return first
    }

    /// Forgets all events but those of the kinds to keep.
    mutating func keep(_ isKept: (Event) -> Bool) {
        let kept = heap.filter(isKept)
        heap.removeAll(keepingCapacity: true)
        for event in kept {
            heap.append(event)
            rise(heap.count - 1)
        }
    }

    private mutating func rise(_ start: Int) {
        heap.withUnsafeMutableBufferPointer { heap in
            var place = start
            let event = heap[place]
            while place > 0 {
                let parent = (place - 1) / 2
                guard heap[parent].key > event.key else { break }
                heap[place] = heap[parent]
                place = parent
            }
            heap[place] = event
        }
    }

    private mutating func sink(_ event: Event) {
        heap.withUnsafeMutableBufferPointer { heap in
            var place = 0
            while true {
                var child = 2 * place + 1
                guard child < heap.count else { break }
                if child + 1 < heap.count, heap[child + 1].key < heap[child].key { child += 1 }
                guard heap[child].key < event.key else { break }
                heap[place] = heap[child]
                place = child
            }
            heap[place] = event
        }
    }
}
