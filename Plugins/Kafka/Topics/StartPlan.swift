internal import SegmentLog

/// What a start has to do so that the logs on disk are those that the topics want.
struct StartPlan: Sendable {
    /// The log that the node's objects are kept in, where they are kept in a log: no topic can be called so.
    static let metadataTopic = "@metadata"

    /// Logs that no topic claims: of a creation or deletion that a crash interrupted.
    private(set) var orphans: [LogIdentity] = []
    /// The topics that are to be served, by name.
    private(set) var topics: [TopicDescription] = []
    /// Partitions whose logs are there, by topic.
    private(set) var existing: [TopicID: [Range<Int32>]] = [:]

    /// - Parameters:
    ///   - topics: The topics that are to be served.
    ///   - leaving: The topics that are to go, whose logs are not touched here: their reconciliation deletes them.
    ///   - identities: The logs that are on disk.
    init(topics snapshot: TopicsSnapshot, leaving: Set<TopicID>, existing identities: [LogIdentity]) {
        var found: [TopicID: Set<Int32>] = [:]
        for identity in identities where identity.topic != Self.metadataTopic && !leaving.contains(identity.topicID) {
            if let topic = snapshot[identity.topicID], topic.name == identity.topic,
                (0..<topic.partitionCount).contains(identity.partition)
            {
                found[topic.id, default: []].insert(identity.partition)
            } else {
                orphans.append(identity)
            }
        }
        for topic in snapshot.byName.values.sorted(by: { $0.name < $1.name }) {
            let there = found[topic.id] ?? []
            topics.append(topic)
            existing[topic.id] = Self.runs((0..<topic.partitionCount).filter { there.contains($0) })
        }
    }

    /// The rising numbers as ranges.
    static func runs(_ numbers: some Sequence<Int32>) -> [Range<Int32>] {
        numbers.reduce(into: []) { runs, number in
            if let last = runs.last, last.upperBound == number {
                runs[runs.count - 1] = last.lowerBound..<(number + 1)
            } else {
                runs.append(number..<(number + 1))
            }
        }
    }
}
