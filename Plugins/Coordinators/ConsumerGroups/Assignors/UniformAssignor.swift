import KafkaWire

/// Gives everybody as many partitions as possible alike, and moves no partition without need.
enum UniformAssignor {
    static func assign(_ group: AssignmentInput) -> [String: TopicPartitionSet] {
        guard !group.members.isEmpty else { return [:] }
        return group.isHomogeneous ? assignAlike(group) : MixedAssignment(group).balanced()
    }

    /// Everybody wants the same topics: each gets the quota, and as many as there are left over get one more.
    ///
    /// What is kept is the sum of what each member had, at most its quota; the members that had more than the
    /// smaller quota get the larger one first, so that no assignment as balanced keeps more.
    private static func assignAlike(_ group: AssignmentInput) -> [String: TopicPartitionSet] {
        let topics = group.subscribedTopics
        let total = topics.reduce(0) { $0 + Int(group.partitionCounts[$1] ?? 0) }
        let (quota, extra) = total.quotientAndRemainder(dividingBy: group.members.count)

        var taken: [WireUUID: [Bool]] = [:]
        for topic in topics { taken[topic] = Array(repeating: false, count: Int(group.partitionCounts[topic] ?? 0)) }
        let previous = group.members.map { member in kept(member.previous, topics, &taken) }

        var room: [Int] = []
        var extraLeft = extra
        for had in previous {
            let larger = had.count > quota && extraLeft > 0
            if larger { extraLeft -= 1 }
            room.append(quota + (larger ? 1 : 0))
        }
        for index in room.indices where extraLeft > 0 && room[index] == quota {
            room[index] += 1
            extraLeft -= 1
        }

        var shares: [[(topic: Int, partition: Int32)]] = []
        for (index, had) in previous.enumerated() {
            let share = had.count <= room[index] ? had : evenly(had, room[index])
            if share.count < had.count {
                for dropped in had { taken[topics[dropped.topic]]![Int(dropped.partition)] = false }
                for held in share { taken[topics[held.topic]]![Int(held.partition)] = true }
            }
            shares.append(share)
            room[index] -= share.count
        }

        // Dealt in turn, so that each topic is spread over the members.
        var turn = 0
        for (number, topic) in topics.enumerated() {
            let partitions = taken[topic]!
            for partition in partitions.indices where !partitions[partition] {
                while room[turn] == 0 { turn = (turn + 1) % room.count }
                shares[turn].append((number, Int32(partition)))
                room[turn] -= 1
                turn = (turn + 1) % room.count
            }
        }
        var result: [String: TopicPartitionSet] = [:]
        for (index, member) in group.members.enumerated() {
            result[member.id] = partitionSet(shares[index], topics)
        }
        return result
    }

    /// What the member had, of what there still is and nobody before it had.
    private static func kept(
        _ previous: TopicPartitionSet, _ topics: [WireUUID], _ taken: inout [WireUUID: [Bool]]
    ) -> [(topic: Int, partition: Int32)] {
        var result: [(topic: Int, partition: Int32)] = []
        for (number, topic) in topics.enumerated() {
            for partition in previous[topic] {
                guard let isTaken = taken[topic], isTaken.indices.contains(Int(partition)), !isTaken[Int(partition)]
                else { continue }
                taken[topic]![Int(partition)] = true
                result.append((number, partition))
            }
        }
        return result
    }

    /// As many as there is room for, taken evenly from the whole, so that no topic is given up as one.
    private static func evenly(
        _ partitions: [(topic: Int, partition: Int32)], _ room: Int
    ) -> [(topic: Int, partition: Int32)] {
        (0..<room).map { partitions[$0 * partitions.count / room] }
    }

    private static func partitionSet(
        _ partitions: [(topic: Int, partition: Int32)], _ topics: [WireUUID]
    ) -> TopicPartitionSet {
        var byTopic: [Int: [Int32]] = [:]
        for (topic, partition) in partitions { byTopic[topic, default: []].append(partition) }
        return TopicPartitionSet(byTopic.map { (topics[$0.key], $0.value) })
    }
}
