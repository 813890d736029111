import KafkaWire

/// The uniform assignment where members want different topics.
///
/// What everybody had is kept, the rest goes to whoever has least; then partitions move from who has more to who has
/// at least two less, also through others in between, until that helps nobody. What results is as balanced as the
/// subscriptions allow (an optimal semi-matching: Harvey, Ladner, Lovász, Tamir, 2006), and each shift takes the
/// shortest way, so that few partitions move.
struct MixedAssignment {
    private let members: [AssignmentInput.Member]
    private let topics: [WireUUID]
    /// Who wants each topic.
    private var subscribers: [[Int]]
    /// What each member has of each topic: what it had before first, what is new to it last.
    private var held: [[Int: [Int32]]]
    private var loads: [Int]
    /// What nobody had before, of each topic.
    private var unassigned: [[Int32]]

    init(_ group: AssignmentInput) {
        members = group.members
        topics = group.subscribedTopics
        let numbers = Dictionary(uniqueKeysWithValues: zip(topics, topics.indices))
        subscribers = Array(repeating: [], count: topics.count)
        held = Array(repeating: [:], count: members.count)
        loads = Array(repeating: 0, count: members.count)
        unassigned = []
        for (index, member) in members.enumerated() {
            for topic in member.topics { subscribers[numbers[topic]!].append(index) }
        }
        for (number, topic) in topics.enumerated() {
            var isTaken = Array(repeating: false, count: Int(group.partitionCounts[topic] ?? 0))
            for index in subscribers[number] {
                for partition in members[index].previous[topic]
                where isTaken.indices.contains(Int(partition)) && !isTaken[Int(partition)] {
                    isTaken[Int(partition)] = true
                    held[index][number, default: []].append(partition)
                    loads[index] += 1
                }
            }
            unassigned.append(isTaken.indices.filter { !isTaken[$0] }.map(Int32.init))
        }
    }

    /// The balanced assignment.
    func balanced() -> [String: TopicPartitionSet] {
        var copy = self
        copy.dealUnassigned()
        while copy.shiftOnce() {}
        var result: [String: TopicPartitionSet] = [:]
        for (index, member) in members.enumerated() {
            result[member.id] = TopicPartitionSet(copy.held[index].map { (copy.topics[$0.key], $0.value) })
        }
        return result
    }

    /// Gives each partition that nobody has to the subscriber with least; first where there is least choice.
    private mutating func dealUnassigned() {
        let order = topics.indices.sorted { (subscribers[$0].count, $0) < (subscribers[$1].count, $1) }
        for topic in order {
            for partition in unassigned[topic] {
                guard let least = subscribers[topic].min(by: { (loads[$0], $0) < (loads[$1], $1) }) else { continue }
                held[least][topic, default: []].append(partition)
                loads[least] += 1
            }
        }
        unassigned = []
    }

    /// Shifts partitions away from each member that has too many; false: nobody has.
    private mutating func shiftOnce() -> Bool {
        var shifted = false
        for member in members.indices.sorted(by: { (loads[$0], $1) > (loads[$1], $0) }) {
            while let path = shortestPath(from: member) {
                shift(along: path)
                shifted = true
            }
        }
        return shifted
    }

    /// Steps from one member to the next, each by a topic that the first has and the second wants.
    private typealias Path = [(from: Int, topic: Int, to: Int)]

    /// The shortest way from a member to one that has at least two partitions less.
    private func shortestPath(from start: Int) -> Path? {
        guard loads[start] >= 2 else { return nil }
        var arrivals: [(from: Int, topic: Int)?] = Array(repeating: nil, count: members.count)
        var topicIsDone = Array(repeating: false, count: topics.count)
        var queue = [start]
        var next = 0
        while next < queue.count {
            let member = queue[next]
            next += 1
            for topic in held[member].keys.sorted() where !topicIsDone[topic] {
                topicIsDone[topic] = true
                for other in subscribers[topic] where other != start && arrivals[other] == nil {
                    arrivals[other] = (member, topic)
                    if loads[other] <= loads[start] - 2 { return path(to: other, from: start, arrivals) }
                    queue.append(other)
                }
            }
        }
        return nil
    }

    private func path(to end: Int, from start: Int, _ arrivals: [(from: Int, topic: Int)?]) -> Path {
        var path: Path = []
        var member = end
        while member != start, let arrival = arrivals[member] {
            path.append((arrival.from, arrival.topic, member))
            member = arrival.from
        }
        return path.reversed()
    }

    /// Moves as many partitions along the path as bring its ends together.
    private mutating func shift(along path: Path) {
        let (first, last) = (path[0].from, path[path.count - 1].to)
        var count = (loads[first] - loads[last]) / 2
        for step in path { count = min(count, held[step.from][step.topic]?.count ?? 0) }
        // From the far end, so that no step passes on what it has just been given.
        for step in path.reversed() {
            var partitions = held[step.from].removeValue(forKey: step.topic) ?? []
            held[step.to][step.topic, default: []] += partitions.suffix(count)
            partitions.removeLast(count)
            if !partitions.isEmpty { held[step.from][step.topic] = partitions }
        }
        loads[first] -= count
        loads[last] += count
    }
}
