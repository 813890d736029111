import ObjectStore
import Synchronization

/// Where cached items are: in this process, or on a Redis server.
///
/// It also keeps which of them are dirty, newer than the database: on Redis they outlive the process.
protocol CacheStore: Sendable {
    /// The item; nil where it is not cached. A deleted one that the database still has is `.some(nil)`.
    func get(_ key: String) async throws -> CachedItem?

    /// Caches an item, and marks it dirty, in one step. Throws `unavailable` where too many are dirty.
    func put(_ key: String, _ item: CachedItem) async throws

    /// Keys of dirty items, at most so many.
    func dirtyKeys(_ countMax: Int) async throws -> [String]

    /// Lets go of an item that the database has, unless it changed since `item` was read.
    func clean(_ key: String, if item: CachedItem?) async throws

    /// Lets go of the connection.
    func close() async
}

/// A cached item.
struct CachedItem: Sendable, Hashable {
    /// Nil: it was deleted.
    var value: String?
}

extension CacheStore {
    /// How many items may wait for the database.
    static var dirtyCountMax: Int { 100_000 }

    /// What is thrown where more would.
    static var isFull: ObjectError {
        ObjectError(.unavailable, "\(dirtyCountMax) items wait for the database; try again later")
    }
}

/// The default: what is not in the database yet ends with the process, so the shutdown flushes it.
final class MemoryCache: CacheStore {
    /// All that is cached is dirty: what the database has need not be kept here.
    private let dirty = Mutex<[String: CachedItem]>([:])

    func get(_ key: String) async throws -> CachedItem? { dirty.withLock { $0[key] } }

    func put(_ key: String, _ item: CachedItem) async throws {
        let isTaken = dirty.withLock { dirty in
            guard dirty[key] != nil || dirty.count < Self.dirtyCountMax else { return false }
            dirty[key] = item
            return true
        }
        if !isTaken { throw Self.isFull }
    }

    func dirtyKeys(_ countMax: Int) async throws -> [String] { dirty.withLock { Array($0.keys.prefix(countMax)) } }

    func clean(_ key: String, if item: CachedItem?) async throws {
        dirty.withLock { dirty in
            if dirty[key] == item { dirty[key] = nil }
        }
    }

    func close() async {}
}
