import Raft

/// Commands about messages.
extension World {
    mutating func deliver(_ directive: Directive, _ transcript: inout Transcript) throws(CommandFailure) {
        var kind: Message.Kind?
        if let name = directive.value("type") { kind = try messageKind(name) }
        var takenCount = 0
        for argument in directive.arguments {
            if argument.values.isEmpty {
                let messages = take(to: try directive.replica(argument.key), kind: kind)
                takenCount += messages.count
                try deliver(messages, &transcript)
            } else if argument.key == "drop" {
                for id in argument.values {
                    let messages = take(to: try directive.replica(id), kind: kind, keepsLocal: true)
                    takenCount += messages.count
                    for message in messages { transcript.print("dropped: " + message.describe(\.quotedText)) }
                }
            }
        }
        if takenCount == 0 { transcript.print("no messages") }
    }

    /// Steps messages in, each at the node it is for.
    func deliver(_ messages: [Message], _ transcript: inout Transcript) throws(CommandFailure) {
        for message in messages {
            transcript.print(message.describe(\.quotedText))
            let node = try node(Int(clamping: message.to.value))
            do {
                try node.replica.step(message)
            } catch {
                transcript.print(error.description)
            }
        }
    }

    /// Takes the messages to a node out of flight; of one kind, or all.
    mutating func take(to id: ReplicaID, kind: Message.Kind?, keepsLocal: Bool = false) -> [Message] {
        func isTaken(_ message: Message) -> Bool {
            message.to == id && (kind == nil || message.kind == kind) && !(keepsLocal && message.isLocal)
        }
        let taken = inFlight.filter(isTaken)
        inFlight.removeAll(where: isTaken)
        return taken
    }

    mutating func duplicateMessages(_ directive: Directive) throws(CommandFailure) {
        let id = try directive.replica(directive.text(at: 0, "a node"))
        inFlight += inFlight.filter { $0.to == id && !$0.isLocal }
    }

    mutating func reverseMessages(_ directive: Directive) throws(CommandFailure) {
        let id = try directive.replica(directive.text(at: 0, "a node"))
        let places = inFlight.indices.filter { inFlight[$0].to == id && !inFlight[$0].isLocal }
        let messages = places.map { inFlight[$0] }
        for (place, message) in zip(places, messages.reversed()) { inFlight[place] = message }
    }

    /// Sends what a node would send to one that needs a snapshot, without asking its replica.
    mutating func sendSnapshot(_ directive: Directive, _ transcript: inout Transcript) throws(CommandFailure) {
        let sender = try node(directive)
        let receiver = try directive.replica(directive.text(at: 1, "a node"))
        var message = Message(.snapshot, from: sender.id, to: receiver, term: sender.status.hardState.term)
        message.snapshot = sender.lastSnapshot
        inFlight.append(message)
        transcript.print(message.describe(\.quotedText))
    }

    // MARK: Messages made by hand

    func step(_ directive: Directive, _ transcript: inout Transcript) throws(CommandFailure) {
        let node = try node(directive)
        let message = try message(directive, to: node.id)
        do {
            try node.replica.step(message)
        } catch {
            throw CommandFailure(error.description)
        }
    }

    private func message(_ directive: Directive, to id: ReplicaID) throws(CommandFailure) -> Message {
        guard let name = directive.value("type") else { throw CommandFailure("step needs type=") }
        var message = Message(try messageKind(name), to: id)
        for argument in directive.arguments.dropFirst() {
            guard let value = argument.values.last else { continue }
            switch argument.key {
            case "from": message.from = try directive.replica(value)
            case "term": message.term = Term(try number(value))
            case "log": (message.logTerm, message.index) = try logID(value)
            case "commit": message.commit = LogIndex(try number(value))
            case "reject": message.isRejection = try parseFlag(value)
            case "hint": message.rejectHint = LogIndex(try number(value))
            case "entries": message.entries = try entries(argument.values)
            case "type": break
            default: throw CommandFailure("step has no field \(argument.key)")
            }
        }
        return message
    }

    private func entries(_ texts: [String]) throws(CommandFailure) -> [Entry] {
        var entries: [Entry] = []
        for text in texts {
            let parts = text.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
            guard parts.count >= 2 else { throw CommandFailure("step: \(text) is not TERM/INDEX/TEXT") }
            let payload = Payload(text: parts.count == 3 ? parts[2] : "")
            entries.append(
                Entry(term: Term(try number(parts[0])), index: LogIndex(try number(parts[1])), payload: payload))
        }
        return entries
    }

    private func logID(_ text: String) throws(CommandFailure) -> (Term, LogIndex) {
        let parts = text.split(separator: "/").map(String.init)
        guard parts.count == 2 else { throw CommandFailure("step: \(text) is not TERM/INDEX") }
        return (Term(try number(parts[0])), LogIndex(try number(parts[1])))
    }

    private func number(_ text: String) throws(CommandFailure) -> UInt64 {
        guard let number = UInt64(text) else { throw CommandFailure("step: \(text) is not a number") }
        return number
    }

    private func messageKind(_ name: String) throws(CommandFailure) -> Message.Kind {
        guard let kind = Message.Kind.allCases.first(where: { $0.describe() == name }) else {
            throw CommandFailure("unknown message type \(name)")
        }
        return kind
    }
}
