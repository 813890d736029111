extension Message {
    /// What a message says, for logs and cases: one line, and deeper ones for several entries, a snapshot, responses.
    ///
    /// For instance `1->2 MsgApp Term:1 Log:1/11 Commit:11 Entries:[1/12 EntryNormal "a"]`. `payloadText` as for
    /// `Entry`.
    public func describe(_ payloadText: (Payload) -> String = { $0.describeSize() }) -> String {
        describe(indent: "", payloadText)
    }

    private func describe(indent: String, _ payloadText: (Payload) -> String) -> String {
        let deeper = indent + "  "
        var text = "\(indent)\(from.describeTarget())->\(to.describeTarget()) \(kind.describe())"
        text += " Term:\(term.value) Log:\(logTerm.value)/\(index.value)"
        if isRejection { text += " Rejected (Hint: \(rejectHint.value))" }
        if commit != 0 { text += " Commit:\(commit.value)" }
        if vote != .none { text += " Vote:\(vote.value)" }
        if entries.count == 1 {
            text += " Entries:[\(entries[0].describe(payloadText))]"
        } else if !entries.isEmpty {
            text += " Entries:["
            for entry in entries { text += "\n\(deeper)\(entry.describe(payloadText))" }
            text += "\n\(indent)]"
        }
        if let snapshot, snapshot.last.index > 0 { text += "\n\(deeper)Snapshot: \(snapshot.describe())" }
        if !responses.isEmpty {
            text += " Responses:["
            for response in responses { text += "\n" + response.describe(indent: deeper, payloadText) }
            text += "\n\(indent)]"
        }
        return text
    }
}

extension ReplicaID {
    /// Where a message goes: the number in hexadecimal, or the name of a replica's own storage or apply work.
    public func describeTarget() -> String {
        switch self {
        case .none: "None"
        case .appendThread: "AppendThread"
        case .applyThread: "ApplyThread"
        default: String(value, radix: 16)
        }
    }
}

extension Message.Kind {
    /// The kind's name in etcd's words, such as `MsgApp`.
    public func describe() -> String {
        switch self {
        case .hup: "MsgHup"
        case .beat: "MsgBeat"
        case .propose: "MsgProp"
        case .append: "MsgApp"
        case .appendResponse: "MsgAppResp"
        case .vote: "MsgVote"
        case .voteResponse: "MsgVoteResp"
        case .snapshot: "MsgSnap"
        case .heartbeat: "MsgHeartbeat"
        case .heartbeatResponse: "MsgHeartbeatResp"
        case .unreachable: "MsgUnreachable"
        case .snapshotStatus: "MsgSnapStatus"
        case .checkQuorum: "MsgCheckQuorum"
        case .transferLeader: "MsgTransferLeader"
        case .timeoutNow: "MsgTimeoutNow"
        case .readIndex: "MsgReadIndex"
        case .readIndexResponse: "MsgReadIndexResp"
        case .preVote: "MsgPreVote"
        case .preVoteResponse: "MsgPreVoteResp"
        case .storageAppend: "MsgStorageAppend"
        case .storageAppendResponse: "MsgStorageAppendResp"
        case .storageApply: "MsgStorageApply"
        case .storageApplyResponse: "MsgStorageApplyResp"
        case .forgetLeader: "MsgForgetLeader"
        }
    }
}
