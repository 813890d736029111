/// Changes of the membership as they are applied, and of who leads by request.
extension Consensus {
    /// Begins with a membership that was stored.
    mutating func restoreMembership(_ state: ConfigurationState) {
        var changer = ConfigurationChanger(membership, lastIndex: log.last.index)
        do {
            try changer.restore(state)
        } catch {
            // An empty one is what a replica knows that has yet to be told.
            precondition(state == ConfigurationState(), "the stored configuration is none: \(error)")
        }
        switchMembership(to: changer)
    }

    mutating func apply(_ change: ConfigurationChange) throws(ConfigurationError) -> ConfigurationState {
        var changer = ConfigurationChanger(membership, lastIndex: log.last.index)
        try changer.perform(change)
        switchMembership(to: changer)
        return membership.configuration
    }

    private mutating func switchMembership(to changer: ConfigurationChanger) {
        membership.change(to: changer)
        guard role == .leader else { return }
        guard !membership.isLearnerOrUnknown(id) else {
            // It leads on without counting itself, until a voter takes over.
            if configuration.stepDownOnRemoval { becomeFollower(term, leader: .none) }
            return
        }
        guard !membership.configuration.voters.isEmpty else { return }
        // The quorum may be smaller now.
        if commitByQuorum() {
            broadcastAppend()
        } else {
            for place in membership.peers.indices where membership.peers[place].id != id {
                sendAppend(at: place, evenIfEmpty: false)
            }
        }
        if !membership.isVoter(transferee) { transferee = .none }
    }

    // MARK: Leadership transfer (thesis §3.10)

    mutating func stepTransfer(_ message: Message) {
        let target = message.from
        guard let place = membership.place(of: target), !membership.peers[place].isLearner else { return }
        // The same request again does not give it more time.
        guard target != transferee else { return }
        transferee = .none
        guard target != id else { return }
        electionElapsed = 0
        transferee = target
        if membership.peers[place].match == log.last.index {
            send(Message(.timeoutNow, to: target))
        } else {
            sendAppend(at: place, evenIfEmpty: true)
        }
    }
}
