import KafkaWire

/// How far a group has come in a partition.
struct CommittedOffset: Sendable, Hashable {
    /// The next offset that the group wants.
    var offset: Int64
    /// The leader epoch of the record before it; -1: not known.
    var leaderEpoch: Int32
    /// What the group noted beside it.
    var metadata: String
    /// When it was committed, in milliseconds since 1970.
    var commitMilliseconds: Int64
    /// When it is to be forgotten; -1: as the settings say. Only OffsetCommit 2 to 4 could ask for it.
    var expireMilliseconds: Int64 = -1
    /// Where the record was in the order of the log: of a transaction's offset and another, the later record counts.
    var ordinal: UInt64 = 0

    /// An offset as a record says it.
    init(_ value: OffsetCommitValue) {
        offset = value.offset
        leaderEpoch = value.leaderEpoch
        metadata = value.metadata
        commitMilliseconds = value.commitTimestamp
        expireMilliseconds = value.expireTimestamp
    }

    /// What is recorded.
    var value: OffsetCommitValue {
        var value = OffsetCommitValue()
        value.offset = offset
        value.leaderEpoch = leaderEpoch
        value.metadata = metadata
        value.commitTimestamp = commitMilliseconds
        value.expireTimestamp = expireMilliseconds
        return value
    }

    /// Whether nobody wants the offset any more.
    func isExpired(_ expiration: OffsetExpiration, retention: Int64, at wallMilliseconds: Int64) -> Bool {
        let since: Int64
        switch expiration {
        case .never: return false
        case .afterCommit: since = commitMilliseconds
        case .after(let emptySince): since = emptySince
        }
        if expireMilliseconds != -1 { return wallMilliseconds >= expireMilliseconds }
        let (age, overflow) = wallMilliseconds.subtractingReportingOverflow(since)
        return !overflow && age >= retention
    }
}
