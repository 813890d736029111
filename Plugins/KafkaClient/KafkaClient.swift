public import KafkaWire

/// A cluster, as a client sees it: finds leaders, asks any broker, changes topics.
///
/// One connection a broker, opened when it is needed and again when it was lost.
public actor KafkaClient {
    /// The brokers to begin with.
    public let bootstrap: [BrokerAddress]
    /// For a connection, and for each answer.
    public let timeout: Duration
    /// Told before something is tried again; called on any thread.
    let onRetry: (@Sendable (ClientError) -> Void)?
    /// Opened or being opened, so that two callers share one.
    private var connections: [BrokerAddress: Task<BrokerConnection, any Error>] = [:]
    private var leaders: [String: [Int32: BrokerAddress]] = [:]
    private var coordinators: [CoordinatorKey: Node] = [:]

    /// A client of the cluster that one of these brokers (`HOST:PORT,…`) belongs to. Does not connect yet.
    ///
    /// - Parameter onRetry: Told before an error that may pass makes a producer or consumer try again.
    public init(
        bootstrap: String, timeout: Duration = .seconds(30), onRetry: (@Sendable (ClientError) -> Void)? = nil
    ) throws(ClientError) {
        var addresses: [BrokerAddress] = []
        for text in bootstrap.split(separator: ",") {
            addresses.append(try BrokerAddress(text.filter { !$0.isWhitespace }))
        }
        guard !addresses.isEmpty else {
            throw ClientError(.badAddress, "'\(bootstrap)' names no broker; give HOST:PORT")
        }
        self.bootstrap = addresses
        self.timeout = timeout
        self.onRetry = onRetry
    }

    /// Closes all connections; the next request opens new ones.
    public func close() async {
        let opened = connections.values
        connections = [:]
        for connection in opened { await (try? connection.value)?.close() }
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
        for broker in answer.brokers {
            brokers[broker.nodeId] = BrokerAddress(host: broker.host, port: Int(broker.port))
        }
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
        guard found.errorCode != .unknownTopicOrPartition else {
            throw ClientError(.refused, "there is no topic '\(topic)'", errorCode: found.errorCode)
        }
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

    /// Where the leader of a partition is, as the last metadata had it.
    func knownLeader(of partition: TopicPartition) -> BrokerAddress? {
        leaders[partition.topic]?[partition.partition]
    }

    /// Forgets who leads a topic: the next call asks again.
    public func forgetLeaders(of topic: String) {
        leaders[topic] = nil
    }

    // MARK: Coordinators

    /// A broker of the cluster: its id, and where it listens.
    public struct Node: Sendable, Hashable {
        /// Its id.
        public var id: Int32
        /// Where it listens.
        public var address: BrokerAddress
    }

    /// Every broker of the cluster, by id.
    public func nodes() async throws -> [Node] {
        try await metadata(topics: []).brokers
            .map { Node(id: $0.nodeId, address: BrokerAddress(host: $0.host, port: Int($0.port))) }
            .sorted { $0.id < $1.id }
    }

    /// The broker that coordinates a group or a transactional id; asked for once, until it is forgotten.
    func coordinator(of key: CoordinatorKey) async throws -> Node {
        if let known = coordinators[key] { return known }
        var failure: any Error = ClientError(.unreachable, "no broker")
        for address in bootstrap {
            do {
                let answer = try await connection(to: address).send { key.request(version: $0) }
                let node = try key.node(in: answer)
                coordinators[key] = node
                return node
            } catch let error as ClientError where error.errorCode == nil && error.isRetriable {
                failure = error
            }
        }
        throw failure
    }

    /// Forgets who coordinates `key`: the next call asks again.
    func forgetCoordinator(of key: CoordinatorKey) {
        coordinators[key] = nil
    }

    /// A connection to a broker, opened where there is none.
    func connection(to address: BrokerAddress) async throws -> BrokerConnection {
        while let opening = connections[address] {
            if let connection = try? await opening.value, connection.isOpen { return connection }
            // Lost, or never there: one of those who waited for it opens the next one.
            if connections[address] == opening { connections[address] = nil }
        }
        let opening = Task { [timeout] in try await BrokerConnection.connect(address, timeout: timeout) }
        connections[address] = opening
        return try await opening.value
    }
}
