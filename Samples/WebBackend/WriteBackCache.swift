import Logging
import ObjectStore
import WeirRuntime
import WorkTracking

/// The component `cache`: answers reads and takes writes, and has what is dirty written to the database later.
///
/// The loop `cache/writer` does so while the program runs. It is a dependency of `cache`, so it drains when nobody
/// writes any more, and writes the rest then; the database, its own dependency, is still open.
final class WriteBackCache: Component {
    let name = "cache"
    let dependencies = ["objects", "cache/writer"]
    private let store: any CacheStore
    private let client: Client
    private let gate = Holder<Gate>()

    init(_ store: any CacheStore, client: Client) {
        self.store = store
        self.client = client
    }

    var verbs: ComponentVerbs { .stop }

    func start(_ context: ComponentContext) async throws { gate.set(context.gate) }

    /// The item's value: from the cache, or else from the database.
    func get(_ key: String) async throws -> String? {
        try await gate.get().track("get", key: key, access: .read, lineage: .leaf) {
            if let cached = try await store.get(key) { return cached.value }
            do {
                return try await client.get(Item.self, key).spec.value
            } catch let error as ObjectError where error.reason == .notFound {
                return nil
            }
        }
    }

    /// Changes or deletes an item; it is in the cache when this returns, and in the database soon.
    func put(_ change: ItemChange) async throws {
        try await gate.get().track("put", key: change.key, lineage: .leaf) {
            try await store.put(change.key, CachedItem(value: change.value))
        }
    }

    /// Writes dirty items to the database, until there is none; says how many.
    ///
    /// One that the database refuses stays dirty and keeps no other from being written. Throws where only such are
    /// left.
    @discardableResult
    func writeBack() async throws -> Int {
        var writtenCount = 0
        while case let keys = try await store.dirtyKeys(256), !keys.isEmpty {
            var refusal: (any Error)?
            let countBefore = writtenCount
            for key in keys {
                try Task.checkCancellation()
                do {
                    let item = try await store.get(key)
                    if let item { try await write(key, item) }
                    try await store.clean(key, if: item)
                    writtenCount += 1
                } catch let error as ObjectError {
                    refusal = error
                }
            }
            if let refusal, writtenCount == countBefore { throw refusal }
        }
        return writtenCount
    }

    private func write(_ key: String, _ item: CachedItem) async throws {
        do {
            if let value = item.value {
                _ = try await client.apply(Item(key, value))
            } else {
                try await client.delete(Item.self, key)
            }
        } catch let error as ObjectError where error.reason == .notFound {
            // Deleted before it ever reached the database.
        }
    }

    /// The loop `cache/writer`.
    func runWriter(_ scope: HostedScope, every interval: Duration) async throws {
        while await scope.sleep(for: interval) {
            do {
                try await scope.gate.track("write-back") { _ = try await writeBack() }
            } catch let error where !(error is CancellationError) {
                scope.logger.warning("items stay dirty: \(error)")
            }
        }
        let count = try await writeBack()
        scope.logger.info("cache flushed", metadata: ["items": "\(count)"])
    }

    func stop() async throws { await store.close() }
}
