import KafkaWire

/// A set of partitions, by their topics' ids: what a member owns, gives up or is to get.
struct TopicPartitionSet: Sendable, Hashable {
    /// Each topic's partitions in order; a topic without partitions is not here.
    private var partitions: [WireUUID: [Int32]] = [:]

    /// No partitions.
    init() {}

    /// These partitions; the order and repetitions do not matter.
    init(_ topics: some Sequence<(WireUUID, [Int32])>) {
        // Put in order once: who names a topic once a partition must not cost the square of them.
        for (topic, numbers) in topics where !numbers.isEmpty { partitions[topic, default: []] += numbers }
        partitions = partitions.mapValues(Self.normalized)
    }

    /// Whether there is no partition.
    var isEmpty: Bool { partitions.isEmpty }

    /// How many partitions there are. O(topics).
    var count: Int { partitions.values.reduce(0) { $0 + $1.count } }

    /// The partitions of one topic, in order.
    subscript(topic: WireUUID) -> [Int32] { partitions[topic] ?? [] }

    /// The topics and their partitions, in an order that depends on nothing but the set.
    var sorted: [(topic: WireUUID, partitions: [Int32])] {
        partitions.sorted { ($0.key.high, $0.key.low) < ($1.key.high, $1.key.low) }
            .map { (topic: $0.key, partitions: $0.value) }
    }

    /// The topics, in no order.
    var topics: some Collection<WireUUID> { partitions.keys }

    /// Whether the partition is in the set. O(log n).
    func contains(_ topic: WireUUID, _ partition: Int32) -> Bool {
        guard let numbers = partitions[topic] else { return false }
        return Self.contains(partition, in: numbers)
    }

    /// Adds a partition.
    mutating func insert(_ topic: WireUUID, _ partition: Int32) {
        var numbers = partitions.removeValue(forKey: topic) ?? []
        let position = Self.position(of: partition, in: numbers)
        if position == numbers.count || numbers[position] != partition { numbers.insert(partition, at: position) }
        partitions[topic] = numbers
    }

    /// The partitions that are in both sets.
    func intersection(_ other: TopicPartitionSet) -> TopicPartitionSet {
        filter { other.contains($0, $1) }
    }

    /// The partitions that are not in the other set.
    func subtracting(_ other: TopicPartitionSet) -> TopicPartitionSet {
        if other.isEmpty { return self }
        return filter { !other.contains($0, $1) }
    }

    /// The partitions that are in either set.
    func union(_ other: TopicPartitionSet) -> TopicPartitionSet {
        if isEmpty { return other }
        var result = self
        for (topic, numbers) in other.partitions {
            result.partitions[topic] = Self.normalized((partitions[topic] ?? []) + numbers)
        }
        return result
    }

    /// Whether every partition is in the other set.
    func isSubset(of other: TopicPartitionSet) -> Bool {
        partitions.allSatisfy { topic, numbers in numbers.allSatisfy { other.contains(topic, $0) } }
    }

    /// Whether no partition is in both sets.
    func isDisjoint(with other: TopicPartitionSet) -> Bool {
        partitions.allSatisfy { topic, numbers in !numbers.contains { other.contains(topic, $0) } }
    }

    /// The partitions that pass.
    func filter(_ isIncluded: (WireUUID, Int32) -> Bool) -> TopicPartitionSet {
        var result = TopicPartitionSet()
        for (topic, numbers) in partitions {
            let kept = numbers.filter { isIncluded(topic, $0) }
            if !kept.isEmpty { result.partitions[topic] = kept }
        }
        return result
    }

    /// Calls `body` with each partition, in no order.
    func forEach(_ body: (WireUUID, Int32) -> Void) {
        for (topic, numbers) in partitions {
            for number in numbers { body(topic, number) }
        }
    }

    private static func normalized(_ numbers: [Int32]) -> [Int32] {
        var result: [Int32] = []
        result.reserveCapacity(numbers.count)
        for number in numbers.sorted() where result.last != number { result.append(number) }
        return result
    }

    /// Where `partition` is, or would be, among numbers in order.
    private static func position(of partition: Int32, in numbers: [Int32]) -> Int {
        var low = 0
        var high = numbers.count
        while low < high {
            let middle = (low + high) / 2
            if numbers[middle] < partition { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private static func contains(_ partition: Int32, in numbers: [Int32]) -> Bool {
        let position = position(of: partition, in: numbers)
        return position < numbers.count && numbers[position] == partition
    }
}
