internal import KafkaWire
public import SegmentLog
internal import Synchronization
public import WeirRuntime

/// The topics of the node: `Topic` objects in the metadata log, and what makes, changes and deletes them.
///
/// An edge. Snapshots are readable from any thread; changes go through one at a time. A change is
/// committed in the metadata log first, then carried out at the partitions, then shown in the
/// snapshot; what a crash interrupts in between, `load` completes. One request is one commit, however many
/// topics it has.
public actor TopicCatalog {
    /// Producer ids in one block (KIP-730).
    static let producerIDBlockSize: Int64 = 1000
    /// Topics that are made, opened or deleted at the partitions at once.
    private static let hostCallsMax = 16

    private let provider: any LogProvider
    private let loop: any Loop
    private let clock: any Clock
    private let host: any PartitionHost
    private let randomBits: @Sendable () -> UInt64
    private nonisolated let current = Mutex(TopicsSnapshot())
    nonisolated let rules: TopicRules
    private let topicTurn = Turnstile()
    private let producerTurn = Turnstile()
    private var log: MetadataLog?
    private var nextProducerID: Int64 = 0

    /// A catalog that holds nothing until `load`.
    ///
    /// - Parameters:
    ///   - provider: Where the metadata log and the partitions' logs are.
    ///   - loop: The loop that the metadata log belongs to.
    ///   - settings: The defaults of topics.
    ///   - nodes: The nodes that can hold replicas: on a single node its own id.
    ///   - host: Who serves the partitions.
    ///   - clock: For creation times.
    ///   - randomBits: Where topic ids come from.
    public init(
        provider: any LogProvider, loop: any Loop, settings: BrokerSettings, nodes: [Int32],
        host: any PartitionHost, clock: any Clock, randomBits: @escaping @Sendable () -> UInt64
    ) {
        self.provider = provider
        self.loop = loop
        self.clock = clock
        self.host = host
        self.randomBits = randomBits
        rules = TopicRules(settings: settings, nodes: nodes)
    }

    /// The broker's settings, which topics take their defaults from.
    public nonisolated var settings: BrokerSettings { rules.settings }

    /// The topics as they are now. From any thread.
    public nonisolated func snapshot() -> TopicsSnapshot { current.withLock { $0 } }

    /// Reads the metadata log, deletes logs that no topic claims, makes those that are missing, opens the
    /// others. Returns when all topics serve.
    public func load() async throws {
        precondition(log == nil, "a catalog is loaded once")
        let existing = try await provider.list()
        let log = try await MetadataLog.open(among: existing, from: provider, on: loop, clock: clock)
        var replayed = CatalogReplay(settings: settings)
        try await log.replay { try replayed.apply($0) }
        nextProducerID = replayed.nextProducerID
        let plan = StartPlan(topics: replayed.snapshot, existing: existing)
        for orphan in plan.orphans { try await provider.delete(orphan) }
        try await serve(plan)
        self.log = log
        current.withLock { $0 = replayed.snapshot }
    }

    /// Closes the metadata log; changes fail after it.
    public func close() async throws {
        let closing = log
        log = nil
        try await closing?.close()
    }

    /// Makes topics; returns when their partitions serve. One result a topic, in order.
    public func create(
        _ topics: [NewTopic], _ mode: CatalogMode = .perform
    ) async -> [Result<TopicDescription, TopicError>] {
        await topicTurn.pass { await createInTurn(topics, mode) }
    }

    /// Makes those of the topics that are not there, as a client that asks for them wants
    /// (`auto.create.topics.enable` is the caller's to check). One result a name, in order.
    public func autoCreate(_ names: [String]) async -> [Result<TopicDescription, TopicError>] {
        await topicTurn.pass {
            // Another request may have made them while this one waited.
            let known = snapshot()
            var made: [String: Result<TopicDescription, TopicError>] = [:]
            let missing = Set(names).filter { known[$0] == nil }.sorted()
            for (name, result) in zip(missing, await createInTurn(missing.map { NewTopic(name: $0) }, .perform)) {
                made[name] = result
            }
            return names.map { name in
                known[name].map { .success($0) } ?? made[name]
                    ?? .failure(TopicError(.unknownTopicOrPartition, "The topic '\(name)' does not exist."))
            }
        }
    }

    /// Deletes topics; returns when their names are free. One result a reference, in order.
    public func delete(_ references: [TopicReference]) async -> [Result<TopicDescription, TopicError>] {
        await topicTurn.pass { await deleteInTurn(references) }
    }

    /// Adds partitions; returns when they serve. One result a request, in order.
    public func createPartitions(
        _ requests: [NewPartitions], _ mode: CatalogMode = .perform
    ) async -> [Result<TopicDescription, TopicError>] {
        await topicTurn.pass { await createPartitionsInTurn(requests, mode) }
    }

    /// Changes configurations, each topic's for itself; returns when they are in force.
    public func alterConfigurations(
        _ changes: [(topic: String, change: ConfigurationChange)], _ mode: CatalogMode = .perform
    ) async -> [Result<TopicDescription, TopicError>] {
        await topicTurn.pass { await alterInTurn(changes, mode) }
    }

    /// Takes the next block of producer ids: durable before it returns, so that no id is given twice.
    public func allocateProducerIDBlock() async throws -> Range<Int64> {
        try await producerTurn.pass {
            let block = nextProducerID..<(nextProducerID + Self.producerIDBlockSize)
            let object = ProducerIDBlockObject(
                first: block.lowerBound, count: Self.producerIDBlockSize, uid: TopicID.random(randomBits).uid,
                creationTimestamp: timestampText(wallMilliseconds: clock.wallMilliseconds))
            _ = try await commit([MetadataRecord(key: object.key, value: try object.json())])
            nextProducerID = block.upperBound
            return block
        }
    }
}

extension TopicCatalog {
    private func createInTurn(
        _ topics: [NewTopic], _ mode: CatalogMode
    ) async -> [Result<TopicDescription, TopicError>] {
        let now = timestampText(wallMilliseconds: clock.wallMilliseconds)
        let planned = rules.plan(topics, in: snapshot()).map { result in
            result.map { plan in
                TopicDescription(
                    name: plan.name, id: mode == .perform ? TopicID.random(randomBits) : TopicID(high: 0, low: 0),
                    partitionCount: plan.partitionCount, replicationFactor: plan.replicationFactor,
                    configuration: plan.configuration, creationTimestamp: now)
            }
        }
        guard mode == .perform else { return planned }
        return await carryOut(planned, named: "creating the topic") { host, topic in
            try await host.create(topic, partitions: 0..<topic.partitionCount)
        } undo: { topic in
            MetadataRecord(key: TopicObject.key(name: topic.name), value: nil)
        }
    }

    private func createPartitionsInTurn(
        _ requests: [NewPartitions], _ mode: CatalogMode
    ) async -> [Result<TopicDescription, TopicError>] {
        let before = snapshot()
        var counts: [String: Int] = [:]
        for request in requests { counts[request.topic, default: 0] += 1 }
        let planned = requests.map { request in
            Result { () throws(TopicError) -> TopicDescription in
                guard counts[request.topic] == 1 else { throw TopicError(.invalidRequest, "Duplicate topic name.") }
                return try rules.plan(request, in: before)
            }
        }
        guard mode == .perform else { return planned }
        return await carryOut(planned, named: "adding partitions to the topic") { host, topic in
            let first = before[topic.name]?.partitionCount ?? 0
            try await host.create(topic, partitions: first..<topic.partitionCount)
        } undo: { topic in
            guard let old = before[topic.name] else { return nil }
            return try? MetadataRecord(old)
        }
    }

    private func alterInTurn(
        _ changes: [(topic: String, change: ConfigurationChange)], _ mode: CatalogMode
    ) async -> [Result<TopicDescription, TopicError>] {
        let before = snapshot()
        let planned = changes.map { name, change in
            Result { () throws(TopicError) -> TopicDescription in
                let topic = try rules.existing(name, in: before)
                return topic.changed(configuration: try ConfigurationPlan.plan(change, of: topic))
            }
        }
        guard mode == .perform else { return planned }
        return await carryOut(planned, named: "changing the topic's configuration") { host, topic in
            await host.apply(topic)
        } undo: { _ in
            nil
        }
    }

    private func deleteInTurn(_ references: [TopicReference]) async -> [Result<TopicDescription, TopicError>] {
        let before = snapshot()
        var results = references.map { reference in
            Result { () throws(TopicError) -> TopicDescription in try existing(reference, in: before) }
        }
        let doomed = results.compactMap { try? $0.get() }
        guard !doomed.isEmpty else { return results }
        do {
            _ = try await commit(
                doomed.map { MetadataRecord(key: TopicObject.key(name: $0.name), value: nil) })
        } catch {
            let failure = TopicError(error, while: "deleting topics")
            return results.map { $0.flatMap { _ in .failure(failure) } }
        }
        current.withLock { snapshot in for topic in doomed { snapshot.remove(topic) } }
        let failures = await atHost(doomed) { host, topic in try await host.delete(topic) }
        for (position, result) in results.enumerated() {
            guard case .success(let topic) = result, let error = failures[topic.id] else { continue }
            results[position] = .failure(TopicError(error, while: "deleting the files of topic '\(topic.name)'"))
        }
        return results
    }

    private func existing(
        _ reference: TopicReference, in snapshot: TopicsSnapshot
    ) throws(TopicError) -> TopicDescription {
        switch reference {
        case .name(let name):
            if let topic = snapshot[name] { return topic }
            throw TopicError(.unknownTopicOrPartition, "This server does not host this topic-partition.")
        case .id(let id):
            if let topic = snapshot[id] { return topic }
            throw TopicError(.unknownTopicId, "This server does not host this topic ID.")
        }
    }

    /// Commits the planned topics in one go, carries each out at the partitions, shows those that worked,
    /// and takes the others back with the record that `undo` gives.
    private func carryOut(
        _ planned: [Result<TopicDescription, TopicError>], named what: String,
        _ body: @escaping @Sendable (any PartitionHost, TopicDescription) async throws -> Void,
        undo: (TopicDescription) -> MetadataRecord?
    ) async -> [Result<TopicDescription, TopicError>] {
        var topics = planned.compactMap { try? $0.get() }
        guard !topics.isEmpty else { return planned }
        do {
            let first = try await commit(try topics.map { try MetadataRecord($0) })
            topics = topics.enumerated().map { $1.changed(resourceVersion: first + Int64($0) + 1) }
        } catch {
            let failure = TopicError(error, while: what)
            return planned.map { $0.flatMap { _ in .failure(failure) } }
        }
        let failures = await atHost(topics, body)
        let failed = topics.filter { failures[$0.id] != nil }
        await takeBack(failed, undo)
        current.withLock { snapshot in
            for topic in topics where failures[topic.id] == nil { snapshot.insert(topic) }
        }
        var versions = topics.makeIterator()
        return planned.map { result in
            result.flatMap { planned in
                let topic = versions.next() ?? planned
                guard let error = failures[topic.id] else { return .success(topic) }
                return .failure(TopicError(error, while: "\(what) '\(topic.name)'"))
            }
        }
    }

    /// The metadata log said that the topics are there, their partitions failed: neither may stay. Where
    /// this fails as well, the next start tries again.
    private func takeBack(_ failed: [TopicDescription], _ undo: (TopicDescription) -> MetadataRecord?) async {
        let records = failed.compactMap(undo)
        guard !records.isEmpty, (try? await commit(records)) != nil else { return }
        let gone = zip(failed, records).filter { $1.value == nil }.map(\.0)
        _ = await atHost(gone) { host, topic in try await host.delete(topic) }
    }

    private func commit(_ records: [MetadataRecord]) async throws -> Int64 {
        guard let log else { throw LogError(.closed, "the metadata log is not open") }
        return try await log.append(records)
    }

    private func serve(_ plan: StartPlan) async throws {
        let failures = await atHost(plan.topics) { host, topic in
            for range in plan.existing[topic.id] ?? [] { try await host.open(topic, partitions: range) }
            for range in plan.missing[topic.id] ?? [] { try await host.create(topic, partitions: range) }
        }
        if let failure = failures.values.first { throw failure }
    }

    /// Runs `body` for each topic, a bounded number at once; returns what failed, by topic id.
    private func atHost(
        _ topics: [TopicDescription],
        _ body: @escaping @Sendable (any PartitionHost, TopicDescription) async throws -> Void
    ) async -> [TopicID: any Error] {
        await withTaskGroup(of: (TopicID, (any Error)?).self) { [host] group in
            var failures: [TopicID: any Error] = [:]
            for (position, topic) in topics.enumerated() {
                if position >= Self.hostCallsMax, let (id, error) = await group.next() { failures[id] = error }
                group.addTask {
                    do { try await body(host, topic) } catch { return (topic.id, error) }
                    return (topic.id, nil)
                }
            }
            for await (id, error) in group { failures[id] = error }
            return failures
        }
    }
}
