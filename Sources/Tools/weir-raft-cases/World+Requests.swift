import Raft

/// Commands that ask or tell a node something.
extension World {
    func propose(_ directive: Directive) throws(CommandFailure) {
        let node = try node(directive)
        let text = try directive.text(at: 1, "a text")
        do {
            try node.replica.propose([Payload(text: text)])
        } catch {
            throw CommandFailure(error.description)
        }
    }

    func proposeChange(_ directive: Directive, input: String) throws(CommandFailure) {
        let node = try node(directive)
        let isV1 = try directive.value("v1").map(parseFlag) ?? false
        let change = ConfigurationChange(try operations(input), transition: try transition(directive))
        guard !isV1 || change.isSimple else {
            throw CommandFailure("v1 conf change can only have one operation and no transition")
        }
        do {
            try node.replica.propose(change, form: isV1 ? .configurationChangeV1 : .configurationChange)
        } catch {
            throw CommandFailure(error.description)
        }
    }

    private func transition(_ directive: Directive) throws(CommandFailure) -> ConfigurationChange.Transition {
        switch directive.value("transition") {
        case nil, "auto": return .auto
        case "implicit": return .implicit
        case "explicit": return .explicit
        case let other?: throw CommandFailure("unknown transition \(other)")
        }
    }

    func readIndex(_ directive: Directive) throws(CommandFailure) {
        let context = try directive.text(at: 1, "a context")
        try node(directive).replica.readIndex(Payload(text: context))
    }

    func transferLeadership(_ directive: Directive) throws(CommandFailure) {
        guard let from = directive.value("from"), let to = directive.value("to") else {
            throw CommandFailure("transfer-leadership needs from= and to=")
        }
        let node = try node(directive.number(from, "a node"))
        node.replica.transferLeadership(to: try directive.replica(to))
    }

    func reportUnreachable(_ directive: Directive) throws(CommandFailure) {
        let other = try directive.replica(directive.text(at: 1, "a node"))
        try node(directive).replica.reportUnreachable(other)
    }

    func reportSnapshot(_ directive: Directive) throws(CommandFailure) {
        let other = try directive.replica(directive.text(at: 1, "a node"))
        switch try directive.text(at: 2, "ok or fail") {
        case "ok": try node(directive).replica.reportSnapshot(to: other, .delivered)
        case "fail": try node(directive).replica.reportSnapshot(to: other, .failed)
        case let outcome: throw CommandFailure("report-snapshot: \(outcome) is neither ok nor fail")
        }
    }

    // MARK: Time

    func tick(_ directive: Directive, _ count: Int) throws(CommandFailure) {
        guard count >= 0 else { throw CommandFailure("time does not go back") }
        try node(directive).replica.tick(count)
    }

    func setElectionTimeout(_ directive: Directive) throws(CommandFailure) {
        guard let timeout = directive.value("timeout") else {
            throw CommandFailure("set-randomized-election-timeout needs timeout=")
        }
        let ticks = try directive.number(timeout, "a number of ticks")
        try node(directive).replica.setElectionTimeout(ticks: ticks)
    }
}

extension Directive {
    /// Reads a replica that need not exist.
    func replica(_ text: String) throws(CommandFailure) -> ReplicaID {
        guard let id = UInt64(text) else { throw CommandFailure("\(command): \(text) is not a node") }
        return ReplicaID(id)
    }
}

/// Reads operations on a configuration: `v1 l2 r3 u4`.
func operations(_ text: String) throws(CommandFailure) -> [ConfigurationChange.Operation] {
    var operations: [ConfigurationChange.Operation] = []
    for word in text.split(whereSeparator: \.isWhitespace) {
        let kind: ConfigurationChange.Operation.Kind? =
            switch word.first {
            case "v": .addVoter
            case "l": .addLearner
            case "r": .remove
            case "u": .update
            default: nil
            }
        guard let kind, let id = UInt64(word.dropFirst()) else { throw CommandFailure("unknown input: \(word)") }
        operations.append(ConfigurationChange.Operation(kind, ReplicaID(id)))
    }
    return operations
}
