import Synchronization

extension WorkRegistry {
    /// The counts of all components now.
    public func snapshot() -> WorkSnapshot {
        let (gates, isShuttingDown) = state.withLock { ($0.gates, $0.isShuttingDown) }
        return WorkSnapshot(
            takenAtNanoseconds: domain.now.load(ordering: .relaxed), isShuttingDown: isShuttingDown,
            components: gates.map { $0.snapshot() })
    }

    /// The counts of all components now, for a collector of metrics: `recentPeak` begins anew.
    public func scrape() -> WorkSnapshot {
        let taken = snapshot()
        for gate in gates { gate.restartRecentPeak() }
        return taken
    }

    /// The counts again and again: at once, then every second of the coarse clock, and when a component changes.
    public var snapshots: WorkSnapshots { snapshots(everyNanoseconds: 1_000_000_000) }

    /// The counts again and again, at the interval given of the coarse clock, and when a component changes.
    ///
    /// A slow reader misses snapshots, it does not pile them up. It ends when the reading task is cancelled.
    public func snapshots(everyNanoseconds interval: Int64) -> WorkSnapshots {
        WorkSnapshots(registry: self, intervalNanoseconds: interval)
    }
}

/// The counts of all components, again and again.
public struct WorkSnapshots: AsyncSequence, Sendable {
    let registry: WorkRegistry
    let intervalNanoseconds: Int64

    /// Begins to follow: the first snapshot comes at once.
    public func makeAsyncIterator() -> Iterator {
        Iterator(registry: registry, intervalNanoseconds: intervalNanoseconds)
    }

    /// One reader's place.
    public struct Iterator: AsyncIteratorProtocol {
        let registry: WorkRegistry
        let intervalNanoseconds: Int64
        private var last: (takenAt: Int64, changeCount: UInt64)?

        init(registry: WorkRegistry, intervalNanoseconds: Int64) {
            self.registry = registry
            self.intervalNanoseconds = intervalNanoseconds
        }

        /// The next snapshot; nil once the task is cancelled.
        public mutating func next() async -> WorkSnapshot? {
            while !Task.isCancelled {
                let watch = registry.changed.arm()
                let changeCount = registry.changeCount.load(ordering: .acquiring)
                let now = registry.domain.now.load(ordering: .relaxed)
                if isDue(now: now, changeCount: changeCount) {
                    registry.changed.disarm(watch)
                    last = (now, changeCount)
                    return registry.snapshot()
                }
                if case .cancelled = await registry.changed.sleep(watch) { return nil }
            }
            return nil
        }

        private func isDue(now: Int64, changeCount: UInt64) -> Bool {
            guard let last else { return true }
            return changeCount != last.changeCount || now - last.takenAt >= intervalNanoseconds
        }
    }
}
