import KafkaWire

/// Gives each subscriber of a topic neighbouring partitions, in the order of the members.
///
/// Topics with as many partitions and the same subscribers are cut alike, so that a member gets the same numbers of
/// each: what joins of topics by partition need.
enum RangeAssignor {
    static func assign(_ group: AssignmentInput) -> [String: TopicPartitionSet] {
        // Static members come first, by the names that they keep: their restarts then shift nobody's range.
        let members = group.members.sorted { left, right in
            switch (left.instanceID, right.instanceID) {
            case (let left?, let right?): left < right
            case (nil, nil): left.id < right.id
            case (let instance, _): instance != nil
            }
        }
        var subscribers: [WireUUID: [Int]] = [:]
        for (index, member) in members.enumerated() {
            for topic in member.topics { subscribers[topic, default: []].append(index) }
        }
        var shares: [[(WireUUID, [Int32])]] = Array(repeating: [], count: members.count)
        for (topic, indexes) in subscribers {
            let count = group.partitionCounts[topic] ?? 0
            let (quota, extra) = count.quotientAndRemainder(dividingBy: Int32(indexes.count))
            var start: Int32 = 0
            for (rank, index) in indexes.enumerated() {
                let end = start + quota + (Int32(rank) < extra ? 1 : 0)
                if end > start { shares[index].append((topic, Array(start..<end))) }
                start = end
            }
        }
        var result: [String: TopicPartitionSet] = [:]
        for (index, member) in members.enumerated() { result[member.id] = TopicPartitionSet(shares[index]) }
        return result
    }
}
