/// Where a transactional id is, as Kafka numbers and names it in its log and in its answers.
package enum TransactionState: Int8, Sendable, Hashable, CaseIterable {
    /// No transaction yet in this incarnation of the producer.
    case empty = 0
    /// A transaction has partitions.
    case ongoing = 1
    /// It is committed; not every partition has its marker.
    case prepareCommit = 2
    /// It is aborted; not every partition has its marker.
    case prepareAbort = 3
    /// It was committed, and every partition has its marker.
    case completeCommit = 4
    /// It was aborted, and every partition has its marker.
    case completeAbort = 5
    /// The id has expired. Never written: a tombstone is.
    case dead = 6
    /// Kafka's step between `ongoing` and `prepareAbort` where a producer is fenced. Never written: here it takes no
    /// time.
    case prepareEpochFence = 7

    /// The name that DescribeTransactions and ListTransactions give it.
    package var name: String {
        switch self {
        case .empty: "Empty"
        case .ongoing: "Ongoing"
        case .prepareCommit: "PrepareCommit"
        case .prepareAbort: "PrepareAbort"
        case .completeCommit: "CompleteCommit"
        case .completeAbort: "CompleteAbort"
        case .dead: "Dead"
        case .prepareEpochFence: "PrepareEpochFence"
        }
    }

    /// The names of all states.
    package static let names = Set(allCases.map(\.name))

    /// Which states a transition may come from (KIP-98; an abort without partitions: KIP-890).
    package var predecessors: Set<TransactionState> {
        switch self {
        case .empty: [.empty, .completeCommit, .completeAbort]
        case .ongoing: [.ongoing, .empty, .completeCommit, .completeAbort]
        case .prepareCommit: [.ongoing]
        case .prepareAbort: [.ongoing, .empty, .completeCommit, .completeAbort]
        case .completeCommit: [.prepareCommit]
        case .completeAbort: [.prepareAbort]
        case .dead: [.empty, .completeCommit, .completeAbort]
        case .prepareEpochFence: [.ongoing]
        }
    }

    /// Whether the outcome is decided, and markers are being written.
    package var isPrepared: Bool { self == .prepareCommit || self == .prepareAbort }

    /// Whether a transaction has ended, and none has begun since.
    package var isComplete: Bool { self == .completeCommit || self == .completeAbort }

    /// What became of the transaction; nil: that is open.
    package var outcome: TransactionOutcome? {
        switch self {
        case .prepareCommit, .completeCommit: .committed
        case .prepareAbort, .completeAbort: .aborted
        case .empty, .ongoing, .dead, .prepareEpochFence: nil
        }
    }
}

extension TransactionOutcome {
    /// The state in which it is decided.
    var prepared: TransactionState { self == .committed ? .prepareCommit : .prepareAbort }
    /// The state in which every partition knows.
    var complete: TransactionState { self == .committed ? .completeCommit : .completeAbort }
}
