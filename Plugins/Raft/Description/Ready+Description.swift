extension Ready {
    /// What there is to do, for logs and cases: its parts that are not empty, one line or more each.
    ///
    /// `payloadText` as for `Entry`; it stands for the contexts of reads too.
    public func describe(_ payloadText: (Payload) -> String = { $0.describeSize() }) -> String {
        guard !isEmpty else { return "<empty Ready>" }
        var lines = ["Ready MustSync=\(mustSync):"]
        if let softState { lines.append(softState.describe()) }
        if let hardState { lines.append("HardState " + hardState.describe()) }
        if !readStates.isEmpty {
            lines.append("ReadStates:")
            lines += readStates.map { "Index:\($0.index.value) Ctx:\(payloadText($0.context))" }
        }
        if !entries.isEmpty {
            lines.append("Entries:")
            lines += entries.map { $0.describe(payloadText) }
        }
        if let snapshot { lines.append("Snapshot " + snapshot.describe()) }
        if !committedEntries.isEmpty {
            lines.append("CommittedEntries:")
            lines += committedEntries.map { $0.describe(payloadText) }
        }
        if !messages.isEmpty {
            lines.append("Messages:")
            lines += messages.map { $0.describe(payloadText) }
        }
        return lines.joined(separator: "\n")
    }
}
