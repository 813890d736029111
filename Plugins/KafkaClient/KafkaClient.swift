public import KafkaWire

/// A cluster, as a client sees it: finds leaders, asks any broker, changes topics.
///
/// One connection a broker, opened when it is needed and again when it was lost.
public actor KafkaClient {
    /// The brokers to begin with.
    public let bootstrap: [BrokerAddress]
    private var connections: [BrokerAddress: BrokerConnection] = [:]
    private var leaders: [String: [Int32: BrokerAddress]] = [:]

    /// A client of the cluster that one of these brokers (`HOST:PORT,…`) belongs to. Does not connect yet.
    public init(bootstrap: String) throws(ClientError) {
        var addresses: [BrokerAddress] = []
        for text in bootstrap.split(separator: ",") {
            addresses.append(try BrokerAddress(text.filter { !$0.isWhitespace }))
        }
        guard !addresses.isEmpty else { throw ClientError(.badAddress, "'\(bootstrap)' names no broker; give HOST:PORT") }
        self.bootstrap = addresses
    }

    /// Closes all connections.
    public func close() async {
        for connection in connections.values { await connection.close() }
        connections = [:]
    }

    /// Sends a request that any broker answers.
    public func send<Request: KafkaRequest>(_ request: Request) async throws -> Request.Response {
        var failure: any Error = ClientError(.unreachable, "no broker")
        for address in bootstrap {
            do {
                return try await connection(to: address).send(request)
            } catch let error as ClientError where error.errorCode == nil && error.isRetriable {
                failure = error
            }
        }
        throw failure
    }

    // MARK: Where things are

    /// Brokers and topics; all topics where `topics` is nil.
    public func metadata(
        topics: [String]?, creation: TopicCreation = .never
    ) async throws -> MetadataResponse {
        var request = MetadataRequest()
        request.topics = topics.map { names in
            names.map { name in
                var topic = MetadataRequest.MetadataRequestTopic()
                topic.name = name
                return topic
            }
        }
        request.allowAutoTopicCreation = creation == .ifMissing
        let answer = try await send(request)
        var brokers: [Int32: BrokerAddress] = [:]
        for broker in answer.brokers { brokers[broker.nodeId] = BrokerAddress(host: broker.host, port: Int(broker.port)) }
        for topic in answer.topics {
            guard let name = topic.name else { continue }
            leaders[name] = [:]
            for partition in topic.partitions { leaders[name]?[partition.partitionIndex] = brokers[partition.leaderId] }
        }
        return answer
    }

    /// Whether asking for a topic may make it.
    public enum TopicCreation: Sendable, Hashable {
        /// A missing topic is an error.
        case never
        /// The broker makes it, where its settings allow it.
        case ifMissing
    }

    /// The partitions of a topic, sorted.
    public func partitions(of topic: String, creation: TopicCreation = .never) async throws -> [Int32] {
        let answer = try await metadata(topics: [topic], creation: creation)
        guard let found = answer.topics.first else { throw ClientError(.refused, "no answer for topic '\(topic)'") }
        guard found.errorCode == .none else {
            throw ClientError.refused("topic '\(topic)'", found.errorCode, nil)
        }
        return found.partitions.map(\.partitionIndex).sorted()
    }

    /// A connection to the leader of a partition.
    public func leader(of topic: String, _ partition: Int32) async throws -> BrokerConnection {
        if leaders[topic]?[partition] == nil { _ = try await partitions(of: topic) }
        guard let address = leaders[topic]?[partition] else {
            throw ClientError(
                .refused, "topic '\(topic)' has no partition \(partition), or nobody leads it",
                errorCode: .unknownTopicOrPartition)
        }
        return try await connection(to: address)
    }

    /// Forgets who leads a topic: the next call asks again.
    public func forgetLeaders(of topic: String) {
        leaders[topic] = nil
    }

    private func connection(to address: BrokerAddress) async throws -> BrokerConnection {
        if let connection = connections[address], connection.isOpen { return connection }
        let connection = try await BrokerConnection.connect(address)
        connections[address] = connection
        return connection
    }
}
