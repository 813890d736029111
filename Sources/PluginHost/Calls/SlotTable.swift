internal import Synchronization

/// What handles stand for: values in numbered slots, with a generation, so that an old number is never a new value.
///
/// A handle is `[tag:16][slot:16][generation:32]`. The tag is the table's own: a handle of another table, or one that
/// somebody made up, finds nothing. Thread-safe; every call takes a short lock and allocates only to grow.
final class SlotTable<Value: Sendable>: Sendable {
    private struct Slot {
        var generation: UInt32 = 1
        var value: Value?
    }

    private struct State {
        var slots: [Slot] = []
        /// Slots that are free, the longest free one first: that keeps generations from coming around.
        var free: [Int] = []
        var freeHead = 0
        var count = 0
    }

    private let tag: UInt16
    private let countMax: Int
    private let state = Mutex(State())

    /// A table of at most `countMax` values; no other table of the process has its tag.
    init(tag: UInt16, countMax: Int) {
        precondition(countMax <= 1 << 16, "a handle has 16 bits for its slot")
        self.tag = tag
        self.countMax = countMax
    }

    /// How many values there are.
    var count: Int { state.withLock { $0.count } }

    /// Keeps a value and gives its handle; nil where the table is full.
    func insert(_ value: Value) -> UInt64? {
        state.withLock { state in
            guard state.count < countMax else { return nil }
            let index: Int
            if state.freeHead < state.free.count {
                index = state.free[state.freeHead]
                state.freeHead += 1
                if state.freeHead > 1_024 {
                    state.free.removeFirst(state.freeHead)
                    state.freeHead = 0
                }
            } else {
                index = state.slots.count
                state.slots.append(Slot())
            }
            state.slots[index].value = value
            state.count += 1
            return handle(index, state.slots[index].generation)
        }
    }

    /// The value of a handle; nil where there is none.
    func value(_ handle: UInt64) -> Value? {
        state.withLock { state in
            guard let index = index(of: handle, state) else { return nil }
            return state.slots[index].value
        }
    }

    /// Takes the value of a handle out; nil where there is none, so also the second time.
    func remove(_ handle: UInt64) -> Value? {
        state.withLock { state in
            guard let index = index(of: handle, state), let value = state.slots[index].value else { return nil }
            state.slots[index].value = nil
            // Generation 0 is never used, so that no handle is 0.
            state.slots[index].generation = max(1, state.slots[index].generation &+ 1)
            state.free.append(index)
            state.count -= 1
            return value
        }
    }

    /// All values that are there now.
    var values: [Value] { state.withLock { $0.slots.compactMap(\.value) } }

    private func handle(_ index: Int, _ generation: UInt32) -> UInt64 {
        UInt64(tag) << 48 | UInt64(index) << 32 | UInt64(generation)
    }

    private func index(of handle: UInt64, _ state: borrowing State) -> Int? {
        let index = Int(handle >> 32 & 0xFFFF)
        guard handle >> 48 == UInt64(tag), index < state.slots.count else { return nil }
        guard state.slots[index].generation == UInt32(truncatingIfNeeded: handle) else { return nil }
        return index
    }
}
