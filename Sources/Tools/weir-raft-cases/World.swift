import Raft

/// The cluster of one file of cases: its nodes, and the messages between them.
///
/// Nothing happens by itself: no clock, no loss, no delivery but by command.
struct World {
    /// Nodes 1, 2, 3 ... in this order.
    var nodes: [SimulatedNode] = []
    /// All messages in flight, in the order they were handed over.
    var inFlight: [Message] = []
    /// Whether only errors are printed.
    private var isMuted = false

    /// What a command prints.
    struct Output: Equatable {
        var printed: String
        /// What it would print if nothing were muted.
        var unmuted: String
    }

    /// Does a command. An output, not an error, says what went wrong.
    mutating func run(_ directive: Directive, input: String) -> Output {
        var transcript = Transcript()
        var failure: CommandFailure?
        let wasMuted = isMuted
        do {
            try perform(directive, input: input, &transcript)
        } catch {
            failure = error
            transcript.print(error.text)
        }
        let unmuted = transcript.lines.isEmpty ? "ok" : transcript.lines.joined(separator: "\n")
        let isSilent = isMuted
        // Its level holds for this command only.
        if directive.command == "stabilize" { isMuted = wasMuted }
        return Output(printed: isSilent ? failure?.text ?? "ok" : unmuted, unmuted: unmuted)
    }

    /// The state of every node, a line each.
    var stateLines: [String] { nodes.map { $0.status.describe() } }

    private mutating func perform(
        _ directive: Directive, input: String, _ transcript: inout Transcript
    ) throws(CommandFailure) {
        switch directive.command {
        case "add-nodes": try addNodes(directive)
        case "campaign": try node(directive).replica.campaign()
        case "propose": try propose(directive)
        case "propose-conf-change": try proposeChange(directive, input: input)
        case "process-ready": try processReady(directive, &transcript)
        case "process-append-thread": try processAppendThread(directive, &transcript)
        case "process-apply-thread": try processApplyThread(directive, &transcript)
        case "deliver-msgs": try deliver(directive, &transcript)
        case "stabilize": try stabilize(directive, &transcript)
        case "tick-election": try tick(directive, directive.configuration(of: self).electionTicks)
        case "tick-heartbeat": try tick(directive, directive.configuration(of: self).heartbeatTicks)
        case "tick": try tick(directive, directive.number(at: 1, "a number of ticks"))
        case "set-randomized-election-timeout": try setElectionTimeout(directive)
        case "transfer-leadership": try transferLeadership(directive)
        case "forget-leader": try node(directive).replica.forgetLeader()
        case "read-index": try readIndex(directive)
        case "report-unreachable": try reportUnreachable(directive)
        case "report-snapshot": try reportSnapshot(directive)
        case "snapshot-available": try setSnapshotAvailable(directive)
        case "send-snapshot": try sendSnapshot(directive, &transcript)
        case "compact": try compact(directive, &transcript)
        case "dup-msgs": try duplicateMessages(directive)
        case "reverse-msgs": try reverseMessages(directive)
        case "step": try step(directive, &transcript)
        case "restart": try restart(directive)
        case "raft-log": try node(directive).printLog(&transcript)
        case "raft-state": printRaftState(&transcript)
        case "status": try printStatus(directive, &transcript)
        case "log-level": try setLogLevel(directive.text(at: 0, "a level"))
        default: throw CommandFailure("unknown command")
        }
    }

    /// `none` mutes; any other level does not.
    mutating func setLogLevel(_ level: String) throws(CommandFailure) {
        let levels = ["debug", "info", "warn", "error", "fatal", "none"]
        guard levels.contains(level.lowercased()) else {
            throw CommandFailure("log levels are \(levels.joined(separator: ", ")), not \(level)")
        }
        isMuted = level.lowercased() == "none"
    }

    // MARK: Nodes

    /// The node whose number is the directive's word at `place`.
    func node(_ directive: Directive, at place: Int = 0) throws(CommandFailure) -> SimulatedNode {
        try node(directive.number(at: place, "a node"))
    }

    func node(_ number: Int) throws(CommandFailure) -> SimulatedNode {
        guard nodes.indices.contains(number - 1) else { throw CommandFailure("there is no node \(number)") }
        return nodes[number - 1]
    }

    /// The nodes that the directive names, or all of them.
    func nodesOrAll(_ directive: Directive) throws(CommandFailure) -> [SimulatedNode] {
        let numbers = try directive.nodeNumbers()
        guard !numbers.isEmpty else { return nodes }
        var named: [SimulatedNode] = []
        for number in numbers { named.append(try node(number)) }
        return named
    }
}

extension Directive {
    /// How the node was made that the first word names.
    fileprivate func configuration(of world: World) throws(CommandFailure) -> ReplicaConfiguration {
        try world.node(self).options.configuration
    }
}
