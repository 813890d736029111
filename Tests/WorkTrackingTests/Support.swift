import Glibc
import Synchronization
import WorkTracking

/// Why the gate refuses now; nil where it admits (and then the unit has ended).
func refusal(_ gate: Gate, _ access: Access = .write) -> WorkRejected.Reason? {
    do {
        let permit = try gate.enter(access)
        permit.end()
        return nil
    } catch {
        return error.reason
    }
}

/// Why the gate refuses what the permit begins.
func refusal(_ gate: Gate, under parent: borrowing Permit) -> WorkRejected.Reason? {
    do {
        let permit = try gate.enter(.write, under: parent)
        permit.end()
        return nil
    } catch {
        return error.reason
    }
}

/// Gives way until `condition` holds; the test's time limit is its bound.
func until(_ condition: () -> Bool) async {
    while !condition() { await Task.yield() }
}

extension WorkRegistry {
    func work(of gate: Gate) -> ComponentWork {
        snapshot().component(named: gate.name)!
    }
}

/// Runs `body` on threads of their own, all at the same time; no thread of the pool waits for them.
func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) async {
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
        let latch = Latch(count) { continuation.resume() }
        for index in 0..<count {
            detachThread {
                body(index)
                latch.countDown()
            }
        }
    }
}

final class Latch: Sendable {
    private let left: Atomic<Int>
    private let done: @Sendable () -> Void

    init(_ count: Int, _ done: @escaping @Sendable () -> Void) {
        left = Atomic(count)
        self.done = done
    }

    func countDown() {
        if left.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0 { done() }
    }
}

/// Runs `body` on a thread of its own.
func detachThread(_ body: @escaping @Sendable () -> Void) {
    final class Job: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    pthread_create(
        &thread, nil,
        { raw in
            Unmanaged<Job>.fromOpaque(raw!).takeRetainedValue().body()
            return nil
        }, Unmanaged.passRetained(Job(body)).toOpaque())
    pthread_detach(thread)
}

/// Something that threads tell each other once.
final class Flag: Sendable {
    private let flag = Atomic(false)
    var isRaised: Bool { flag.load(ordering: .sequentiallyConsistent) }
    func raise() { flag.store(true, ordering: .sequentiallyConsistent) }
}

/// Something that threads count together.
final class Counter: Sendable {
    private let count = Atomic<UInt64>(0)
    var value: UInt64 { count.load(ordering: .sequentiallyConsistent) }
    func add() { count.wrappingAdd(1, ordering: .sequentiallyConsistent) }
}

/// How many are inside at a time.
final class Occupancy: Sendable {
    private let inside = Atomic(0)
    private let highest = Atomic(0)
    var most: Int { highest.load(ordering: .sequentiallyConsistent) }
    func enter() {
        highest.max(inside.wrappingAdd(1, ordering: .sequentiallyConsistent).newValue, ordering: .relaxed)
    }
    func leave() { inside.wrappingSubtract(1, ordering: .sequentiallyConsistent) }
}

/// Pseudo-random numbers that a seed repeats (SplitMix64), and the moments at which a thread gives way.
struct Seeded {
    private var state: UInt64

    init(_ seed: UInt64, thread: Int = 0) {
        state = seed &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(thread)
    }

    mutating func next(below bound: UInt64) -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return (mixed ^ (mixed >> 31)) % bound
    }

    /// Gives the processor away now and then.
    mutating func maybeYield() {
        if next(below: 4) == 0 { sched_yield() }
    }
}

/// Nanoseconds of the machine's monotonic clock.
func monotonicNanoseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}
