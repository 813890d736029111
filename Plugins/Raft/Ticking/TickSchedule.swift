/// Which of many replicas a tick concerns: those that have nothing to do cost a fraction of a nanosecond each.
///
/// The owner keeps the replicas, each under a slot; the schedule knows numbers only. At every tick it visits the
/// slots that are due. Before the owner does anything else with a replica (a message, a proposal), it lets the
/// ticks pass that the schedule has saved it, and tells afterwards when it is due now:
///
///     replica.tick(schedule.catchUp(slot))
///     try replica.step(message)
///     schedule.reschedule(slot, ticksUntilDue: replica.ticksUntilDue)
///
/// So each replica lives through the same ticks and messages in the same order as if it were ticked at every tick.
public struct TickSchedule: Sendable {
    /// When each slot is due, as a tick that wraps around: never more than `horizon` ahead.
    private var due: [UInt32] = []
    /// Up to which tick each slot's replica was told.
    private var told: [UInt32] = []
    private var isTaken: [Bool] = []
    /// The slots that are not taken; the last one is taken next.
    private var free: [Int] = []
    private var now: UInt32

    /// How far ahead a slot is due at most; one that has nothing to do for longer is visited in vain once.
    private static let horizon: UInt32 = 1 << 30
    /// How many slots are looked at together.
    private static let blockCount = 64

    /// An empty schedule.
    public init() { now = 0 }

    /// An empty schedule whose ticks are counted from `tick`, which wraps around.
    package init(startingAt tick: UInt32) { now = tick }

    /// How many slots are taken.
    public var count: Int { due.count - free.count }

    // MARK: Slots

    /// Takes a slot for a replica that is told of every tick up to now. Slots are small numbers, used again.
    public mutating func add(ticksUntilDue: Int) -> Int {
        if free.isEmpty { grow() }
        let slot = free.removeLast()
        isTaken[slot] = true
        told[slot] = now
        reschedule(slot, ticksUntilDue: ticksUntilDue)
        return slot
    }

    /// Gives the slot back.
    public mutating func remove(_ slot: Int) {
        precondition(isTaken[slot], "only a slot that is taken is given back")
        isTaken[slot] = false
        due[slot] = now &+ Self.horizon
        free.append(slot)
    }

    private mutating func grow() {
        let slots = due.count..<due.count + Self.blockCount
        due.append(contentsOf: repeatElement(now &+ Self.horizon, count: slots.count))
        told.append(contentsOf: repeatElement(now, count: slots.count))
        isTaken.append(contentsOf: repeatElement(false, count: slots.count))
        free.append(contentsOf: slots.reversed())
    }

    // MARK: Time

    /// Lets one tick pass, and visits the slots that are due, ascending.
    ///
    /// `visit` is given a slot and how many ticks to let its replica pass, this one included, and returns the
    /// replica's `ticksUntilDue` after all that was done with it. It must not use the schedule.
    public mutating func tick(_ visit: (_ slot: Int, _ ticks: Int) -> Int) {
        now &+= 1
        for begin in stride(from: 0, to: due.count, by: Self.blockCount) where isAnyDue(from: begin) {
            for slot in begin..<begin + Self.blockCount where Int32(bitPattern: due[slot] &- now) <= 0 {
                guard isTaken[slot] else {
                    due[slot] = now &+ Self.horizon
                    continue
                }
                let ticksUntilDue = visit(slot, catchUp(slot))
                reschedule(slot, ticksUntilDue: ticksUntilDue)
            }
        }
    }

    /// How many ticks to let the slot's replica pass before anything is done with it; they count as passed.
    ///
    /// Nothing is due among them.
    public mutating func catchUp(_ slot: Int) -> Int {
        precondition(isTaken[slot], "only a slot that is taken has a replica")
        let ticks = now &- told[slot]
        told[slot] = now
        return Int(ticks)
    }

    /// Notes when the slot's replica is due, counted from the last tick it was told of: its `ticksUntilDue`.
    public mutating func reschedule(_ slot: Int, ticksUntilDue: Int) {
        precondition(isTaken[slot] && ticksUntilDue > 0, "a replica is due at a later tick")
        due[slot] = told[slot] &+ min(UInt32(clamping: ticksUntilDue), Self.horizon)
    }

    /// Whether any of the block's slots is due: the sign of `due - now - 1`, of all of them at once.
    private func isAnyDue(from begin: Int) -> Bool {
        due.withUnsafeBufferPointer { due in
            var signs: UInt32 = 0
            for slot in begin..<begin + Self.blockCount { signs |= due[slot] &- now &- 1 }
            return signs >> 31 != 0
        }
    }
}
