import KafkaWire

/// A topic to be made.
public struct TopicRequest: Sendable, Hashable {
    /// Its name.
    public var name: String
    /// Its partitions; nil: as the broker decides.
    public var partitionCount: Int32?
    /// Its replicas; nil: as the broker decides.
    public var replicationFactor: Int16?
    /// Its configuration.
    public var configuration: [String: String]

    /// A topic.
    public init(
        _ name: String, partitionCount: Int32? = nil, replicationFactor: Int16? = nil,
        configuration: [String: String] = [:]
    ) {
        self.name = name
        self.partitionCount = partitionCount
        self.replicationFactor = replicationFactor
        self.configuration = configuration
    }
}

extension KafkaClient {
    /// Makes a topic; returns when its partitions serve. Gives the number of partitions.
    @discardableResult
    public func createTopic(_ topic: TopicRequest) async throws -> Int32 {
        var creation = CreateTopicsRequest.CreatableTopic()
        creation.name = topic.name
        creation.numPartitions = topic.partitionCount ?? -1
        creation.replicationFactor = topic.replicationFactor ?? -1
        creation.configs = topic.configuration.sorted { $0.key < $1.key }.map { name, value in
            var entry = CreateTopicsRequest.CreatableTopicConfig()
            entry.name = name
            entry.value = value
            return entry
        }
        var request = CreateTopicsRequest()
        request.topics = [creation]
        request.timeoutMs = 30_000
        let answer = try await send(request)
        guard let result = answer.topics.first else { throw ClientError(.unsupported, "the broker answered nothing") }
        guard result.errorCode == .none else {
            throw ClientError.refused("cannot create topic '\(topic.name)'", result.errorCode, result.errorMessage)
        }
        return result.numPartitions
    }

    /// Deletes a topic; returns when its name is free.
    public func deleteTopic(_ name: String) async throws {
        let answer = try await withAnyBroker { broker in
            // Version 6 brought a list of states where there was one of names.
            var request = DeleteTopicsRequest()
            if try broker.version(of: DeleteTopicsRequest.self) >= 6 {
                var state = DeleteTopicsRequest.DeleteTopicState()
                state.name = name
                request.topics = [state]
            } else {
                request.topicNames = [name]
            }
            request.timeoutMs = 30_000
            return try await broker.send(request, wait: .seconds(30))
        }
        guard let result = answer.responses.first, result.errorCode == .none else {
            throw ClientError.refused(
                "cannot delete topic '\(name)'", answer.responses.first?.errorCode ?? .unknownServerError,
                answer.responses.first?.errorMessage)
        }
        forgetLeaders(of: name)
    }

    /// The configuration of a topic, by name, with whether each was set for it.
    public func configuration(ofTopic name: String) async throws -> [TopicSetting] {
        var resource = DescribeConfigsRequest.DescribeConfigsResource()
        resource.resourceType = 2
        resource.resourceName = name
        var request = DescribeConfigsRequest()
        request.resources = [resource]
        let answer = try await send(request)
        guard let result = answer.results.first, result.errorCode == .none else {
            throw ClientError.refused(
                "cannot describe topic '\(name)'", answer.results.first?.errorCode ?? .unknownServerError,
                answer.results.first?.errorMessage)
        }
        return result.configs.map { TopicSetting(name: $0.name, value: $0.value, isOverride: $0.configSource == 1) }
            .sorted { $0.name < $1.name }
    }

    /// The offset that `position` means in a partition.
    public func offset(_ position: OffsetPosition, of topic: String, _ partition: Int32) async throws -> Int64 {
        if case .offset(let offset) = position { return offset }
        var entry = ListOffsetsRequest.ListOffsetsPartition()
        entry.partitionIndex = partition
        entry.timestamp = position.timestamp
        var group = ListOffsetsRequest.ListOffsetsTopic()
        group.name = topic
        group.partitions = [entry]
        var request = ListOffsetsRequest()
        request.replicaId = -1
        request.topics = [group]
        let answer = try await leader(of: topic, partition).send(request)
        guard let result = answer.topics.first?.partitions.first else {
            throw ClientError(.unsupported, "the broker answered nothing")
        }
        guard result.errorCode == .none else {
            throw ClientError.refused("offsets of \(topic)-\(partition)", result.errorCode, nil)
        }
        // No record is that young: the end is where the next one will be.
        return result.offset < 0 ? try await offset(.latest, of: topic, partition) : result.offset
    }
}

/// One configuration of a topic.
public struct TopicSetting: Sendable, Hashable {
    /// Kafka's name.
    public var name: String
    /// The value in force; nil: none, or a secret.
    public var value: String?
    /// Whether it was set for this topic.
    public var isOverride: Bool
}

/// A place in a partition.
public enum OffsetPosition: Sendable, Hashable {
    /// The first offset that is there.
    case earliest
    /// Behind the last record that may be read.
    case latest
    /// The first record of that time or later, in milliseconds since 1970.
    case timestamp(Int64)
    /// This offset.
    case offset(Int64)

    var timestamp: Int64 {
        switch self {
        case .earliest: -2
        case .latest, .offset: -1
        case .timestamp(let timestamp): timestamp
        }
    }
}
