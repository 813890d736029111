public import SegmentLog
internal import Synchronization
public import WeirRuntime

/// The partitions that are served here, by topic name and by topic id.
///
/// Callable from any thread. A request takes one snapshot and reads that without a lock.
public final class PartitionTable: PartitionHost {
    private let provider: any LogProvider
    /// The loops that partitions are spread over.
    let loops: [any Loop]
    private let host: any ComponentHost
    private let served = Mutex(ServedTopics())
    /// Partitions that are opened or deleted at once.
    private static let openingMax = 16

    /// A table that serves nothing yet.
    ///
    /// - Parameters:
    ///   - provider: Where logs come from.
    ///   - loops: The loops that partitions are spread over.
    ///   - host: Who starts, counts and drains partitions.
    public init(provider: any LogProvider, loops: [any Loop], host: any ComponentHost) {
        precondition(!loops.isEmpty, "partitions need a loop to belong to")
        self.provider = provider
        self.loops = loops
        self.host = host
    }

    /// What is served now.
    func snapshot() -> ServedTopics { served.withLock { $0 } }

    /// The loop that a partition belongs to: neighbours on different ones.
    func loop(topicID: TopicID, partition: Int32) -> any Loop {
        var hash = topicID.high ^ topicID.low
        hash ^= hash >> 33
        return loops[Int((hash &+ UInt64(UInt32(bitPattern: partition))) % UInt64(loops.count))]
    }

    // MARK: PartitionHost

    /// The partitions that the topic asks for and that are not served here.
    public func missingPartitions(of topic: TopicDescription) -> [Range<Int32>] {
        let there = served.withLock { $0[id: topic.id] }
        guard let there else { return topic.partitionCount > 0 ? [0..<topic.partitionCount] : [] }
        if there.partitions.count == Int(topic.partitionCount) { return [] }
        return StartPlan.runs((0..<topic.partitionCount).filter { there.partitions[$0] == nil })
    }

    /// Makes the logs of partitions and serves them, all or none.
    public func create(_ topic: TopicDescription, partitions: Range<Int32>) async throws {
        try await start(topic, partitions, .created)
    }

    /// Opens partitions whose logs are on disk, and serves them.
    public func open(_ topic: TopicDescription, partitions: Range<Int32>) async throws {
        try await start(topic, partitions, .found)
    }

    /// Stops serving a topic and deletes its logs; returns when the name is free.
    public func delete(_ topic: TopicDescription) async throws {
        let removed = served.withLock { $0.remove(topic.id) }?.partitions ?? [:]
        var left: [ServedPartition] = []
        do {
            for number in removed.keys.sorted() {
                guard let partition = removed[number] else { continue }
                left.append(partition)
                await partition.loop.run { partition.markDeleted() }
                try await host.removeComponent(partition.name)
                left.removeLast()
            }
        } catch {
            // Those that still run are to be found again when this is repeated.
            let rest = removed.filter { number, _ in number >= left.first?.identity.partition ?? .max }
            served.withLock { $0.insert(ServedTopic(description: topic, partitions: rest)) }
            throw error
        }
        // Also those that never served: what a crash left of a creation or of a deletion.
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<topic.partitionCount {
                if number >= Self.openingMax { try await group.next() }
                group.addTask { try await self.discard(self.identity(topic, number)) }
            }
            try await group.waitForAll()
        }
    }

    /// Deletes a log, unless that was done before.
    public func discard(_ identity: LogIdentity) async throws {
        do {
            try await provider.delete(identity)
        } catch let error as LogError where error.code == .notFound {
            // There is none.
        }
    }

    /// Takes a topic's changed configuration or partition count into use.
    public func apply(_ topic: TopicDescription) async {
        let changed = served.withLock { served -> ServedTopic? in
            guard let old = served[id: topic.id] else { return nil }
            let new = ServedTopic(description: topic, partitions: old.partitions)
            served.insert(new)
            return new
        }
        for partition in changed?.partitions.values ?? [:].values {
            let settings = topic.configuration.logSettings(of: partition.identity)
            await partition.loop.run { partition.apply(settings) }
        }
    }

    private func start(_ topic: TopicDescription, _ range: Range<Int32>, _ origin: ServedPartition.Origin) async throws
    {
        let partitions = range.map { number in
            let identity = identity(topic, number)
            return ServedPartition(
                identity: identity, loop: loop(topicID: topic.id, partition: number), origin: origin,
                provider: provider, settings: topic.configuration.logSettings(of: identity))
        }
        let outcome = await add(partitions)
        if let error = outcome.error {
            for partition in outcome.added { try? await host.removeComponent(partition.name) }
            // What was found on disk stays there.
            if origin == .created { for partition in outcome.added { try? await discard(partition.identity) } }
            throw error
        }
        served.withLock { served in
            var all = served[id: topic.id]?.partitions ?? [:]
            for partition in partitions { all[partition.identity.partition] = partition }
            served.insert(ServedTopic(description: topic, partitions: all))
        }
    }

    /// Starts the partitions, a bounded number at once; those that were, and what the first one failed with.
    private func add(_ partitions: [ServedPartition]) async -> (added: [ServedPartition], error: (any Error)?) {
        await withTaskGroup(of: (ServedPartition, (any Error)?).self) { [host] group in
            var added: [ServedPartition] = []
            var failure: (any Error)?
            func note(_ partition: ServedPartition, _ error: (any Error)?) {
                if let error { failure = failure ?? error } else { added.append(partition) }
            }
            for (index, partition) in partitions.enumerated() {
                if index >= Self.openingMax, let (done, error) = await group.next() { note(done, error) }
                if failure != nil { break }
                group.addTask {
                    do { try await host.addComponent(partition) } catch { return (partition, error) }
                    return (partition, nil)
                }
            }
            for await (done, error) in group { note(done, error) }
            return (added, failure)
        }
    }

    private func identity(_ topic: TopicDescription, _ partition: Int32) -> LogIdentity {
        LogIdentity(topicID: topic.id, topic: topic.name, partition: partition)
    }
}

/// A topic that is served: what it is, and its partitions by number. Immutable.
final class ServedTopic: Sendable {
    let description: TopicDescription
    let partitions: [Int32: ServedPartition]

    init(description: TopicDescription, partitions: [Int32: ServedPartition]) {
        self.description = description
        self.partitions = partitions
    }
}

/// All topics that are served at one moment.
struct ServedTopics: Sendable {
    private var byName: [String: ServedTopic] = [:]
    private var byID: [TopicID: ServedTopic] = [:]

    subscript(name: String) -> ServedTopic? { byName[name] }
    subscript(id id: TopicID) -> ServedTopic? { byID[id] }

    /// Every topic, in no order.
    var topics: [ServedTopic] { Array(byID.values) }

    /// Every partition, in no order.
    var partitions: [ServedPartition] { byID.values.flatMap(\.partitions.values) }

    mutating func insert(_ topic: ServedTopic) {
        byID[topic.description.id] = topic
        byName[topic.description.name] = topic
    }

    mutating func remove(_ id: TopicID) -> ServedTopic? {
        guard let topic = byID.removeValue(forKey: id) else { return nil }
        if byName[topic.description.name]?.description.id == id { byName[topic.description.name] = nil }
        return topic
    }
}
