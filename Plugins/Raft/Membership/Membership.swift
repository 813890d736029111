/// Who belongs to the group, and what is known of each of them.
package struct Membership: Sendable {
    /// The configuration that decides.
    package private(set) var configuration = ConfigurationState()
    /// One for each member, ascending by id: everything that visits them does so in this order.
    var peers: [Progress] = []
    /// Who answered in this election, and how.
    private var votes: [(id: ReplicaID, isGranted: Bool)] = []
    private let emptyInflights: Inflights

    /// A group of nobody.
    package init(inflightMessagesMax: Int, inflightBytesMax: Int) {
        emptyInflights = Inflights(countMax: inflightMessagesMax, byteCountMax: inflightBytesMax)
    }

    // MARK: Members

    @inline(__always)
    func place(of id: ReplicaID) -> Int? {
        peers.firstIndex { $0.id == id }
    }

    var quorum: JointQuorum {
        JointQuorum(
            incoming: MajorityQuorum(configuration.voters), outgoing: MajorityQuorum(configuration.votersOutgoing))
    }

    func isVoter(_ id: ReplicaID) -> Bool {
        configuration.voters.contains(id) || configuration.votersOutgoing.contains(id)
    }

    /// Whether it is a member that does not vote, or no member; both do not campaign, and do not count.
    func isLearnerOrUnknown(_ id: ReplicaID) -> Bool {
        place(of: id).map { peers[$0].isLearner } ?? true
    }

    /// Whether the group has one voter, who decides alone.
    var hasOneVoter: Bool { configuration.voters.count == 1 && configuration.votersOutgoing.isEmpty }

    /// Takes over a changed configuration.
    package mutating func change(to changed: ConfigurationChanger) {
        configuration = changed.configuration
        peers = changed.peers
    }

    /// Forgets what was known of all logs, at a new term or role.
    mutating func resetProgress(own: ReplicaID, lastIndex: LogIndex) {
        for place in peers.indices {
            let peer = peers[place]
            peers[place] = Progress(
                peer.id, match: peer.id == own ? lastIndex : 0, next: lastIndex + 1, isLearner: peer.isLearner,
                isRecentlyActive: false, inflights: emptyInflights)
        }
    }

    func makeProgress(_ id: ReplicaID, next: LogIndex, isLearner: Bool) -> Progress {
        Progress(
            id, match: 0, next: next, isLearner: isLearner, isRecentlyActive: true, inflights: emptyInflights)
    }

    /// What is known of each, for people.
    package var statuses: [ReplicaStatus.Peer] { peers.map(\.status) }

    // MARK: Decisions

    /// The latest entry that is on the logs of a quorum.
    var committedIndex: LogIndex {
        // The closure holds the peers, not the whole, which would be copied for every acknowledgement.
        let peers = peers
        return quorum.committedIndex { id in peers.first { $0.id == id }?.match }
    }

    /// Whether a quorum was heard of lately.
    var isQuorumActive: Bool {
        let result = quorum.voteResult { id in
            guard let place = place(of: id), !peers[place].isLearner else { return nil }
            return peers[place].isRecentlyActive
        }
        return result == .won
    }

    mutating func resetVotes() {
        votes = []
    }

    /// Notes an answer; the first one of each replica counts.
    mutating func recordVote(_ id: ReplicaID, isGranted: Bool) {
        if !votes.contains(where: { $0.id == id }) { votes.append((id, isGranted)) }
    }

    var voteResult: VoteResult {
        quorum.voteResult { id in votes.first { $0.id == id }?.isGranted }
    }
}
