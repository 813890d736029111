import ObjectStore
import WeirSimulation

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Random writes and watches against a store, and against a dictionary that knows the rules in a few lines.
///
/// Every answer, every list, and every event of every watch must be what the dictionary says. What is found follows
/// from the seed alone, as long as nobody else writes.
public struct ModelTest: Sendable {
    /// How many steps.
    public var steps: Int
    /// What the steps follow from.
    public var seed: UInt64
    /// How many steps lie between two openings of the backend; nil: it is never opened again.
    public var reopenEvery: Int?

    /// So many steps, as the seed has them.
    public init(steps: Int, seed: UInt64, reopenEvery: Int? = nil) {
        self.steps = steps
        self.seed = seed
        self.reopenEvery = reopenEvery
    }

    /// The steps that the environment asks for (`WEIR_TEST_STEPS`); otherwise so many.
    public static func steps(usually count: Int) -> Int {
        guard let text = getenv("WEIR_TEST_STEPS") else { return count }
        return Int(String(cString: text)) ?? count
    }

    /// Runs the steps on a new storage of a backend; throws a `ContractViolation`, which names seed and step.
    public func run(on backend: StorageBackend) async throws {
        var storage = try await backend.makeStorage()
        var run = ModelRun(seed: seed, store: ObjectStoreContract.store(over: storage))
        do {
            for step in 0..<steps {
                run.step = step
                try await run.next()
                guard let reopenEvery, let reopen = backend.reopen, step % reopenEvery == reopenEvery - 1 else {
                    continue
                }
                try await run.settleWatches()
                storage = try await reopen(storage)
                try await run.begin(over: ObjectStoreContract.store(over: storage))
            }
            try await run.settleWatches()
        } catch {
            try? await storage.close()
            try? await backend.discard(storage)
            throw ContractViolation("\(backend): seed \(seed), step \(run.step): \(run.doing): \(error)")
        }
        try await storage.close()
        try await backend.discard(storage)
    }
}

/// The store, the dictionary beside it, and the watches with what they must still tell.
struct ModelRun {
    /// What a watch must tell.
    struct Expected: Equatable {
        var change: WatchEvent.Change
        var object: Object
    }

    struct OpenWatch {
        var selection: ObjectSelection
        var reader: EventReader
        var expected: [Expected] = []
    }

    var step = 0
    var doing = ""
    var random: SeededRandom
    var store: ObjectStore
    var model: [ObjectKey: Object] = [:]
    var version = ResourceVersion.zero
    var watches: [OpenWatch] = []
    /// Versions that were once read: what a slow client still holds.
    private var remembered: [ResourceVersion] = []

    init(seed: UInt64, store: ObjectStore) {
        random = SeededRandom(seed: seed)
        self.store = store
    }

    /// Goes on with a store that was opened again: watches begin anew where the last ones ended.
    mutating func begin(over store: ObjectStore) async throws {
        self.store = store
        watches = []
        let all = try await store.list(ListQuery(ObjectSelection())).objects
        try StorageConformance.expect(all, is: model.values.sorted { $0.key < $1.key }, "the objects after the opening")
    }

    mutating func next() async throws {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<22: try await create()
        case 22..<40: try await update()
        case 40..<50: try await updateStatus()
        case 50..<62: try await patch()
        case 62..<78: try await delete()
        case 78..<86: try await get()
        case 86..<92: try await list()
        case 92..<95: try await watch()
        default: try await settleWatches()
        }
        // Bounded, so that no watch falls out of a history of usual size.
        if step % 500 == 499 { try await settleWatches() }
    }

    // MARK: Writes

    private mutating func create() async throws {
        let wanted = randomObject()
        doing = "create \(wanted.key)"
        let stored = model[wanted.key]
        let found = await outcome { [store] in try await store.create(wanted) }
        guard stored == nil else { return try expect(found, fails: .alreadyExists) }
        var next = wanted
        next.metadata.generation = 1
        next.status = nil
        try settle(found, wanted: next, over: nil)
    }

    private mutating func update() async throws {
        var wanted = randomObject()
        doing = "update \(wanted.key)"
        wanted.metadata.resourceVersion = randomVersion(wanted.key)
        let found = await outcome { [store, wanted] in try await store.update(wanted, .main) }
        guard let stored = try expectCurrent(found, wanted.key, wanted.metadata.resourceVersion) else { return }
        try settleMain(found, wanted, over: stored)
    }

    private mutating func updateStatus() async throws {
        var wanted = randomObject()
        wanted.status = ["phase": .integer(Int64.random(in: 0..<3, using: &random))]
        wanted.metadata.resourceVersion = randomVersion(wanted.key)
        doing = "write the status of \(wanted.key)"
        let found = await outcome { [store, wanted] in try await store.update(wanted, .status) }
        guard let stored = try expectCurrent(found, wanted.key, wanted.metadata.resourceVersion) else { return }
        var next = stored
        next.status = wanted.status
        try settle(found, wanted: next, over: stored)
    }

    private mutating func patch() async throws {
        let key = randomKey()
        doing = "patch \(key)"
        let size = Int64.random(in: 0..<4, using: &random)
        if random.chance(0.5) {
            let label: JSONValue = random.chance(0.3) ? .null : "x"
            let patch = ObjectPatch.merge([
                "metadata": ["labels": ["t": label], "finalizers": []], "spec": ["size": .integer(size), "color": nil],
            ])
            let found = await outcome { [store] in try await store.patch(key, patch, .main) }
            guard let stored = try expectCurrent(found, key, nil) else { return }
            var wanted = stored
            wanted.metadata.labels["t"] = label.stringValue
            wanted.metadata.finalizers = []
            wanted.spec?["size"] = .integer(size)
            wanted.spec?["color"] = nil
            try settleMain(found, wanted, over: stored)
        } else {
            let tested = Int64.random(in: 0..<4, using: &random)
            let patch = ObjectPatch.json([
                ["op": "test", "path": "/spec/size", "value": .integer(tested)],
                ["op": "replace", "path": "/spec/size", "value": .integer(size)],
            ])
            let found = await outcome { [store] in try await store.patch(key, patch, .main) }
            guard let stored = try expectCurrent(found, key, nil) else { return }
            guard stored.size == tested else { return try expect(found, fails: nil) }
            try settleMain(found, stored.with(size: size), over: stored)
        }
    }

    private mutating func delete() async throws {
        let key = randomKey()
        doing = "delete \(key)"
        let version = randomVersion(key)
        let options = DeleteOptions(preconditions: Preconditions(resourceVersion: version))
        let found = await outcome { [store] in try await store.delete(key, options) }
        guard let stored = try expectCurrent(found, key, version) else { return }
        if stored.metadata.finalizers.isEmpty { return try settleRemoval(found, of: stored) }
        var next = stored
        if !stored.metadata.isBeingDeleted {
            next.metadata.generation += 1
            next.metadata.deletionTimestamp = stored.metadata.creationTimestamp
        }
        try settle(found, wanted: next, over: stored)
    }

    // MARK: Answers

    private func outcome(_ body: @Sendable () async throws -> Object) async -> Result<Object, any Error> {
        do {
            return .success(try await body())
        } catch {
            return .failure(error)
        }
    }

    private func expect(_ found: Result<Object, any Error>, fails reason: ObjectError.Reason?) throws {
        switch found {
        case .success(let object):
            throw ContractViolation("gave \(object), wanted an error \(reason?.label ?? "")")
        case .failure(let error as ObjectError):
            guard let reason else { return }
            try StorageConformance.expect(error.reason.label, is: reason.label, "the reason of '\(error)'")
        case .failure(let error):
            throw error
        }
    }

    /// What the dictionary has for a write with a condition; nil where the write had to fail, and did.
    private func expectCurrent(
        _ found: Result<Object, any Error>, _ key: ObjectKey, _ version: ResourceVersion?
    ) throws -> Object? {
        guard let stored = model[key] else {
            try expect(found, fails: .notFound)
            return nil
        }
        guard version == nil || version == stored.version else {
            try expect(found, fails: .conflict)
            return nil
        }
        return stored
    }

    /// A write of the main part: of labels, finalizers and spec.
    private mutating func settleMain(
        _ found: Result<Object, any Error>, _ wanted: Object, over stored: Object
    ) throws {
        var next = stored
        next.metadata.labels = wanted.metadata.labels
        next.metadata.finalizers = wanted.metadata.finalizers
        next.spec = wanted.spec
        if next == stored { return try settle(found, wanted: stored, over: stored) }
        if stored.metadata.isBeingDeleted {
            let isMore = !Set(next.metadata.finalizers).isSubset(of: stored.metadata.finalizers)
            if isMore { return try expect(found, fails: .invalid) }
            if next.metadata.finalizers.isEmpty { return try settleRemoval(found, of: stored) }
        }
        if next.spec != stored.spec { next.metadata.generation += 1 }
        try settle(found, wanted: next, over: stored)
    }

    /// A write went through: the dictionary and the watches follow.
    private mutating func settle(
        _ found: Result<Object, any Error>, wanted: Object, over stored: Object?
    ) throws {
        let object = try found.get()
        if wanted == stored {
            return try StorageConformance.expect(object, is: wanted, "an answer to a write that changes nothing")
        }
        var expected = wanted
        expected.metadata.resourceVersion = object.metadata.resourceVersion
        if stored == nil {
            expected.metadata.uid = object.metadata.uid
            expected.metadata.creationTimestamp = object.metadata.creationTimestamp
        }
        try StorageConformance.expect(object, is: expected, "the answer")
        try StorageConformance.expect(object.version > version, "\(object.version) came after \(version)")
        version = object.version
        remembered.append(version)
        if remembered.count > 64 { remembered.removeFirst(32) }
        model[object.key] = object
        tell(object, stored)
    }

    private mutating func settleRemoval(_ found: Result<Object, any Error>, of stored: Object) throws {
        let removed = try found.get()
        try StorageConformance.expect(removed.version > version, "\(removed.version) came after \(version)")
        try StorageConformance.expect(removed.metadata.uid, is: stored.metadata.uid, "the uid of what was removed")
        version = removed.version
        model[stored.key] = nil
        tell(nil, stored)
    }

    private mutating func tell(_ object: Object?, _ previous: Object?) {
        for place in watches.indices {
            let matches = object.map(watches[place].selection.matches) ?? false
            let matched = previous.map(watches[place].selection.matches) ?? false
            if matches, let object {
                watches[place].expected.append(Expected(change: matched ? .modified : .added, object: object))
            } else if matched, var last = previous {
                last.metadata.resourceVersion = version
                watches[place].expected.append(Expected(change: .deleted, object: last))
            }
        }
    }

    // MARK: Chance

    private mutating func randomKey() -> ObjectKey {
        let kind = random.chance(0.7) ? Sample.widget : Sample.gadget
        let namespace = random.chance(0.6) ? "default" : "other"
        return Sample.key("o\(Int.random(in: 0..<24, using: &random))", in: namespace, kind: kind)
    }

    private mutating func randomObject() -> Object {
        let key = randomKey()
        let labels = random.chance(0.5) ? ["t": random.chance(0.5) ? "x" : "y"] : [:]
        var object = Sample.object(
            key.name, in: key.namespace, kind: key.kind, uid: "", labels: labels,
            size: Int64.random(in: 0..<4, using: &random), color: random.chance(0.8) ? "red" : "blue")
        if random.chance(0.25) { object.metadata.finalizers = ["example.com/a"] }
        if random.chance(0.05) { object.metadata.finalizers.append("example.com/b") }
        return object
    }

    /// None, the right one, or one that somebody still holds.
    private mutating func randomVersion(_ key: ObjectKey) -> ResourceVersion? {
        let chance = Int.random(in: 0..<10, using: &random)
        if chance < 4 { return nil }
        if chance < 8 { return model[key]?.version }
        return remembered.randomElement(using: &random)
    }

    mutating func randomSelection() -> ObjectSelection {
        var selection = ObjectSelection()
        if random.chance(0.6) { selection.kind = random.chance(0.7) ? Sample.widget : Sample.gadget }
        if random.chance(0.4) { selection.namespace = random.chance(0.6) ? "default" : "other" }
        if random.chance(0.2) { selection.namePrefix = "o1" }
        if random.chance(0.3) { selection.labels = LabelSelector(["t": "x"]) }
        if random.chance(0.3) {
            selection.fields = FieldSelector([.init("spec.color", isEqual: random.chance(0.5), "red")])
        }
        if random.chance(0.1) { selection.fields.requirements.append(.init("metadata.name", "o7")) }
        return selection
    }
}
