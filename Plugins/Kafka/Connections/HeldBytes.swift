import Synchronization

/// The bytes that all connections hold, from read to response written, under one limit.
///
/// Thread-safe. Costs one atomic update where bytes come or go.
final class HeldBytes: Sendable {
    /// Above it connections stop reading.
    let limit: Int
    private let total = Atomic<Int>(0)
    private let waitingCount = Atomic<Int>(0)
    private let waiters = Mutex<[@Sendable () -> Void]>([])

    init(limit: Int) {
        precondition(limit > 0, "a process that may hold nothing reads nothing")
        self.limit = limit
    }

    /// Bytes held now.
    var bytes: Int { total.load(ordering: .relaxed) }

    /// Whether connections should stop reading.
    var isOverLimit: Bool { bytes > limit }

    /// Counts bytes that arrived.
    func add(_ count: Int) {
        total.wrappingAdd(count, ordering: .acquiringAndReleasing)
    }

    /// Counts bytes that are not held any more; at half of the limit those who wait are told.
    func remove(_ count: Int) {
        let left = total.wrappingSubtract(count, ordering: .acquiringAndReleasing).newValue
        precondition(left >= 0, "more bytes were given back than were held")
        guard left <= limit / 2, waitingCount.load(ordering: .acquiring) > 0 else { return }
        wake()
    }

    /// Calls `body` once, from any thread, when half of the limit is free; at once where it is.
    func whenHalfFree(_ body: @escaping @Sendable () -> Void) {
        waiters.withLock { $0.append(body) }
        waitingCount.wrappingAdd(1, ordering: .acquiringAndReleasing)
        if bytes <= limit / 2 { wake() }
    }

    private func wake() {
        let woken = waiters.withLock { waiters in
            let all = waiters
            waiters.removeAll()
            return all
        }
        guard !woken.isEmpty else { return }
        waitingCount.wrappingSubtract(woken.count, ordering: .acquiringAndReleasing)
        for body in woken { body() }
    }
}
