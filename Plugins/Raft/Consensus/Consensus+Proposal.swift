/// What a leader appends to its log.
extension Consensus {
    mutating func proposeAsLeader(_ entries: consuming [Entry]) throws(RaftError) {
        guard !entries.isEmpty, membership.place(of: id) != nil, transferee == .none else { throw .proposalDropped }
        var pending = pendingConfigurationIndex
        for place in entries.indices where entries[place].kind != .normal {
            guard let change = entries[place].configurationChange else { continue }
            if configuration.disableConfigurationChangeValidation || mayPropose(change, pending: pending) {
                pending = log.last.index + place + 1
            } else {
                entries[place] = Entry(payload: .empty)
            }
        }
        pendingConfigurationIndex = pending
        guard append(consume entries) else { throw .proposalDropped }
        broadcastAppend()
    }

    /// Whether a change fits what is known of the configuration; one at a time is under way.
    private func mayPropose(_ change: ConfigurationChange, pending: LogIndex) -> Bool {
        let leavesJoint = change.operations.isEmpty
        return pending <= log.applied && membership.configuration.isJoint == leavesJoint
    }

    /// Appends entries of this term. False where they are over the quota.
    mutating func append(_ entries: consuming [Entry]) -> Bool {
        let payloadBytes = entries.payloadBytes
        let max = configuration.uncommittedBytesMax
        // One proposal is always let through, whatever its size; an empty one always.
        if max > 0 && uncommittedBytes > 0 && payloadBytes > 0 && uncommittedBytes + payloadBytes > max {
            return false
        }
        uncommittedBytes += payloadBytes
        let last = log.last.index
        for place in entries.indices {
            entries[place].term = term
            entries[place].index = last + place + 1
        }
        log.append(entries)
        send(Message(.appendResponse, to: id, index: log.last.index))
        return true
    }
}
