/// A property that must hold after every event, by the name under which a violation is reported.
public enum Invariant: String, Sendable, Hashable, CaseIterable {
    // MARK: Elections

    case oneLeaderPerTerm = "one leader per term"
    case oneVotePerTerm = "one vote per term"
    case electedByQuorum = "elected by a quorum of stored votes"
    case leaderCompleteness = "leader completeness"
    case voteForCompleteLog = "votes only for logs that lack nothing"
    case campaignAllowed = "only voters without pending changes campaign"
    case preVoteChangesNothing = "a pre-vote changes nothing"
    case higherTermTaken = "a higher term is taken"
    case leaseHonoured = "a lease is honoured"
    case quorumHeard = "a leader hears a quorum"
    case transferEnds = "a transfer ends"
    case transferCatchesUp = "a transfer waits for the log"

    // MARK: Log

    case leaderAppendOnly = "a leader only appends"
    case logMatching = "log matching"
    case noNeedlessTruncation = "only conflicts truncate"
    case stateMachineSafety = "state machine safety"
    case committedByQuorum = "committed by a quorum of stored entries"
    case commitOfOwnTerm = "a leader commits its own term first"
    case commitMonotonic = "the commit index never decreases"
    case commitVouchedFor = "commit within what is vouched for"
    case commitNotLate = "the commit index follows the quorum"
    case appliedInOrder = "applied in order, each once"
    case appliesStored = "only stored entries are applied"
    case termMonotonic = "the term never decreases"
    case appendFromLog = "appends come from the log"
    case progressTrue = "what a leader believes is so"

    // MARK: Disk

    case storedBeforeAnswer = "stored before it is answered for"
    case recovered = "recovered as stored"
    case damageNoticed = "damage is noticed"

    // MARK: Clients

    case noLostWrite = "no acknowledged write is lost"
    case noDoubleWrite = "no write is doubled"
    case linearizableRead = "a read sees what was acknowledged"

    // MARK: Membership

    case configurationAgrees = "equal configurations at equal index"
    case configurationSound = "configurations are sound"
    case oneChangeAtATime = "one change at a time"

    // MARK: Limits

    case messageLimit = "messages keep their limit"
    case applyLimit = "applying keeps its limit"
    case windowLimit = "windows keep their limit"
    case quotaLimit = "the quota is kept"
    case memoryBounded = "memory is bounded at rest"

    // MARK: The end

    case noUnexpectedError = "no unexpected error"
    case progress = "progress after the faults"
}

/// A property that did not hold.
public struct Violation: Sendable, Hashable {
    /// Which.
    public var invariant: Invariant
    /// The event that showed it, counted from 1.
    public var event: Int
    /// Where: a replica's number, 0 for none.
    public var node: Int
    /// What was found, in one sentence.
    public var explanation: String
}
