internal import Synchronization

/// Tells whoever listens that something changed; what changed, they look up.
final class ChangeBroadcast: Sendable {
    private struct Listeners {
        var nextID = 0
        var byID: [Int: @Sendable () -> Void] = [:]
    }

    private let listeners = Mutex(Listeners())

    /// Calls `listener` at each change, on the thread that made it, until it is removed.
    func add(_ listener: @escaping @Sendable () -> Void) -> Int {
        listeners.withLock { listeners in
            listeners.nextID += 1
            listeners.byID[listeners.nextID] = listener
            return listeners.nextID
        }
    }

    /// Stops calling a listener.
    func remove(_ id: Int) {
        listeners.withLock { $0.byID[id] = nil }
    }

    /// Calls all listeners.
    func announce() {
        let current = listeners.withLock { $0.byID.isEmpty ? [] : Array($0.byID.values) }
        for listener in current { listener() }
    }
}
