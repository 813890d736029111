import KafkaWire

/// Looks at groups and changes them from outside: what operators do, not what members do.
///
/// Each call finds the coordinator, and asks again while that loads or moves, as `retries` allow.
public struct GroupAdmin: Sendable {
    let client: KafkaClient
    let retries: RetryPolicy

    /// The groups of the client's cluster.
    public init(_ client: KafkaClient, retries: RetryPolicy = RetryPolicy()) {
        self.client = client
        self.retries = retries
    }

    /// The groups that `filter` takes, by id.
    public func list(_ filter: GroupFilter = GroupFilter()) async throws -> [GroupListing] {
        let groups = try await client.fromEachNode(retries) { broker, node in
            let answer = try await broker.send { Self.request(filter, version: $0) }
            guard answer.errorCode == .none else {
                throw ClientError.refused("groups of \(broker.address)", answer.errorCode, nil)
            }
            return answer.groups.map { group in
                GroupListing(
                    id: group.groupId, type: group.groupType.lowercased(), state: group.groupState,
                    protocolType: group.protocolType, coordinator: node)
            }
        }
        // Once more here: a broker that is too old for a filter gives everything.
        return groups.joined().filter(filter.takes).sorted { $0.id < $1.id }
    }

    private static func request(_ filter: GroupFilter, version: Int16) -> ListGroupsRequest {
        var request = ListGroupsRequest()
        if version >= 4 { request.statesFilter = filter.states.sorted() }
        if version >= 5 { request.typesFilter = filter.types.sorted() }
        return request
    }

    /// Removes a group and everything it committed; refused while it has members.
    public func delete(_ group: String) async throws {
        var request = DeleteGroupsRequest()
        request.groupsNames = [group]
        let result = try await client.withCoordinator(of: .group(group), retries) { [request] coordinator, _ in
            guard let result = try await coordinator.send(request).results.first else {
                throw ClientError(.unsupported, "\(coordinator.address) answered nothing for group '\(group)'")
            }
            return try Self.settled(result.errorCode, group)
        }
        switch result {
        case .none: return
        case .nonEmptyGroup:
            throw ClientError(
                .refused, "group '\(group)' has members; stop its consumers, or wait for their session timeout",
                errorCode: result)
        default: throw Self.refusal(group, result)
        }
    }

    /// The code, unless it is one that another try may settle: that is thrown.
    static func settled(_ code: ErrorCode, _ group: String) throws(ClientError) -> ErrorCode {
        if code.isRetriable, code != .unknownTopicOrPartition { throw refusal(group, code) }
        return code
    }

    /// What a coordinator refused, in a sentence.
    static func refusal(_ group: String, _ code: ErrorCode, _ reason: String? = nil) -> ClientError {
        switch code {
        case .groupIdNotFound:
            ClientError(.refused, "there is no group '\(group)'; `weir group list` shows them", errorCode: code)
        case .invalidGroupId:
            ClientError(.refused, "'\(group)' is no id of a group", errorCode: code)
        default: ClientError.refused("group '\(group)'", code, reason)
        }
    }
}
