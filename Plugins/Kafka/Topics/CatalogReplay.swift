internal import SegmentLog

/// What the records of the metadata log add up to. Records of kinds that are not known here are somebody else's.
struct CatalogReplay {
    let settings: BrokerSettings
    private(set) var snapshot = TopicsSnapshot()
    private(set) var nextProducerID: Int64 = 0

    init(settings: BrokerSettings) {
        self.settings = settings
    }

    mutating func apply(_ record: MetadataRecord) throws {
        if record.key.hasPrefix(TopicObject.key(name: "")) {
            try applyTopic(record)
        } else if record.key == ProducerIDBlockObject.key, let value = record.value {
            let block = try read(ProducerIDBlockObject.self, value, record).spec
            nextProducerID = max(nextProducerID, block.first + block.count)
        }
    }

    private mutating func applyTopic(_ record: MetadataRecord) throws {
        guard let value = record.value else {
            let name = String(record.key.dropFirst(TopicObject.key(name: "").count))
            if let topic = snapshot[name] { snapshot.remove(topic) }
            return
        }
        let object = try read(TopicObject.self, value, record)
        snapshot.insert(try object.description(broker: settings, resourceVersion: record.offset + 1))
    }

    private func read<Spec>(
        _ type: StoredObject<Spec>.Type, _ json: [UInt8], _ record: MetadataRecord
    ) throws -> StoredObject<Spec> {
        do {
            return try type.read(json)
        } catch {
            throw MetadataError("the object \(record.key) at offset \(record.offset) of the metadata log: \(error)")
        }
    }
}

/// What a start has to do so that the logs on disk are those that the topics want.
struct StartPlan: Sendable {
    /// Logs that no topic claims: of a creation or deletion that a crash interrupted.
    private(set) var orphans: [LogIdentity] = []
    /// The topics, by name.
    private(set) var topics: [TopicDescription] = []
    /// Partitions whose logs are there, by topic.
    private(set) var existing: [TopicID: [Range<Int32>]] = [:]
    /// Partitions whose logs are missing, by topic.
    private(set) var missing: [TopicID: [Range<Int32>]] = [:]

    init(topics snapshot: TopicsSnapshot, existing identities: [LogIdentity]) {
        var found: [TopicID: Set<Int32>] = [:]
        for identity in identities where identity != MetadataLog.identity {
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
            missing[topic.id] = Self.runs((0..<topic.partitionCount).filter { !there.contains($0) })
        }
    }

    /// The rising numbers as ranges.
    private static func runs(_ numbers: [Int32]) -> [Range<Int32>] {
        numbers.reduce(into: []) { runs, number in
            if let last = runs.last, last.upperBound == number {
                runs[runs.count - 1] = last.lowerBound..<(number + 1)
            } else {
                runs.append(number..<(number + 1))
            }
        }
    }
}
