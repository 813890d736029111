internal import ObjectStore
internal import SegmentLog

/// `Topic` objects: what was asked for, who has to be asked before one goes, and what was found.
enum TopicObject {
    static let apiVersion = "weir/v1"
    static let kind = ObjectKind(group: "weir", name: "Topic")
    /// Topics have no namespaces of their own: Kafka's names are all in this one.
    static let namespace = "default"
    /// Keeps a deleted topic's object until its records are gone.
    static let finalizer = "weir/topic"

    static func key(_ name: String) -> ObjectKey { ObjectKey(kind, namespace: namespace, name: name) }

    /// A topic that is to be made.
    static func make(_ plan: TopicRules.Plan) -> Object {
        Object(
            apiVersion: apiVersion, kind: kind.name,
            metadata: ObjectMetadata(name: plan.name, namespace: namespace, finalizers: [finalizer]),
            content: ["spec": TopicSpec(plan).json])
    }

    /// The topic that an object asks for, with the broker's settings as defaults. A setting that was stored and is
    /// not taken any more (by an older or newer version) is left out: the topic must open.
    static func description(of object: Object, broker: BrokerSettings) throws(MetadataError) -> TopicDescription {
        let spec = TopicSpec(object.spec)
        guard let id = TopicID(uid: object.metadata.uid), let partitions = spec.partitions, partitions > 0 else {
            throw MetadataError("the object \(object.key) has no usable uid or partition count")
        }
        return TopicDescription(
            name: object.metadata.name, id: id, partitionCount: partitions,
            replicationFactor: spec.replicationFactor ?? 1, configuration: configuration(spec.config, broker),
            creationTimestamp: object.metadata.creationTimestamp ?? Timestamp(secondsSince1970: 0),
            generation: object.metadata.generation)
    }

    static func configuration(_ config: [String: String], _ broker: BrokerSettings) -> TopicConfiguration {
        let kept = config.filter { name, value in
            TopicConfiguration.table[name].map { (try? $0.parse(value)) != nil } ?? false
        }
        if let configuration = try? TopicConfiguration(overrides: kept, broker: broker) { return configuration }
        guard let defaults = try? TopicConfiguration(overrides: [:], broker: broker) else {
            preconditionFailure("the broker's settings were checked at start")
        }
        return defaults
    }
}

/// What is asked for of a topic; members that are not there are the broker's to choose.
struct TopicSpec: Hashable {
    var partitions: Int32?
    var replicationFactor: Int16?
    var config: [String: String]

    init(_ plan: TopicRules.Plan) {
        partitions = plan.partitionCount
        replicationFactor = plan.replicationFactor
        config = plan.configuration.overrides
    }

    /// Reads what is readable; what is of another type is left out.
    init(_ json: JSONValue?) {
        partitions = json?["partitions"]?.integerValue.flatMap { Int32(exactly: $0) }
        replicationFactor = json?["replicationFactor"]?.integerValue.flatMap { Int16(exactly: $0) }
        config = (json?["config"]?.objectValue ?? [:]).compactMapValues(Self.text)
    }

    var json: JSONValue { written(into: .object([:])) }

    /// The members over those of `json`, of which others stay.
    func written(into json: JSONValue?) -> JSONValue {
        var result = json ?? .object([:])
        result["partitions"] = partitions.map { .integer(Int64($0)) }
        result["replicationFactor"] = replicationFactor.map { .integer(Int64($0)) }
        result["config"] = .object(config.mapValues { .string($0) })
        return result
    }

    /// A setting as Kafka writes it: numbers and truth values may be written without quotes.
    static func text(_ value: JSONValue) -> String? {
        switch value {
        case .string(let text): text
        case .integer(let number): "\(number)"
        case .bool(let flag): "\(flag)"
        case .number(let number): "\(number)"
        default: nil
        }
    }
}

/// What was found of a topic.
struct TopicStatus: Hashable {
    /// In which part of its life a topic is.
    enum Phase: String {
        case ready = "Ready"
        case failed = "Failed"
        case terminating = "Terminating"
    }

    var phase: Phase
    /// Partitions that serve.
    var partitions: Int32
    /// The generation that this is about.
    var observedGeneration: Int64
    /// Why it is not ready.
    var message: String?

    /// How many partitions of a stored topic serve, as its status says.
    static func partitions(of object: Object) -> Int32 {
        object.status?["partitions"]?.integerValue.flatMap { Int32(exactly: $0) } ?? 0
    }

    var json: JSONValue {
        var json: JSONValue = [
            "phase": .string(phase.rawValue), "partitions": .integer(Int64(partitions)),
            "observedGeneration": .integer(observedGeneration),
        ]
        json["message"] = message.map { .string($0) }
        return json
    }
}

/// The node's objects are not what they must be.
struct MetadataError: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}
