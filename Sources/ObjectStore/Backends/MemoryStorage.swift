internal import Synchronization

/// Keeps objects in memory: for tests, caches, and programs that need nothing of them later.
///
/// Every call is answered at once, without suspension. A page of a list shows one moment; its selectors are applied
/// without holding up writes.
public final class MemoryStorage: Storage {
    private let state = Mutex(State())
    private let hub: WatchHub

    /// An empty storage, which remembers the last `historyMax` changes for watchers.
    public init(historyMax: Int = 16_384) {
        hub = WatchHub(after: .zero, historyMax: historyMax)
    }

    deinit { hub.close() }

    /// The object with that key; nil where there is none.
    public func get(_ key: ObjectKey) async throws -> Object? {
        let found: Result<Object?, ObjectError> = state.withLock { state in
            state.isClosed ? .failure(.closed) : .success(state.shelf(key)?[key.name]?.stored)
        }
        return try found.get()
    }

    /// The objects that a query selects, in the order of their keys.
    public func list(_ query: ListQuery) async throws -> ObjectPage {
        let token = try query.continueToken.map { text throws(ObjectError) in try ContinueToken(parsing: text) }
        let limit = query.limit ?? .max
        let wanted = query.selection.isPlain && limit < .max ? limit + 1 : .max
        let found: Result<(objects: [Object], version: ResourceVersion), ObjectError> = state.withLock { state in
            guard !state.isClosed else { return .failure(.closed) }
            return .success((state.objects(query.selection, after: token?.after, countMax: wanted), state.version))
        }
        let candidates = try found.get()
        var page = ObjectPage(objects: [], resourceVersion: token?.resourceVersion ?? candidates.version)
        for candidate in candidates.objects where query.selection.matches(candidate) {
            guard page.objects.count < limit else {
                page.continueToken = page.objects.last.map {
                    ContinueToken(resourceVersion: page.resourceVersion, after: $0.key).text
                }
                break
            }
            page.objects.append(candidate)
        }
        return page
    }

    /// Stores an object that is not there yet, and returns it with its resource version.
    public func create(_ object: Object) async throws -> Object {
        let key = object.key
        return try write(key) { (stored, version) throws(ObjectError) in
            guard stored == nil else { throw .alreadyExists(key) }
            return object.stored(at: version)
        }
    }

    /// Replaces an object, and returns the new one with its resource version.
    public func update(_ object: Object, if preconditions: Preconditions) async throws -> Object {
        let key = object.key
        return try write(key) { (stored, version) throws(ObjectError) in
            guard let stored else { throw .notFound(key) }
            try preconditions.check(stored)
            return object.stored(at: version)
        }
    }

    /// Removes an object, and returns it as it was, with the resource version of its removal.
    public func delete(_ key: ObjectKey, if preconditions: Preconditions) async throws -> Object {
        try write(key) { (stored, version) throws(ObjectError) in
            guard let stored else { throw .notFound(key) }
            try preconditions.check(stored)
            return nil
        }
    }

    /// Every change after `version` to objects that the query selects.
    public func watch(_ query: WatchQuery, after version: ResourceVersion) async throws -> WatchStream {
        try hub.watch(query, after: version)
    }

    /// The resource version of the last change.
    public func currentVersion() async throws -> ResourceVersion {
        let version = state.withLock { $0.isClosed ? nil : $0.version }
        guard let version else { throw ObjectError.closed }
        return version
    }

    /// Ends all watches; later calls throw `.unavailable`. The objects are let go of.
    public func close() async throws {
        state.withLock { state in
            state.isClosed = true
            state.shelves = [:]
            state.recent = nil
        }
        hub.close()
    }

    /// Makes one change: `body` gets what is there and the version that the change will have, and says what becomes
    /// of it; nil removes it.
    private func write(
        _ key: ObjectKey, _ body: (Object?, ResourceVersion) throws(ObjectError) -> Object?
    ) throws(ObjectError) -> Object {
        let done: Result<(WatchHub.Change, Wakeups), ObjectError> = state.withLock { state in
            do throws(ObjectError) {
                guard !state.isClosed else { throw .closed }
                let slot = state.shelf(key)?[key.name]
                let previous = slot?.stored
                let version = ResourceVersion(state.version.value + 1)
                let change = WatchHub.Change(
                    object: try body(previous, version), previous: previous, version: version)
                state.put(change.object, at: key, in: slot)
                state.version = version
                // Under the lock, so that changes are published in their order.
                return .success((change, hub.record(change)))
            } catch {
                return .failure(error)
            }
        }
        let (change, wakeups) = try done.get()
        wakeups.wake()
        return change.result
    }

    private struct State {
        /// By kind and namespace.
        var shelves: [ObjectKind: [String: MemoryShelf]] = [:]
        /// The one that was used last: the next call is mostly of the same kind and namespace.
        var recent: MemoryShelf?
        var version = ResourceVersion.zero
        var isClosed = false

        /// Where objects of a key's kind and namespace are; nil where there are none.
        mutating func shelf(_ key: ObjectKey) -> MemoryShelf? {
            if let recent, recent.namespace == key.namespace, recent.kind == key.kind { return recent }
            guard let shelf = shelves[key.kind]?[key.namespace] else { return nil }
            recent = shelf
            return shelf
        }

        mutating func put(_ object: Object?, at key: ObjectKey, in slot: MemoryShelf.Slot?) {
            switch (object, slot) {
            case (let object?, nil):
                let shelf = self.shelf(key) ?? MemoryShelf(key.kind, key.namespace)
                if shelf.isEmpty { shelves[key.kind, default: [:]][key.namespace] = shelf }
                shelf.insert(key.name, object)
            case (let object?, let slot?):
                slot.stored = object
            case (nil, _?):
                guard let shelf = shelf(key) else { return }
                shelf.remove(key.name)
                guard shelf.isEmpty else { return }
                recent = nil
                shelves[key.kind]?[key.namespace] = nil
                if shelves[key.kind]?.isEmpty == true { shelves[key.kind] = nil }
            case (nil, nil):
                break
            }
        }

        /// What kind and namespace of a selection leave, in the order of the keys, after `position`.
        func objects(_ selection: ObjectSelection, after position: ObjectKey?, countMax: Int) -> [Object] {
            var found: [Object] = []
            let kinds = selection.kind.map { [$0] } ?? shelves.keys.sorted()
            for kind in kinds {
                if let position, kind < position.kind { continue }
                guard let shelves = shelves[kind] else { continue }
                let namespaces = selection.namespace.map { [$0] } ?? shelves.keys.sorted()
                let isStartKind = kind == position?.kind
                for namespace in namespaces {
                    if let position, isStartKind, namespace < position.namespace { continue }
                    let isStart = isStartKind && namespace == position?.namespace
                    let isFull = shelves[namespace]?.forEach(after: isStart ? position?.name : nil) { stored in
                        found.append(stored)
                        return found.count < countMax
                    }
                    if isFull == false { return found }
                }
            }
            return found
        }
    }
}

extension Object {
    fileprivate func stored(at version: ResourceVersion) -> Object {
        var stored = self
        stored.metadata.resourceVersion = version
        return stored
    }
}

extension ObjectSelection {
    /// Whether nothing but kind and namespace is asked.
    var isPlain: Bool {
        namePrefix.isEmpty && labels.requirements.isEmpty && fields.requirements.isEmpty
    }
}
