import KafkaWire

/// What has a coordinator: a group, or a transactional id.
enum CoordinatorKey: Sendable, Hashable {
    case group(String)
    case transaction(String)

    private var name: String {
        switch self {
        case .group(let name), .transaction(let name): name
        }
    }

    private var type: Int8 {
        switch self {
        case .group: 0
        case .transaction: 1
        }
    }

    private var noun: String {
        switch self {
        case .group: "group"
        case .transaction: "transactional id"
        }
    }

    /// The question for the coordinator; from version 4 on it has a list of keys (KIP-699).
    func request(version: Int16) -> FindCoordinatorRequest {
        var request = FindCoordinatorRequest()
        if version >= 1 { request.keyType = type }
        if version >= 4 {
            request.coordinatorKeys = [name]
        } else {
            request.key = name
        }
        return request
    }

    /// The broker that the answer names.
    func node(in answer: FindCoordinatorResponse) throws(ClientError) -> KafkaClient.Node {
        var found = FindCoordinatorResponse.Coordinator()
        if let first = answer.coordinators.first(where: { $0.key == name }) {
            found = first
        } else {
            (found.nodeId, found.host, found.port) = (answer.nodeId, answer.host, answer.port)
            (found.errorCode, found.errorMessage) = (answer.errorCode, answer.errorMessage)
        }
        guard found.errorCode == .none else {
            throw ClientError.refused("no coordinator of \(noun) '\(name)'", found.errorCode, found.errorMessage)
        }
        return KafkaClient.Node(id: found.nodeId, address: BrokerAddress(host: found.host, port: Int(found.port)))
    }
}

extension KafkaClient {
    /// Asks the coordinator of `key` until it answers; forgets where it is before it tries again.
    ///
    /// Tried again is what a coordinator says while it loads, moves or is busy with the same key, and what a
    /// lost connection says. That nobody listens at all is told at once.
    func withCoordinator<Answer: Sendable>(
        of key: CoordinatorKey, _ policy: RetryPolicy,
        _ body: @Sendable (_ coordinator: BrokerConnection, _ node: Node) async throws -> Answer
    ) async throws -> Answer {
        try await retryingCoordination(policy, beforeNext: { await self.forgetCoordinator(of: key) }) {
            let node = try await self.coordinator(of: key)
            return try await body(try await self.connection(to: node.address), node)
        }
    }

    /// Asks every broker of the cluster: what coordinators know, each of them knows a part of.
    func fromEachNode<Answer: Sendable>(
        _ policy: RetryPolicy,
        _ body: @escaping @Sendable (_ broker: BrokerConnection, _ node: Node) async throws -> Answer
    ) async throws -> [Answer] {
        let nodes = try await nodes()
        return try await withThrowingTaskGroup(of: (Int32, Answer).self) { group in
            for node in nodes {
                group.addTask {
                    try await self.retryingCoordination(policy) {
                        (node.id, try await body(try await self.connection(to: node.address), node))
                    }
                }
            }
            var answers: [(Int32, Answer)] = []
            for try await answer in group { answers.append(answer) }
            return answers.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    private func retryingCoordination<Answer: Sendable>(
        _ policy: RetryPolicy, beforeNext prepare: @Sendable () async -> Void = {},
        _ body: @Sendable () async throws -> Answer
    ) async throws -> Answer {
        var left = policy.countMax
        while true {
            do {
                return try await body()
            } catch let error as ClientError where error.isOfPassingCoordination && left > 0 {
                left -= 1
                await prepare()
                onRetry?(error)
                try await Task.sleep(for: policy.delay)
            }
        }
    }
}

extension ClientError {
    private static let passingCoordination: Set<ErrorCode> = [
        .coordinatorLoadInProgress, .coordinatorNotAvailable, .notCoordinator, .concurrentTransactions,
        .unstableOffsetCommit, .requestTimedOut, .networkException,
    ]

    /// Whether the same question may be answered in a moment, by this coordinator or the next.
    fileprivate var isOfPassingCoordination: Bool {
        if let errorCode { return Self.passingCoordination.contains(errorCode) }
        return code == .disconnected
    }
}
