import Raft

/// How the nodes of one `add-nodes` are made.
struct NodeOptions {
    /// How their replicas behave.
    var configuration: ReplicaConfiguration
    /// What they begin from; nil: from nothing.
    var start: Snapshot?

    init(_ directive: Directive) throws(CommandFailure) {
        configuration = ReplicaConfiguration(id: 1)
        configuration.electionTicks = 3
        configuration.heartbeatTicks = 1
        configuration.inflightMessagesMax = 2_147_483_647
        configuration.messageBytesMax = .max
        // The cases say what etcd's library does; on its own, Weir asks first.
        configuration.loneVoterReads = .atOnce
        var state = ConfigurationState()
        var index: UInt64 = 0
        var content = ""
        var hasStart = false
        for argument in directive.arguments.dropFirst() {
            guard let value = argument.values.last else { continue }
            switch argument.key {
            case "voters": state.voters = try replicas(argument.values)
            case "learners": state.learners = try replicas(argument.values)
            case "index": index = try parse(value)
            case "content": content = value
            default: try set(argument.key, value)
            }
            hasStart = hasStart || ["voters", "learners", "index", "content"].contains(argument.key)
        }
        guard hasStart else { return }
        guard index > 1 else { throw CommandFailure("index must be specified as > 1 due to bootstrap") }
        start = Snapshot(
            last: EntryID(term: 1, index: LogIndex(index)),
            configuration: ConfigurationState(voters: state.voters, learners: state.learners),
            payload: Payload(text: content))
    }

    private mutating func set(_ key: String, _ value: String) throws(CommandFailure) {
        switch key {
        case "election-tick": configuration.electionTicks = try parse(value)
        case "heartbeat-tick": configuration.heartbeatTicks = try parse(value)
        case "inflight": configuration.inflightMessagesMax = try parse(value)
        case "max-inflight-bytes": configuration.inflightBytesMax = try parse(value)
        case "max-size-per-msg": configuration.messageBytesMax = try parse(value)
        case "max-committed-size-per-ready": configuration.committedBytesMax = try parse(value)
        case "max-uncommitted-size": configuration.uncommittedBytesMax = try parse(value)
        case "async-storage-writes": configuration.asyncStorageWrites = try parseFlag(value)
        case "prevote": configuration.preVote = try parseFlag(value)
        case "checkquorum": configuration.checkQuorum = try parseFlag(value)
        case "step-down-on-removal": configuration.stepDownOnRemoval = try parseFlag(value)
        case "disable-conf-change-validation":
            configuration.disableConfigurationChangeValidation = try parseFlag(value)
        case "disable-proposal-forwarding": configuration.disableProposalForwarding = try parseFlag(value)
        case "read-only": configuration.readOption = try parseReadOption(value)
        default: throw CommandFailure("add-nodes has no option \(key)")
        }
    }

    private func parseReadOption(_ text: String) throws(CommandFailure) -> ReplicaConfiguration.ReadOption {
        switch text {
        case "safe": return .safe
        case "lease-based": return .leaseBased
        default: throw CommandFailure("invalid read-only option \"\(text)\"")
        }
    }

    private func replicas(_ texts: [String]) throws(CommandFailure) -> [ReplicaID] {
        var ids: [ReplicaID] = []
        for text in texts where !text.isEmpty { ids.append(ReplicaID(try parse(text))) }
        return ids
    }

    private func parse<Number: FixedWidthInteger>(_ text: String) throws(CommandFailure) -> Number {
        guard let number = Number(text) else { throw CommandFailure("add-nodes: \(text) is not a number") }
        return number
    }
}

/// Reads `true` or `false`.
func parseFlag(_ text: String) throws(CommandFailure) -> Bool {
    switch text {
    case "true": return true
    case "false": return false
    default: throw CommandFailure("\(text) is neither true nor false")
    }
}
