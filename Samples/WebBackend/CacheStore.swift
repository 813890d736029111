import Synchronization

/// Where cached items are: in this process, or on a Redis server.
///
/// It also keeps which of them are dirty, newer than the database: on Redis they outlive the process.
protocol CacheStore: Sendable {
    /// The item; nil where it is not cached. A deleted one that the database still has is `.some(nil)`.
    func get(_ key: String) async throws -> CachedItem?

    /// Caches an item, and marks it dirty, in one step.
    func put(_ key: String, _ item: CachedItem) async throws

    /// Keys of dirty items, at most so many.
    func dirtyKeys(_ countMax: Int) async throws -> [String]

    /// Takes the mark off, unless the item changed since `item` was read.
    func clean(_ key: String, if item: CachedItem) async throws

    /// Lets go of the connection.
    func close() async
}

/// A cached item.
struct CachedItem: Sendable, Hashable {
    /// Nil: it was deleted.
    var value: String?
}

/// The default: what is not in the database yet ends with the process, so the shutdown flushes it.
final class MemoryCache: CacheStore {
    private struct State {
        var items: [String: CachedItem] = [:]
        var dirty: Set<String> = []
    }

    private let state = Mutex(State())

    func get(_ key: String) async throws -> CachedItem? { state.withLock { $0.items[key] } }

    func put(_ key: String, _ item: CachedItem) async throws {
        state.withLock { state in
            state.items[key] = item
            state.dirty.insert(key)
        }
    }

    func dirtyKeys(_ countMax: Int) async throws -> [String] { state.withLock { Array($0.dirty.prefix(countMax)) } }

    func clean(_ key: String, if item: CachedItem) async throws {
        state.withLock { state in
            guard state.items[key] == item else { return }
            state.dirty.remove(key)
            // What the database has need not be kept here.
            state.items[key] = nil
        }
    }

    func close() async {}
}
