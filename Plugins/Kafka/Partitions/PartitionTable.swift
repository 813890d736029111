public import SegmentLog
internal import Synchronization
public import WeirRuntime

/// The partitions that are served here, by topic name and by topic id.
///
/// Callable from any thread. A request takes one snapshot and reads that without a lock.
public final class PartitionTable: PartitionHost {
    private let provider: any LogProvider
    private let loops: [any Loop]
    private let host: any ComponentHost
    private let served = Mutex(ServedTopics())
    /// Partitions that are opened at once.
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

    /// Makes the logs of partitions and serves them.
    public func create(_ topic: TopicDescription, partitions: Range<Int32>) async throws {
        try await start(topic, partitions, .created)
    }

    /// Opens partitions whose logs are on disk, and serves them.
    public func open(_ topic: TopicDescription, partitions: Range<Int32>) async throws {
        try await start(topic, partitions, .found)
    }

    /// Stops serving a topic and deletes its logs; returns when the name is free.
    public func delete(_ topic: TopicDescription) async throws {
        let removed = served.withLock { $0.remove(topic.id) }
        for partition in removed?.partitions.values.sorted(by: { $0.identity.partition < $1.identity.partition }) ?? []
        {
            await partition.loop.run { partition.markDeleted() }
            try await host.removeComponent(partition.name)
        }
        // Also those that never served: a creation that failed half-way.
        for identity in try await provider.list() where identity.topicID == topic.id {
            try await provider.delete(identity)
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
        let settings = topic.configuration.logSettings()
        for partition in changed?.partitions.values ?? [:].values {
            await partition.loop.run { partition.apply(settings) }
        }
    }

    private func start(_ topic: TopicDescription, _ range: Range<Int32>, _ origin: Partition.Origin) async throws {
        let settings = topic.configuration.logSettings()
        let started = range.map { number in
            Partition(
                identity: LogIdentity(topicID: topic.id, topic: topic.name, partition: number),
                loop: loop(topicID: topic.id, partition: number), origin: origin, provider: provider,
                settings: settings)
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, partition) in started.enumerated() {
                if index >= Self.openingMax { try await group.next() }
                group.addTask { try await self.host.addComponent(partition) }
            }
            try await group.waitForAll()
        }
        served.withLock { served in
            var partitions = served[id: topic.id]?.partitions ?? [:]
            for partition in started { partitions[partition.identity.partition] = partition }
            served.insert(ServedTopic(description: topic, partitions: partitions))
        }
    }
}

/// A topic that is served: what it is, and its partitions by number. Immutable.
final class ServedTopic: Sendable {
    let description: TopicDescription
    let partitions: [Int32: Partition]

    init(description: TopicDescription, partitions: [Int32: Partition]) {
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

    /// Every partition, in no order.
    var partitions: [Partition] { byID.values.flatMap(\.partitions.values) }

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
