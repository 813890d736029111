import KafkaWire
import WeirRuntime

// Offsets that nobody wants any more, and groups that nothing is left of.
extension GroupCoordinator {
    /// Groups and tombstones of one step: what is left is done in the next.
    private static let expiryGroupCountMax = 256
    private static let expiryRecordCountMax = 1_000

    /// Looks at some groups; with the last of them, the next round is scheduled.
    mutating func expireOffsets() {
        if expiryBacklog.isEmpty {
            // Groups without offsets are looked at too: empty ones go.
            expiryBacklog = Set(offsets.groups).union(groups.keys).sorted()
        }
        var count = 0
        while count < Self.expiryGroupCountMax, work.recordCount < Self.expiryRecordCountMax,
            let id = expiryBacklog.popLast()
        {
            count += 1
            expireOffsets(of: id)
        }
        let wait = expiryBacklog.isEmpty ? work.settings.offsetsRetentionCheckMilliseconds : 0
        work.schedule(.offsetExpiry, afterMilliseconds: wait)
    }

    private mutating func expireOffsets(of id: String) {
        let group = groups[id]
        let expiration = group?.offsetExpiration ?? .afterCommit
        var keepsSome = offsets.hasPending(group: id)
        for (topic, partitions) in offsets.offsets(group: id) {
            if group?.isSubscribed(to: topic) ?? false {
                keepsSome = true
                continue
            }
            for (number, offset) in partitions {
                let partition = TopicPartition(topic, number)
                let isExpired = offset.isExpired(
                    expiration, retention: work.settings.offsetsRetentionMilliseconds,
                    at: work.time.wallMilliseconds)
                // A transaction that ends could bring the offset back.
                if isExpired, !offsets.isPending(group: id, partition) {
                    removeOffset(group: id, partition)
                } else {
                    keepsSome = true
                }
            }
        }
        if !keepsSome { deleteEmptyGroup(id) }
    }
}
