import KafkaWire
import WeirRuntime

/// Topics that are gone, and the groups that may still have offsets of them.
struct ForgottenTopics: Sendable {
    /// Their names, which new topics may have meanwhile.
    var names: Set<String>
    /// What was recorded later is of those.
    var ordinal: UInt64
    /// Who has not been looked at.
    var groups: [String]
}

// Offsets that nobody wants any more, and groups that nothing is left of.
extension GroupCoordinator {
    /// Groups and tombstones of one step: what is left is done in the next.
    private static let expiryGroupCountMax = 256
    private static let expiryRecordCountMax = 1_000

    /// Topics are gone, and with them what groups committed of them.
    mutating func forgetOffsets(of topics: Set<String>) {
        guard !topics.isEmpty else { return }
        forgotten.append(
            ForgottenTopics(names: topics, ordinal: offsets.ordinal, groups: offsets.groups.sorted()))
        forgetOffsets()
    }

    /// Looks at some groups for offsets of topics that are gone.
    mutating func forgetOffsets() {
        while let index = forgotten.indices.last, work.recordCount < Self.expiryRecordCountMax {
            guard let group = forgotten[index].groups.popLast() else {
                forgotten.remove(at: index)
                continue
            }
            for partition in offsets.partitions(group: group, of: forgotten[index].names)
            where !offsets.hasRecord(group: group, partition, after: forgotten[index].ordinal) {
                removeOffset(group: group, partition)
                work.cut()
            }
        }
        if !forgotten.isEmpty { work.schedule(.forgottenTopics, afterMilliseconds: 0) }
    }

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
                    work.cut()
                } else {
                    keepsSome = true
                }
            }
        }
        if !keepsSome { deleteEmptyGroup(id) }
        work.cut()
    }
}
