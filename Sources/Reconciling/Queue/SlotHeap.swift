/// A binary heap of slots that knows where each slot is, so that one in the middle can be moved or taken out.
///
/// All operations take logarithmic time; a slot is in the heap at most once.
struct SlotHeap<Rank: Comparable & Sendable>: Sendable {
    private struct Node: Sendable {
        var rank: Rank
        var slot: Int
    }

    private var nodes: [Node] = []
    /// Where each slot is, by slot; -1 where it is not here.
    private var positions: [Int] = []

    /// How many slots there are.
    var count: Int { nodes.count }

    /// The slot of the lowest rank.
    var first: (slot: Int, rank: Rank)? { nodes.first.map { ($0.slot, $0.rank) } }

    /// All slots, in no order.
    var slots: some Sequence<Int> { nodes.lazy.map(\.slot) }

    /// Puts a slot in, or moves it to another rank.
    mutating func put(_ slot: Int, _ rank: Rank) {
        while positions.count <= slot { positions.append(-1) }
        guard positions[slot] < 0 else { return move(positions[slot], to: rank) }
        nodes.append(Node(rank: rank, slot: slot))
        positions[slot] = nodes.count - 1
        rise(nodes.count - 1)
    }

    /// Takes a slot out.
    mutating func remove(_ slot: Int) {
        let position = positions[slot]
        precondition(position >= 0, "only a slot that is in the heap is taken out of it")
        positions[slot] = -1
        let last = nodes.removeLast()
        guard last.slot != slot else { return }
        nodes[position] = last
        positions[last.slot] = position
        rise(position)
        sink(positions[last.slot])
    }

    private mutating func move(_ position: Int, to rank: Rank) {
        let slot = nodes[position].slot
        nodes[position].rank = rank
        rise(position)
        sink(positions[slot])
    }

    private mutating func rise(_ start: Int) {
        var position = start
        while position > 0 {
            let parent = (position - 1) / 2
            guard nodes[position].rank < nodes[parent].rank else { return }
            swap(position, parent)
            position = parent
        }
    }

    private mutating func sink(_ start: Int) {
        var position = start
        while true {
            var least = 2 * position + 1
            guard least < nodes.count else { return }
            if least + 1 < nodes.count, nodes[least + 1].rank < nodes[least].rank { least += 1 }
            guard nodes[least].rank < nodes[position].rank else { return }
            swap(position, least)
            position = least
        }
    }

    private mutating func swap(_ left: Int, _ right: Int) {
        nodes.swapAt(left, right)
        positions[nodes[left].slot] = left
        positions[nodes[right].slot] = right
    }
}
