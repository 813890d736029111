public import WeirRuntime

/// Objects with Kubernetes' rules, over any storage.
///
/// It gives objects their uid, times and generation, keeps status and everything else apart, checks them against
/// their kind, and lets them go only when their finalizers are done. Each write is one atomic step: it is prepared
/// from what is stored, and stored only if that is still the same, otherwise prepared anew. From any thread; several
/// stores, also in several processes, may be over one storage.
///
/// What goes after its owner, or with its namespace, is removed by a `GarbageCollector`, which `ObjectsComponent` runs.
/// A namespace need not exist as an object for others to be made in it.
public final class ObjectStore: ObjectAccess {
    /// What kinds of objects the store takes.
    public enum KindPolicy: Sendable, Hashable {
        /// All: of those that are not known, nothing but the metadata is checked.
        case any
        /// Core kinds, registered ones, and those of CustomResourceDefinitions.
        case known
    }

    /// What the owner of a store decides.
    public struct Configuration: Sendable {
        /// What kinds of objects the store takes.
        public var kinds: KindPolicy
        /// Who is asked before objects of a kind are stored.
        public var admissions: [any Admission]
        /// How often a write is prepared anew because somebody else wrote the object meanwhile, before it is given up.
        public var attemptsMax = 256

        /// Known kinds, unless said otherwise.
        public init(kinds: KindPolicy = .known, admissions: [any Admission] = []) {
            self.kinds = kinds
            self.admissions = admissions
        }
    }

    /// The namespace of objects that name none.
    public static let defaultNamespace = "default"

    let storage: any Storage
    let registry: KindRegistry
    let clock: any Clock
    let names: NameGenerator
    private let attemptsMax: Int

    /// A store over a storage, which stays the caller's to close.
    ///
    /// - Parameters:
    ///   - clock: Tells when objects were created and deleted.
    ///   - randomBits: What uids and names are made of.
    public init(
        _ storage: any Storage, configuration: Configuration = Configuration(), clock: any Clock = ProcessClock(),
        randomBits: @escaping @Sendable () -> UInt64 = ProcessRandom.bits
    ) {
        self.storage = storage
        self.clock = clock
        names = NameGenerator(randomBits: randomBits)
        registry = KindRegistry(configuration.kinds, CoreKinds.all, configuration.admissions)
        attemptsMax = max(1, configuration.attemptsMax)
    }

    /// Makes a kind known. What a CustomResourceDefinition says of it goes before this.
    public func register(_ definition: KindDefinition) {
        registry.register(definition, .program)
    }

    /// Asks `admission` before each write of its kind from here on.
    public func register(_ admission: any Admission) {
        registry.register(admission)
    }

    // MARK: Reading

    /// The object. Throws `.notFound`.
    public func get(_ key: ObjectKey) async throws -> Object {
        let key = try resolved(key).key
        guard let object = try await storage.get(key) else { throw ObjectError.notFound(key) }
        return object
    }

    /// The objects that a query selects, in the order of their keys. Throws `.notFound` for an unknown kind.
    public func list(_ query: ListQuery) async throws -> ObjectPage {
        if let limit = query.limit, limit < 1 {
            throw ObjectError(.badRequest, "a list is limited to at least one object, not \(limit)")
        }
        var query = query
        query.selection = try resolved(query.selection)
        return try await storage.list(query)
    }

    /// Every change after a version to objects that the query selects: each once, in order.
    public func watch(_ query: WatchQuery, after version: ResourceVersion) async throws -> WatchStream {
        var query = query
        query.selection = try resolved(query.selection)
        let current = try await storage.currentVersion()
        guard version <= current else {
            // Of another store, or of this one before it lost what it had: what would come is not what follows.
            throw ObjectError(
                .expired, "resource version \(version) is not known here: the last change is \(current); list again")
        }
        return try await storage.watch(query, after: version)
    }

    /// What is known of kinds, sorted.
    public func kinds() async throws -> [KindDefinition] { registry.definitions }

    // MARK: Writing

    /// Stores a new object; returns it with uid, version and defaults. A status is left out: others write it.
    public func create(_ object: Object) async throws -> Object {
        let (key, record) = try resolved(object.key, object.apiVersion)
        guard !registry.isTerminating(namespace: key.namespace) else {
            throw ObjectError(
                .forbidden, "nothing can be created in namespace '\(key.namespace)': it is being deleted")
        }
        var wanted = object.placed(in: key.namespace)
        let isNamed = !object.metadata.name.isEmpty
        for _ in 0..<(isNamed ? 1 : 8) {
            if !isNamed, !object.metadata.generateName.isEmpty {
                wanted.metadata.name = names.name(object.metadata.generateName)
            }
            var created = WriteRules.created(wanted, uid: names.uid(), now: now)
            var changes = WriteRules.Changes.all
            try prepare(&created, .main, over: nil, record, &changes)
            do {
                let stored = try await storage.create(created)
                noteWritten(stored)
                return stored
            } catch let error as ObjectError where error.reason == .alreadyExists && !isNamed {
                continue
            }
        }
        throw ObjectError(
            .alreadyExists,
            "no free name was found for \(key.kind) '\(object.metadata.generateName)…'; use a longer beginning")
    }

    /// Replaces an object, or one part of it; returns it as it became.
    public func update(_ object: Object, _ part: ObjectPart) async throws -> Object {
        let (key, record) = try resolved(object.key, object.apiVersion)
        let wanted = object.placed(in: key.namespace)
        let preconditions = Preconditions(
            resourceVersion: object.metadata.resourceVersion,
            uid: object.metadata.uid.isEmpty ? nil : object.metadata.uid)
        return try await settled(key) { stored in
            guard let stored else { throw ObjectError.notFound(key) }
            try preconditions.check(stored)
            return try await self.replace(part, of: stored, with: wanted, record)
        }
    }

    /// Changes an object as the patch says, in one atomic step; returns it as it became.
    public func patch(_ key: ObjectKey, _ patch: ObjectPatch, _ part: ObjectPart) async throws -> Object {
        let (key, record) = try resolved(key)
        let patch = patch.placed(in: key.namespace)
        return try await settled(key) { stored in
            guard let stored else {
                guard case .apply(let wish) = patch, part == .main else { throw ObjectError.notFound(key) }
                return try await self.createApplied(wish, key)
            }
            let wanted = try patch.applied(to: stored, part)
            // A patch that sets a version, or a uid, means the object that has it.
            try Preconditions(
                resourceVersion: wanted.metadata.resourceVersion,
                uid: wanted.metadata.uid.isEmpty ? nil : wanted.metadata.uid
            ).check(stored)
            _ = try self.resolved(wanted.key, wanted.apiVersion)
            return try await self.replace(part, of: stored, with: wanted, record)
        }
    }

    /// Asks for an object to go; returns it as it is now. Finalizers may hold it back.
    public func delete(_ key: ObjectKey, _ options: DeleteOptions) async throws -> Object {
        let (key, record) = try resolved(key)
        let ownFinalizer = try ContentsRules.finalizer(ofDeleted: key)
        return try await settled(key) { stored in
            guard let stored else { throw ObjectError.notFound(key) }
            try options.preconditions.check(stored)
            for admission in record.admissions { try admission.admitDeletion(of: stored) }
            let outcome = WriteRules.deletion(
                of: stored, options.propagation, ownFinalizer: ownFinalizer, now: self.now)
            return try await self.perform(outcome, stored)
        }
    }

    var now: Timestamp { Timestamp(wallMilliseconds: clock.wallMilliseconds) }

    /// Reads an object and runs `step` with it, anew as long as `step` finds that somebody else wrote meanwhile.
    private func settled(
        _ key: ObjectKey, _ step: (Object?) async throws -> Object?
    ) async throws -> Object {
        for _ in 0..<attemptsMax {
            if let done = try await step(try await storage.get(key)) { return done }
        }
        throw ObjectError.conflict(key, "others wrote it \(attemptsMax) times meanwhile; try again")
    }

    /// Stores what `wanted` makes of `stored`; nil where that is not stored any more.
    private func replace(
        _ part: ObjectPart, of stored: Object, with wanted: Object, _ record: KindRegistry.Record
    ) async throws -> Object? {
        var (next, changes) = try WriteRules.replaced(part, of: stored, with: wanted)
        // Most writes of one thing over and over change nothing.
        if changes == .none { return stored }
        try prepare(&next, part, over: stored, record, &changes)
        return try await perform(try WriteRules.outcome(of: next, over: stored, changes), stored)
    }

    /// Writes; nil where `stored` is not stored any more.
    private func perform(_ outcome: WriteRules.Outcome, _ stored: Object) async throws -> Object? {
        let same = Preconditions(resourceVersion: stored.metadata.resourceVersion, uid: stored.metadata.uid)
        do {
            switch outcome {
            case .unchanged:
                return stored
            case .store(let next):
                let written = try await storage.update(next, if: same)
                noteWritten(written)
                return written
            case .remove(var last):
                let removed = try await storage.delete(stored.key, if: same)
                noteRemoved(removed)
                last.metadata.resourceVersion = removed.metadata.resourceVersion
                return last
            }
        } catch let error as ObjectError where error.reason == .conflict || error.reason == .notFound {
            return nil
        }
    }

    /// Makes what is applied where it is not there; nil where it is there by now.
    private func createApplied(_ wish: Object, _ key: ObjectKey) async throws -> Object? {
        guard wish.metadata.resourceVersion == nil, wish.metadata.uid.isEmpty else { throw ObjectError.notFound(key) }
        guard wish.key == key else {
            throw ObjectError(.badRequest, "what is applied to \(key) is \(wish.key); they must be the same")
        }
        do {
            return try await create(wish.recordingApplied())
        } catch let error as ObjectError where error.reason == .alreadyExists {
            return nil
        }
    }
}

extension Object {
    /// The object in a namespace.
    fileprivate func placed(in namespace: String) -> Object {
        guard metadata.namespace != namespace else { return self }
        var placed = self
        placed.metadata.namespace = namespace
        return placed
    }
}

extension ObjectPatch {
    /// The patch with the namespace of the object that it is for, where it names none.
    fileprivate func placed(in namespace: String) -> ObjectPatch {
        guard case .apply(var wish) = self, wish.metadata.namespace.isEmpty else { return self }
        wish.metadata.namespace = namespace
        return .apply(wish)
    }
}
