import Raft

/// An entry as the checker remembers it: its term, and a hash of it and all before it.
struct Mark: Hashable {
    var term: UInt64
    var chain: UInt64
}

/// Mixes two words well, in a few instructions.
@inline(__always)
func mix(_ left: UInt64, _ right: UInt64) -> UInt64 {
    let product = (left ^ 0x9e37_79b9_7f4a_7c15).multipliedFullWidth(by: right ^ 0xd6e8_feb8_6659_fd93)
    return product.high ^ product.low &+ left.byteSwapped &+ right
}

extension Entry {
    /// What stands for its content.
    @inline(__always)
    var contentHash: UInt64 {
        if kind == .normal { return mix(payload.handle, UInt64(payload.byteCount)) }
        return changeHash
    }

    private var changeHash: UInt64 {
        guard let change = configurationChange else { return 0 }
        var hash = mix(UInt64(kind.rawValue), UInt64(change.transition.rawValue))
        for operation in change.operations {
            hash = mix(hash, UInt64(operation.kind.rawValue) << 32 | operation.replica.value)
        }
        return hash
    }

    @inline(__always)
    func mark(after chain: UInt64) -> Mark {
        Mark(term: term.value, chain: mix(mix(chain, term.value), contentHash))
    }
}

/// A log of marks behind a base, as a replica or a disk has it.
struct ShadowLog {
    /// The place before the first mark, and its mark.
    private(set) var base: UInt64 = 0
    private(set) var baseMark = Mark(term: 0, chain: 0)
    private var marks: [Mark] = []
    private var head = 0

    var last: UInt64 { base + UInt64(marks.count - head) }
    var lastMark: Mark { marks.count > head ? marks[marks.count - 1] : baseMark }

    /// The mark at the index; nil below the base and past the end.
    @inline(__always)
    func mark(at index: UInt64) -> Mark? {
        guard index >= base, index <= last else { return nil }
        return index == base ? baseMark : marks[head + Int(index - base - 1)]
    }

    /// Begins anew behind a snapshot.
    mutating func reset(to index: UInt64, _ mark: Mark) {
        base = index
        baseMark = mark
        marks.removeAll(keepingCapacity: true)
        head = 0
    }

    /// Drops everything from the index on.
    mutating func truncate(from index: UInt64) {
        guard index <= last else { return }
        marks.removeSubrange((head + Int(index - base - 1))...)
    }

    @inline(__always)
    mutating func append(_ mark: Mark) { marks.append(mark) }

    /// Drops everything up to the index, that included.
    mutating func compact(to index: UInt64) {
        guard index > base, let mark = mark(at: index) else { return }
        head += Int(index - base)
        base = index
        baseMark = mark
        if head > 512 {
            marks.removeFirst(head)
            head = 0
        }
    }
}
