import Raft

/// Commands that make, restart and show nodes.
extension World {
    mutating func addNodes(_ directive: Directive) throws(CommandFailure) {
        let count = try directive.number(at: 0, "a number of nodes")
        let options = try NodeOptions(directive)
        guard count > 0 else { throw CommandFailure("add-nodes: \(count) is no number of nodes") }
        for _ in 0..<count { nodes.append(SimulatedNode(ReplicaID(UInt64(nodes.count + 1)), options)) }
    }

    /// A crash: what was not stored is lost, and with it what the node had to say to itself.
    mutating func restart(_ directive: Directive) throws(CommandFailure) {
        let node = try node(directive)
        inFlight.removeAll { $0.to == node.id && $0.isLocal }
        node.restart()
    }

    func setSnapshotAvailable(_ directive: Directive) throws(CommandFailure) {
        let isAvailable = try parseFlag(directive.text(at: 1, "true or false"))
        try node(directive).setSnapshotAvailable(isAvailable)
    }

    func compact(_ directive: Directive, _ transcript: inout Transcript) throws(CommandFailure) {
        let node = try node(directive)
        let index = try directive.number(at: 1, "an index")
        try node.compact(to: LogIndex(UInt64(clamping: index)))
        node.printLog(&transcript)
    }

    // MARK: Views

    func printRaftState(_ transcript: inout Transcript) {
        for node in nodes {
            let status = node.status
            let configuration = status.configuration
            let isVoter = configuration.voters.contains(node.id) || configuration.votersOutgoing.contains(node.id)
            let role = "\(node.id.value): \(status.softState.role.describe()) (\(isVoter ? "Voter" : "Non-Voter"))"
            transcript.print("\(role) Term:\(status.hardState.term.value) Lead:\(status.softState.leader.value)")
        }
    }

    func printStatus(_ directive: Directive, _ transcript: inout Transcript) throws(CommandFailure) {
        let status = try node(directive).status
        guard status.softState.role == .leader else { return }
        for peer in status.peers { transcript.print(peer.describe()) }
    }
}

extension Message {
    /// Whether it never crosses the network: a node's word to itself, or between it and its threads.
    var isLocal: Bool { from == to || from.isLocalThread || to.isLocalThread }
}
