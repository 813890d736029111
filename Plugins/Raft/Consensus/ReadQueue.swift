/// Reads that wait until a quorum has confirmed that this replica still leads (Raft §6.4 of the thesis).
///
/// Heartbeats carry how many reads of this leadership there were when they were sent; an answer
/// confirms as many. So one round confirms all that came before it.
struct ReadQueue: ~Copyable {
    struct Read {
        /// The commit index when it was asked for.
        var index: LogIndex
        /// The message that asked.
        var request: Message
    }

    private var unconfirmed: [Read] = []
    private var confirmedCount: UInt64 = 0
    private var acknowledged: [(id: ReplicaID, position: UInt64)] = []

    /// What a heartbeat carries to confirm all reads that wait; 0 where none does.
    var position: UInt64 { unconfirmed.isEmpty ? 0 : confirmedCount + UInt64(unconfirmed.count) }

    mutating func add(_ request: Message, at index: LogIndex) {
        unconfirmed.append(Read(index: index, request: request))
    }

    mutating func acknowledge(_ position: UInt64, by id: ReplicaID) {
        if let place = acknowledged.firstIndex(where: { $0.id == id }) {
            acknowledged[place].position = max(acknowledged[place].position, position)
        } else {
            acknowledged.append((id, position))
        }
    }

    /// Takes out the reads that a quorum has confirmed, in order.
    mutating func takeConfirmed(by quorum: JointQuorum) -> [Read] {
        let confirmed = quorum.committedIndex { id in
            acknowledged.first { $0.id == id }.map { LogIndex($0.position) }
        }
        guard confirmed.value > confirmedCount else { return [] }
        let count = min(Int(clamping: confirmed.value - confirmedCount), unconfirmed.count)
        let reads = Array(unconfirmed.prefix(count))
        unconfirmed.removeFirst(count)
        confirmedCount += UInt64(count)
        return reads
    }
}
