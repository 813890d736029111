internal import FoundationEssentials
internal import SegmentLog

/// An object of the metadata log as it is stored: JSON in Kubernetes' shape.
///
/// `resourceVersion` is not stored: it follows from the record's place in the log.
struct StoredObject<Spec: Codable & Sendable>: Codable, Sendable {
    struct Metadata: Codable, Sendable {
        var name: String
        var namespace = "default"
        var uid: String
        var generation: Int64
        var creationTimestamp: String
    }

    struct Status: Codable, Sendable {}

    var apiVersion = "weir/v1"
    var kind: String
    var metadata: Metadata
    var spec: Spec
    var status = Status()

    /// `kind/namespace/name`.
    var key: String { "\(kind)/\(metadata.namespace)/\(metadata.name)" }

    /// The object as JSON, keys sorted: the same object gives the same bytes.
    func json() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self))
    }

    /// Reads an object; fields that are not known are left out.
    static func read(_ json: [UInt8]) throws -> Self {
        try JSONDecoder().decode(Self.self, from: Data(json))
    }
}

/// A topic as it is stored.
typealias TopicObject = StoredObject<TopicSpec>

/// What was asked for.
struct TopicSpec: Codable, Sendable {
    var partitions: Int32
    var replicationFactor: Int16
    var config: [String: String]
}

extension StoredObject where Spec == TopicSpec {
    static var kind: String { "Topic" }

    init(_ topic: TopicDescription) {
        self.init(
            kind: Self.kind,
            metadata: Metadata(
                name: topic.name, uid: topic.id.uid, generation: topic.generation,
                creationTimestamp: topic.creationTimestamp),
            spec: TopicSpec(
                partitions: topic.partitionCount, replicationFactor: topic.replicationFactor,
                config: topic.configuration.overrides))
    }

    static func key(name: String) -> String { "\(kind)/default/\(name)" }

    /// The topic, with the broker's settings as defaults. A setting that was stored and is not taken any
    /// more (by an older or newer version) is left out: the topic must open.
    func description(broker: BrokerSettings, resourceVersion: Int64) throws -> TopicDescription {
        guard let id = TopicID(uid: metadata.uid), spec.partitions > 0 else {
            throw MetadataError("the object \(key) of the metadata log has no usable uid or partition count")
        }
        let kept = spec.config.filter { name, value in
            TopicConfiguration.table[name].map { (try? $0.parse(value)) != nil } ?? false
        }
        let configuration: TopicConfiguration
        do {
            configuration = try TopicConfiguration(overrides: kept, broker: broker)
        } catch {
            configuration = try TopicConfiguration(overrides: [:], broker: broker)
        }
        return TopicDescription(
            name: metadata.name, id: id, partitionCount: spec.partitions, replicationFactor: spec.replicationFactor,
            configuration: configuration, creationTimestamp: metadata.creationTimestamp,
            generation: metadata.generation, resourceVersion: resourceVersion)
    }
}

/// Producer ids up to the end of a block are given out, or may be: the next block begins there.
typealias ProducerIDBlockObject = StoredObject<ProducerIDBlockSpec>

/// The block.
struct ProducerIDBlockSpec: Codable, Sendable {
    var first: Int64
    var count: Int64
}

extension StoredObject where Spec == ProducerIDBlockSpec {
    static var kind: String { "ProducerIDBlock" }
    static var key: String { "\(kind)/default/last" }

    init(first: Int64, count: Int64, uid: String, creationTimestamp: String) {
        self.init(
            kind: Self.kind,
            metadata: Metadata(
                name: "last", uid: uid, generation: first / max(count, 1) + 1, creationTimestamp: creationTimestamp),
            spec: ProducerIDBlockSpec(first: first, count: count))
    }
}

/// The metadata log holds what cannot be read.
struct MetadataError: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

/// RFC 3339 in UTC, whole seconds.
func timestampText(wallMilliseconds: Int64) -> String {
    Date(timeIntervalSince1970: Double(wallMilliseconds / 1000)).formatted(Date.ISO8601FormatStyle())
}
