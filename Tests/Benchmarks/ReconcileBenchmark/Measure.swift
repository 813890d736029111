import Glibc
import Synchronization
import WeirRuntime

/// CPU nanoseconds that this process has used, all threads together.
func cpuNanoseconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
}

func report(_ name: String, _ turns: Int, wall: Double, cpu: Double) {
    let rate = Int(Double(turns) / wall * 1e9 / 1_000)
    let each = (cpu / Double(turns) / 10).rounded() / 100
    print("reconcile: \(name) = \(rate) K/s, \(each) us CPU each")
}

/// Runs `body` a few times and reports the fastest: the others were disturbed.
func measure(_ name: String, turns: Int, rounds: Int = 5, _ body: () async throws -> Void) async throws {
    let clock = ProcessClock()
    var best = (wall: Double.infinity, cpu: Double.infinity)
    for _ in 0..<rounds {
        let (wall, cpu) = (clock.now, cpuNanoseconds())
        try await body()
        let took = Double((clock.now - wall).nanoseconds)
        if took < best.wall { best = (took, cpuNanoseconds() - cpu) }
    }
    report(name, turns, wall: best.wall, cpu: best.cpu)
}

/// Counts, and wakes the one that waits for a count.
final class Counter: Sendable {
    private let count = Atomic<Int>(0)
    private let target = Atomic<Int>(.max)
    private let waiter = Mutex<CheckedContinuation<Void, Never>?>(nil)

    func add() {
        let reached = count.wrappingAdd(1, ordering: .acquiringAndReleasing).newValue
        if reached >= target.load(ordering: .acquiring) { wake() }
    }

    /// Starts to count from zero.
    func reset() {
        target.store(.max, ordering: .releasing)
        count.store(0, ordering: .releasing)
    }

    /// Returns when it has counted so far.
    func reaches(_ number: Int) async {
        await withCheckedContinuation { continuation in
            waiter.withLock { $0 = continuation }
            target.store(number, ordering: .sequentiallyConsistent)
            if count.load(ordering: .sequentiallyConsistent) >= number { wake() }
        }
    }

    private func wake() {
        waiter.withLock { $0.take() }?.resume()
    }
}
