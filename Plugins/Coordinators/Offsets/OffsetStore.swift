import KafkaWire
import NIOCore

/// The committed offsets of groups, and those of transactions that have not ended.
///
/// Changes only by records and by the ends of transactions, in the log's order.
struct OffsetStore: Sendable {
    private typealias Partitions = [Int32: CommittedOffset]
    private typealias Topics = [String: Partitions]

    private var committed: [String: Topics] = [:]
    /// By producer, then as `committed`.
    private var pending: [Int64: [String: Topics]] = [:]
    /// The producers that have a group's offsets in an open transaction.
    private var producers: [String: Set<Int64>] = [:]
    /// How many records there were.
    private(set) var ordinal: UInt64 = 0

    /// Takes in what a record says of one offset; `value` nil: it is gone, and so are those of open transactions.
    mutating func apply(_ key: OffsetCommitKey, _ value: OffsetCommitValue?, of producer: ProducerIdentity?) {
        ordinal += 1
        guard let value else { return remove(group: key.group, TopicPartition(key.topic, key.partition)) }
        var offset = CommittedOffset(value)
        offset.ordinal = ordinal
        guard let producer else {
            committed[key.group, default: [:]][key.topic, default: [:]][key.partition] = offset
            return
        }
        pending[producer.id, default: [:]][key.group, default: [:]][key.topic, default: [:]][key.partition] = offset
        producers[key.group, default: []].insert(producer.id)
    }

    /// A transaction ended: its offsets count, where no later one was committed, or they are forgotten.
    mutating func apply(_ end: TransactionEnd) {
        guard let groups = pending.removeValue(forKey: end.producer.id) else { return }
        for (group, topics) in groups {
            forget(producer: end.producer.id, in: group)
            guard end.outcome == .committed else { continue }
            for (topic, partitions) in topics {
                committed[group, default: [:]][topic, default: [:]].merge(partitions) {
                    $0.ordinal > $1.ordinal ? $0 : $1
                }
            }
        }
    }

    /// The committed offset of a partition.
    func offset(group: String, _ partition: TopicPartition) -> CommittedOffset? {
        committed[group]?[partition.topic]?[partition.partition]
    }

    /// The committed offsets of a group, by topic and partition.
    func offsets(group: String) -> [(topic: String, partitions: [(Int32, CommittedOffset)])] {
        (committed[group] ?? [:]).sorted { $0.key < $1.key }.map { topic, partitions in
            (topic, partitions.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
        }
    }

    /// Whether an open transaction has an offset of the partition.
    func isPending(group: String, _ partition: TopicPartition) -> Bool {
        guard let producers = producers[group] else { return false }
        return producers.contains { pending[$0]?[group]?[partition.topic]?[partition.partition] != nil }
    }

    /// Whether a record after the `ordinal`th says something of the partition that holds or may come to hold.
    func hasRecord(group: String, _ partition: TopicPartition, after ordinal: UInt64) -> Bool {
        if let offset = offset(group: group, partition), offset.ordinal > ordinal { return true }
        return (producers[group] ?? []).contains { producer in
            let offset = pending[producer]?[group]?[partition.topic]?[partition.partition]
            return offset.map { $0.ordinal > ordinal } ?? false
        }
    }

    /// Whether an open transaction has an offset of the group.
    func hasPending(group: String) -> Bool { producers[group] != nil }

    /// Whether the group has offsets, committed or in an open transaction.
    func hasGroup(_ group: String) -> Bool { committed[group] != nil || producers[group] != nil }

    /// Whether the group has committed offsets.
    func hasCommitted(group: String) -> Bool { committed[group] != nil }

    /// The groups that have offsets, in no order; those with committed ones and open transactions come twice.
    var groups: [String] { Array(committed.keys) + producers.keys.filter { committed[$0] == nil } }

    /// Whether there is no offset at all.
    var isEmpty: Bool { committed.isEmpty && pending.isEmpty }

    /// The topics that any group has an offset of, committed or in an open transaction. O(groups).
    var topics: Set<String> {
        var all: Set<String> = []
        for topics in committed.values { all.formUnion(topics.keys) }
        for topics in pending.values.lazy.flatMap(\.values) { all.formUnion(topics.keys) }
        return all
    }

    /// Every partition of which a group has an offset, committed or pending, in order; those of `topics` where given.
    func partitions(group: String, of topics: Set<String>? = nil) -> [TopicPartition] {
        var all: Set<TopicPartition> = []
        let pendingTopics = (producers[group] ?? []).compactMap { pending[$0]?[group] }
        for byTopic in [committed[group] ?? [:]] + pendingTopics {
            for (topic, partitions) in byTopic where topics?.contains(topic) ?? true {
                for partition in partitions.keys { all.insert(TopicPartition(topic, partition)) }
            }
        }
        return all.sorted()
    }

    private mutating func remove(group: String, _ partition: TopicPartition) {
        Self.remove(partition, of: group, from: &committed)
        for producer in producers[group] ?? [] {
            guard var groups = pending.removeValue(forKey: producer) else { continue }
            Self.remove(partition, of: group, from: &groups)
            if groups[group] == nil { forget(producer: producer, in: group) }
            if !groups.isEmpty { pending[producer] = groups }
        }
    }

    private mutating func forget(producer: Int64, in group: String) {
        producers[group]?.remove(producer)
        if producers[group]?.isEmpty ?? false { producers[group] = nil }
    }

    private static func remove(_ partition: TopicPartition, of group: String, from groups: inout [String: Topics]) {
        guard groups[group]?[partition.topic] != nil else { return }
        groups[group]?[partition.topic]?[partition.partition] = nil
        if groups[group]?[partition.topic]?.isEmpty ?? false { groups[group]?[partition.topic] = nil }
        if groups[group]?.isEmpty ?? false { groups[group] = nil }
    }
}

extension OffsetStore: CustomStringConvertible {
    /// All there is, in one order: equal where two stores hold the same.
    var description: String {
        var lines: [String] = []
        func describe(_ prefix: String, _ groups: [String: Topics]) {
            for (group, topics) in groups {
                for (topic, partitions) in topics {
                    for (partition, offset) in partitions {
                        lines.append(
                            "\(prefix)\(group) \(topic)-\(partition) offset=\(offset.offset) epoch=\(offset.leaderEpoch)"
                                + " metadata='\(offset.metadata)' committed=\(offset.commitMilliseconds)"
                                + " expires=\(offset.expireMilliseconds)")
                    }
                }
            }
        }
        describe("offset ", committed)
        for (producer, groups) in pending { describe("pending of \(producer) ", groups) }
        return lines.sorted().joined(separator: "\n")
    }
}
