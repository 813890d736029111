import Raft

/// Commands that let nodes do what their replicas ask for.
extension World {
    mutating func processReady(_ directive: Directive, _ transcript: inout Transcript) throws(CommandFailure) {
        try forEachNode(directive, "handling Ready", &transcript) { (node, inner) throws(CommandFailure) in
            try node.handleReady(&inner)
        }
    }

    mutating func processAppendThread(
        _ directive: Directive, _ transcript: inout Transcript
    ) throws(CommandFailure) {
        try forEachNode(directive, "processing append thread", &transcript) { (node, inner) throws(CommandFailure) in
            node.processAppendWork(&inner)
        }
    }

    mutating func processApplyThread(_ directive: Directive, _ transcript: inout Transcript) throws(CommandFailure) {
        try forEachNode(directive, "processing apply thread", &transcript) { (node, inner) throws(CommandFailure) in
            try node.processApplyWork(&inner)
        }
    }

    /// Lets each named node do something and hands over what it sends. Several nodes get a heading each.
    private mutating func forEachNode(
        _ directive: Directive, _ what: String, _ transcript: inout Transcript,
        _ work: (SimulatedNode, inout Transcript) throws(CommandFailure) -> [Message]
    ) throws(CommandFailure) {
        let numbers = try directive.nodeNumbers()
        guard !numbers.isEmpty else { throw CommandFailure("\(directive.command) needs a node") }
        for number in numbers {
            let node = try node(number)
            if numbers.count == 1 {
                inFlight += try work(node, &transcript)
            } else {
                transcript.print("> \(number) \(what)")
                var sent: [Message] = []
                try transcript.indented { (inner) throws(CommandFailure) in sent = try work(node, &inner) }
                inFlight += sent
            }
        }
    }

    // MARK: Until nothing is left

    /// More rounds than any cluster of a case needs: one that does not settle is a fault, not a hang.
    private static var roundsMax: Int { 10_000 }

    /// Rounds of everything that nodes can do, until one does nothing.
    mutating func stabilize(_ directive: Directive, _ transcript: inout Transcript) throws(CommandFailure) {
        if let level = directive.value("log-level") { try setLogLevel(level) }
        let nodes = try nodesOrAll(directive)
        for _ in 0..<World.roundsMax {
            let before = transcript.lines.count
            for node in nodes where node.replica.hasReady {
                try perform(node, "handling Ready", &transcript) { (inner) throws(CommandFailure) in
                    try node.handleReady(&inner)
                }
            }
            for node in nodes where inFlight.contains(where: { $0.to == node.id }) {
                transcript.print("> \(node.id.value) receiving messages")
                try transcript.indented { (inner) throws(CommandFailure) in
                    try deliver(take(to: node.id, kind: nil), &inner)
                }
            }
            for node in nodes where node.hasAppendWork {
                try perform(node, "processing append thread", &transcript) { (inner) throws(CommandFailure) in
                    var sent: [Message] = []
                    while node.hasAppendWork { sent += node.processAppendWork(&inner) }
                    return sent
                }
            }
            for node in nodes where node.hasApplyWork {
                try perform(node, "processing apply thread", &transcript) { (inner) throws(CommandFailure) in
                    var sent: [Message] = []
                    while node.hasApplyWork { sent += try node.processApplyWork(&inner) }
                    return sent
                }
            }
            if transcript.lines.count == before { return }
        }
        throw CommandFailure("the cluster does not settle within \(World.roundsMax) rounds")
    }

    private mutating func perform(
        _ node: SimulatedNode, _ what: String, _ transcript: inout Transcript,
        _ work: (inout Transcript) throws(CommandFailure) -> [Message]
    ) throws(CommandFailure) {
        transcript.print("> \(node.id.value) \(what)")
        var sent: [Message] = []
        try transcript.indented { (inner) throws(CommandFailure) in sent = try work(&inner) }
        inFlight += sent
    }
}
