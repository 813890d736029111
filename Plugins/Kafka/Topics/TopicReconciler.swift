internal import KafkaWire
internal import Logging
internal import ObjectStore
internal import SegmentLog
internal import Synchronization
internal import WeirRuntime

/// Brings the node's partitions into line with the `Topic` objects, and says in them how far it has come.
///
/// Level-based: it looks at what is, not at what changed, so that any number of calls for a name end in the same.
/// From any thread; for one name never twice at once, which is for the caller to see to.
public final class TopicReconciler: Sendable {
    /// Objects of one topic that are written at once: the log groups their syncs.
    private static let writesMax = 64
    /// How often a write is tried where others change the same object.
    private static let conflictsMax = 16

    let objects: any ObjectAccess
    let host: any PartitionHost
    let index: TopicIndex
    let progress: TopicProgress
    let rules: TopicRules
    let logger: Logger
    /// Which topic has a name as metric systems spell it: the first one that served keeps it.
    private let claims = Mutex(Claims())

    init(
        objects: any ObjectAccess, host: any PartitionHost, index: TopicIndex, progress: TopicProgress,
        rules: TopicRules, logger: Logger
    ) {
        self.objects = objects
        self.host = host
        self.index = index
        self.progress = progress
        self.rules = rules
        self.logger = logger
    }

    /// Whether a topic of that name is served.
    func serves(_ name: String) -> Bool { index.snapshot()[name] != nil }

    /// Makes, changes or deletes what the topic of that name asks for. Not before `open` has returned.
    ///
    /// Throws where it could not be done and is to be tried again.
    public func reconcile(_ name: String) async throws {
        guard let object = try await stored(TopicObject.key(name)) else { return try await vanished(name) }
        if object.metadata.isBeingDeleted { return try await finish(object) }
        let kept = try await withFinalizer(object)
        let topic = try TopicObject.description(of: kept, broker: rules.settings)
        let isNew = index.snapshot()[topic.id] == nil
        do {
            try await serve(topic)
        } catch {
            if isNew { release(topic) }
            let failure = TopicError(error, while: doing(topic))
            try? await write(
                failure.status(of: topic, partitions: index.snapshot()[topic.id]?.partitionCount), to: kept)
            progress.publish(.failed(generation: topic.generation, failure), of: topic.id, named: name)
            throw failure
        }
        index.insert(topic)
        do {
            async let partitions: Void = writePartitions(of: topic, isNew: isNew)
            async let status: Void = write(
                TopicStatus(
                    phase: .ready, partitions: topic.partitionCount, observedGeneration: topic.generation), to: kept)
            _ = try await (partitions, status)
        } catch {
            // It serves, whatever its objects say of it; they are written the next time.
            progress.publish(.served(topic), of: topic.id, named: name)
            throw error
        }
        progress.publish(.served(topic), of: topic.id, named: name)
    }

    // MARK: Serving

    private func serve(_ topic: TopicDescription) async throws {
        let before = index.snapshot()[topic.name]
        // An object that was taken away by force, and another one made in its place.
        if let before, before.id != topic.id { try await remove(before) }
        try claim(topic)
        for range in host.missingPartitions(of: topic) { try await host.create(topic, partitions: range) }
        if let before, before.id == topic.id, before.configuration != topic.configuration { await host.apply(topic) }
    }

    /// Takes the topic's name among those that metric systems can tell apart.
    private func claim(_ topic: TopicDescription) throws(TopicError) {
        guard let owner = claims.withLock({ $0.claim(topic) }) else { return }
        throw TopicRules.collision(topic.name, index.snapshot()[owner]?.name ?? "a topic that is being deleted")
    }

    func claim(_ topics: [TopicDescription]) {
        claims.withLock { claims in for topic in topics { _ = claims.claim(topic) } }
    }

    /// Lets others have the topic's name; those that asked for it are to be reconciled again.
    private func release(_ topic: TopicDescription) {
        let (waiting, wake) = claims.withLock { ($0.release(topic), $0.wake) }
        for name in waiting { wake?(name) }
    }

    /// Whom to tell of topics whose name became free, so that they are reconciled without waiting for their back-off.
    func onFreedName(_ wake: @escaping @Sendable (String) -> Void) {
        claims.withLock { $0.wake = wake }
    }

    /// Takes the broker's changed settings into use wherever a topic has none of its own.
    func adoptSettings() async {
        for topic in index.snapshot().byName.values {
            let settings = rules.settings
            guard topic.configuration.broker != settings,
                let configuration = try? TopicConfiguration(overrides: topic.configuration.overrides, broker: settings)
            else { continue }
            let changed = topic.inheriting(configuration)
            guard index.replace(topic, with: changed) else { continue }
            await host.apply(changed)
        }
        // A topic that was being changed meanwhile may have come out of that with the settings of before.
        let wake = claims.withLock { $0.wake }
        for name in index.snapshot().byName.keys { wake?(name) }
    }

    private func doing(_ topic: TopicDescription) -> String {
        index.snapshot()[topic.id] == nil ? "creating the topic '\(topic.name)'" : "changing the topic '\(topic.name)'"
    }

    // MARK: Going

    /// The object is gone without having waited for its records: its finalizer was taken away by force.
    private func vanished(_ name: String) async throws {
        guard let topic = index.snapshot()[name] else { return }
        try await remove(topic)
        try await deletePartitions(of: topic.name, count: topic.partitionCount)
        progress.publish(.gone, of: topic.id, named: name)
    }

    private func finish(_ object: Object) async throws {
        guard object.metadata.finalizers.contains(TopicObject.finalizer) else { return }
        let topic = leaving(object)
        do {
            try await remove(topic)
            try await deletePartitions(of: topic.name, count: topic.partitionCount)
            try await change(object.key, of: object.metadata.uid) {
                $0.finalizers.removeAll { $0 == TopicObject.finalizer }
            }
        } catch {
            let failure = TopicError(error, while: "deleting the files of topic '\(topic.name)'")
            let status = TopicStatus(
                phase: .terminating, partitions: 0, observedGeneration: object.metadata.generation,
                message: failure.message)
            try? await write(status, to: object)
            progress.publish(.stuck(failure), of: topic.id, named: topic.name)
            throw failure
        }
        progress.publish(.gone, of: topic.id, named: topic.name)
    }

    /// What is to be deleted: all partitions that were ever asked for or made.
    private func leaving(_ object: Object) -> TopicDescription {
        let id = TopicID(uid: object.metadata.uid) ?? TopicID(high: 0, low: 0)
        let asked = TopicSpec(object.spec).partitions ?? 0
        let found = TopicStatus.partitions(of: object)
        let served = index.snapshot()[id]
        return TopicDescription(
            name: object.metadata.name, id: id, partitionCount: max(asked, found, served?.partitionCount ?? 0),
            replicationFactor: 1,
            configuration: served?.configuration ?? TopicObject.configuration([:], rules.settings))
    }

    /// Shows the topic no more and deletes its records; returns when the name is free on disk.
    private func remove(_ topic: TopicDescription) async throws {
        index.remove(topic)
        try await host.delete(topic)
        claims.withLock { $0.forget(topic) }
        release(topic)
    }

    // MARK: Objects

    func stored(_ key: ObjectKey) async throws -> Object? {
        do {
            return try await objects.get(key)
        } catch let error as ObjectError where error.reason == .notFound {
            return nil
        }
    }

    private func withFinalizer(_ object: Object) async throws -> Object {
        if object.metadata.finalizers.contains(TopicObject.finalizer) { return object }
        var changed = object
        changed.metadata.finalizers.append(TopicObject.finalizer)
        return try await objects.update(changed, .main)
    }

    /// Changes the metadata of an object, unless it is gone or another one by now.
    private func change(_ key: ObjectKey, of uid: String, _ body: (inout ObjectMetadata) -> Void) async throws {
        for attempt in 1... {
            guard var object = try await stored(key), object.metadata.uid == uid else { return }
            body(&object.metadata)
            do {
                _ = try await objects.update(object, .main)
                return
            } catch let error as ObjectError where error.reason == .notFound {
                return
            } catch let error as ObjectError where error.reason == .conflict && attempt < Self.conflictsMax {
                continue
            }
        }
    }

    /// Writes the status where it is another one.
    private func write(_ status: TopicStatus, to object: Object) async throws {
        let json = status.json
        guard object.status != json else { return }
        var changed = object
        changed.status = json
        // What is written is about a generation, which it names: others may change the object meanwhile.
        changed.metadata.resourceVersion = nil
        do {
            _ = try await objects.update(changed, .status)
        } catch let error as ObjectError where error.reason == .notFound || error.reason == .conflict {
            // Gone, or another one by now: its own reconciliation comes.
        }
    }

    /// - Parameter isNew: Whether the topic was not served before, so that the objects are hardly there.
    private func writePartitions(of topic: TopicDescription, isNew: Bool) async throws {
        let replicas = Array(rules.nodes.prefix(max(1, Int(topic.replicationFactor))))
        try await forEach(0..<topic.partitionCount) { [self] partition in
            let made = PartitionObject.make(topic, partition, replicas: replicas)
            if isNew, try await create(made) { return }
            guard let there = try await stored(made.key) else {
                _ = try await objects.create(made)
                return
            }
            let right = PartitionObject.corrected(there, topic, partition, replicas: replicas)
            if let right { _ = try await objects.update(right, .main) }
        }
    }

    /// Stores an object; whether it was not there.
    private func create(_ object: Object) async throws -> Bool {
        do {
            _ = try await objects.create(object)
            return true
        } catch let error as ObjectError where error.reason == .alreadyExists {
            return false
        }
    }

    private func deletePartitions(of topic: String, count: Int32) async throws {
        try await forEach(0..<count) { [self] partition in
            do {
                _ = try await objects.delete(PartitionObject.key(topic, partition), DeleteOptions())
            } catch let error as ObjectError where error.reason == .notFound {
                // A repetition, or the owner's collector was faster.
            }
        }
    }

    /// Runs `body` for each partition, a bounded number at once.
    private func forEach(
        _ partitions: Range<Int32>, _ body: @escaping @Sendable (Int32) async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (position, partition) in partitions.enumerated() {
                if position >= Self.writesMax { try await group.next() }
                group.addTask { try await body(partition) }
            }
            try await group.waitForAll()
        }
    }
}

/// Names as metric systems spell them, and who has them.
private struct Claims {
    private var owners: [String: TopicID] = [:]
    /// Topics that wait for a name of another one.
    private var waiting: [String: Set<String>] = [:]
    var wake: (@Sendable (String) -> Void)?

    /// Takes a topic's name; who has it, where it is another one.
    mutating func claim(_ topic: TopicDescription) -> TopicID? {
        let name = TopicName.metricName(topic.name)
        guard let owner = owners[name], owner != topic.id else {
            owners[name] = topic.id
            return nil
        }
        waiting[name, default: []].insert(topic.name)
        return owner
    }

    /// Lets go of a topic's name; who waits for it.
    mutating func release(_ topic: TopicDescription) -> Set<String> {
        let name = TopicName.metricName(topic.name)
        guard owners[name] == topic.id else { return [] }
        owners[name] = nil
        return waiting.removeValue(forKey: name) ?? []
    }

    /// The topic does not wait any more.
    mutating func forget(_ topic: TopicDescription) {
        let name = TopicName.metricName(topic.name)
        waiting[name]?.remove(topic.name)
        if waiting[name]?.isEmpty == true { waiting[name] = nil }
    }
}

extension TopicError {
    fileprivate func status(of topic: TopicDescription, partitions: Int32?) -> TopicStatus {
        TopicStatus(
            phase: .failed, partitions: partitions ?? 0, observedGeneration: topic.generation, message: message)
    }
}
