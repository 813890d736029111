extension Payload {
    /// Says how large the payload is: what stands for its bytes where they are not to be shown.
    public func describeSize() -> String { "\(byteCount) B" }
}

extension EntryID {
    /// Term and index, such as `1/11`.
    public func describe() -> String { "\(term.value)/\(index.value)" }
}

extension Entry {
    /// One line for logs and cases, such as `1/12 EntryNormal "foo"`.
    ///
    /// `payloadText` says what stands for the payload of a normal entry; a change shows its operations.
    public func describe(_ payloadText: (Payload) -> String = { $0.describeSize() }) -> String {
        guard let change = configurationChange else {
            return "\(id.describe()) EntryNormal \(payloadText(payload))"
        }
        let type = kind == .configurationChangeV1 ? "EntryConfChange" : "EntryConfChangeV2"
        return ([id.describe(), type] + change.operations.map { $0.describe() }).joined(separator: " ")
    }
}

extension ConfigurationChange.Operation {
    /// Its letter and the replica: `v4` voter, `l4` learner, `r4` remove, `u4` update.
    public func describe() -> String {
        let letter =
            switch kind {
            case .addVoter: "v"
            case .addLearner: "l"
            case .remove: "r"
            case .update: "u"
            }
        return letter + String(replica.value)
    }
}

extension Snapshot {
    /// One line for logs and cases: where it ends, and the membership there.
    public func describe() -> String {
        "Index:\(last.index.value) Term:\(last.term.value) ConfState:\(configuration.describeLists())"
    }
}
