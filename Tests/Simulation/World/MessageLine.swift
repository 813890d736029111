import Raft

extension Message {
    /// The message in one line, for a trace.
    var line: String {
        var text = "\(from.value)->\(to.value) \(kind) term \(term.value)"
        if isTransfer { text += " (transfer)" }
        if index > 0 || logTerm > 0 { text += " at \(logTerm.value)/\(index.value)" }
        if isRejection { text += " refused, try \(rejectHint.value)" }
        if commit > 0 { text += " commit \(commit.value)" }
        if readPosition > 0 { text += " reads \(readPosition)" }
        if let first = entries.first, let last = entries.last {
            text += entries.count == 1 ? " entry" : " entries"
            text += " \(first.term.value)/\(first.index.value)"
            if entries.count > 1 { text += "...\(last.term.value)/\(last.index.value)" }
            let changes = entries.compactMap(\.configurationChange)
            if !changes.isEmpty { text += " with " + changes.map(\.line).joined(separator: ", ") }
        }
        if let snapshot { text += " snapshot \(snapshot.last.term.value)/\(snapshot.last.index.value)" }
        return text
    }
}

extension ConfigurationChange {
    /// The change in one line, for a trace.
    var line: String {
        if isLeaveJoint { return "leave joint" }
        let names = operations.map { $0.describe() }.joined(separator: " ")
        return transition == .auto ? names : "\(names) \(transition)"
    }
}
