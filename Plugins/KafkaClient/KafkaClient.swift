public import KafkaWire
import NIOCore

/// A cluster, as a client sees it: finds leaders, asks any broker, changes topics.
///
/// One connection a broker, opened when it is needed and again when it was lost; callers who need the same one
/// share it.
public actor KafkaClient {
    /// The brokers to begin with.
    public let bootstrap: [BrokerAddress]
    /// How long a connection, and an answer, may take.
    public let timeout: Duration
    private var connections: [BrokerAddress: EventLoopFuture<BrokerConnection>] = [:]
    private var brokers: [Int32: BrokerAddress] = [:]
    private var leaders: [String: [Int32: Int32]] = [:]

    /// A client of the cluster that one of these brokers (`HOST:PORT,…`) belongs to. Does not connect yet.
    public init(bootstrap: String, timeout: Duration = .seconds(30)) throws(ClientError) {
        var addresses: [BrokerAddress] = []
        for text in bootstrap.split(separator: ",") {
            addresses.append(try BrokerAddress(text.filter { !$0.isWhitespace }))
        }
        guard !addresses.isEmpty else {
            throw ClientError(.badAddress, "'\(bootstrap)' names no broker; give HOST:PORT")
        }
        self.bootstrap = addresses
        self.timeout = timeout
    }

    /// Closes all connections.
    public func close() async {
        let closing = connections.values
        connections = [:]
        for opening in closing { await (try? opening.get())?.close() }
    }

    /// Sends a request that any broker answers: to those given at first, then to those heard of.
    public func send<Request: KafkaRequest>(
        _ request: Request, versionMax: Int16? = nil
    ) async throws -> Request.Response {
        try await withAnyBroker { try await $0.send(request, versionMax: versionMax) }
    }

    /// Runs `body` with a connection to any broker, and with the next one where that cannot be reached.
    func withAnyBroker<Answer: Sendable>(
        _ body: (BrokerConnection) async throws -> Answer
    ) async throws -> Answer {
        var failure: ClientError?
        let others = brokers.sorted { $0.key < $1.key }.map(\.value).filter { !bootstrap.contains($0) }
        for address in bootstrap + others {
            do {
                return try await body(try await connection(to: address))
            } catch let error as ClientError where error.code == .unreachable || error.code == .disconnected {
                failure = failure ?? error
            }
        }
        throw failure ?? ClientError(.unreachable, "no broker is known")
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
        note(answer)
        return answer
    }

    private func note(_ answer: MetadataResponse) {
        for broker in answer.brokers {
            brokers[broker.nodeId] = BrokerAddress(host: broker.host, port: Int(broker.port))
        }
        for topic in answer.topics {
            guard let name = topic.name else { continue }
            leaders[name] = [:]
            for partition in topic.partitions where partition.leaderId >= 0 {
                leaders[name]?[partition.partitionIndex] = partition.leaderId
            }
        }
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
        guard let leader = leaders[topic]?[partition], let address = brokers[leader] else {
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

    /// Takes what a broker said of a partition's new leader when it refused (KIP-951), which saves asking.
    func note(leader: LeaderHint, of topic: String, _ partition: Int32) {
        brokers[leader.node] = leader.address
        leaders[topic, default: [:]][partition] = leader.node
    }

    private func connection(to address: BrokerAddress) async throws -> BrokerConnection {
        while let known = connections[address] {
            if let connection = try? await known.get(), connection.isOpen { return connection }
            // While this one waited, another may have opened a new one.
            if connections[address] === known { connections[address] = nil }
        }
        let opening = BrokerConnection.connecting(to: address, timeout: timeout)
        connections[address] = opening
        return try await opening.get()
    }
}

/// Who leads a partition now, as a broker that does not said.
struct LeaderHint: Sendable, Equatable {
    var node: Int32
    var address: BrokerAddress
}
