import KafkaWire
import NIOCore
import SegmentLog
import WeirRuntime

/// What a client and this node agreed on over several fetches (KIP-227): the partitions, from where each is read,
/// and what the client knows of each. A value.
///
/// Positions in `plan` hold as long as `epoch` does: only `update` moves them.
struct FetchSession: Sendable {
    /// Whether topics are named by id; a session does not change that.
    let isByID: Bool
    let created: MonotonicTime
    var lastUsed: MonotonicTime
    /// The epoch of the next fetch.
    private(set) var epoch: Int32 = 1
    /// The partitions of the session.
    private(set) var plan = FetchPlan()
    /// What the client was told last, one a target.
    private var told: [FetchNews] = []
    private var places: [Place: Int] = [:]
    private var topicNumbers: [TopicReference: Int32] = [:]
    /// Targets of each of the plan's topics; one without any is free for another topic.
    private var targetCounts: [Int] = []
    private var freeTopics: [Int32] = []

    private struct Place: Hashable {
        var topic: Int32
        var partition: Int32
    }

    /// The session that a full fetch begins, whose client is told all of `outcomes`.
    init(_ first: FetchPlan, told outcomes: [FetchOutcome], isByID: Bool, now: MonotonicTime) {
        precondition(first.targets.count == outcomes.count, "each partition of a fetch has an outcome")
        self.isByID = isByID
        created = now
        lastUsed = now
        plan.targets.reserveCapacity(first.targets.count)
        told.reserveCapacity(first.targets.count)
        for (target, outcome) in zip(first.targets, outcomes) {
            let place = set(target, of: first.topics[Int(target.topic)])
            _ = told[place].changes(to: outcome)
        }
    }

    /// Partitions in the session.
    var targetCount: Int { plan.targets.count }

    /// Takes what changed: partitions that are new or read from elsewhere, then those that are read no longer.
    mutating func update(_ changes: FetchPlan, forgetting forgotten: [FetchRequest.ForgottenTopic]) {
        for target in changes.targets { _ = set(target, of: changes.topics[Int(target.topic)]) }
        for topic in forgotten {
            let reference = TopicReference(name: topic.topic, id: topic.topicId, isByID: isByID)
            for partition in topic.partitions { remove(partition, of: reference) }
        }
    }

    /// Goes on to the next fetch's epoch; 0 and negative ones mean something else.
    mutating func advanceEpoch() { epoch = epoch == .max ? 1 : epoch + 1 }

    /// The places with something that the client does not know yet; it is told of them now.
    mutating func news(_ outcomes: [FetchOutcome]) -> [Int] {
        precondition(outcomes.count == told.count, "a session that has moved on is not answered from")
        var found: [Int] = []
        for place in outcomes.indices where told[place].changes(to: outcomes[place]) { found.append(place) }
        return found
    }

    // MARK: Targets

    private mutating func set(_ target: FetchTarget, of reference: TopicReference) -> Int {
        var target = target
        target.topic = number(of: reference)
        let key = Place(topic: target.topic, partition: target.partition)
        if let known = places[key] {
            plan.targets[known] = target
            return known
        }
        let place = plan.targets.count
        places[key] = place
        plan.targets.append(target)
        told.append(FetchNews())
        targetCounts[Int(target.topic)] += 1
        return place
    }

    private mutating func number(of reference: TopicReference) -> Int32 {
        if let known = topicNumbers[reference] { return known }
        let number: Int32
        if let free = freeTopics.popLast() {
            number = free
            plan.topics[Int(free)] = reference
        } else {
            number = Int32(plan.topics.count)
            plan.topics.append(reference)
            targetCounts.append(0)
        }
        topicNumbers[reference] = number
        return number
    }

    private mutating func remove(_ partition: Int32, of reference: TopicReference) {
        guard let topic = topicNumbers[reference],
            let place = places.removeValue(forKey: Place(topic: topic, partition: partition))
        else { return }
        let last = plan.targets.count - 1
        if place != last {
            let moved = plan.targets[last]
            places[Place(topic: moved.topic, partition: moved.partition)] = place
            plan.targets[place] = moved
            told[place] = told[last]
        }
        plan.targets.removeLast()
        told.removeLast()
        targetCounts[Int(topic)] -= 1
        guard targetCounts[Int(topic)] == 0 else { return }
        topicNumbers[reference] = nil
        freeTopics.append(topic)
    }
}

/// What a client was told of a partition; −1: nothing, so that the next answer is news.
private struct FetchNews: Sendable {
    var highWatermark: Int64 = -1
    var lastStableOffset: Int64 = -1
    var logStartOffset: Int64 = -1

    /// Takes note of what the client is told now.
    ///
    /// - Returns: Whether it is news: records, moved offsets, or an error, which is told each time and forgotten, so
    ///   that its end is news too.
    mutating func changes(to outcome: FetchOutcome) -> Bool {
        guard outcome.error == .none, outcome.diverging == nil else {
            self = FetchNews()
            return true
        }
        let isMoved =
            highWatermark != outcome.highWatermark || lastStableOffset != outcome.lastStableOffset
            || logStartOffset != outcome.logStartOffset
        highWatermark = outcome.highWatermark
        lastStableOffset = outcome.lastStableOffset
        logStartOffset = outcome.logStartOffset
        return isMoved || outcome.records.readableBytes > 0
    }
}
