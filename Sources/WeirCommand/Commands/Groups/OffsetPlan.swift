import KafkaClient

/// Where a group is to go on reading.
enum OffsetTarget: Hashable, Sendable {
    case earliest
    case latest
    /// Where it is: for what it never committed, the end.
    case current
    case offset(Int64)
    /// The first record of that time or later, in milliseconds since 1970.
    case time(Int64)
    /// So many records further, or back.
    case shift(Int64)
}

/// What is known of a partition before a reset.
struct OffsetBounds: Hashable, Sendable {
    /// What is committed; nil: nothing.
    var current: Int64?
    /// The first offset that is there.
    var earliest: Int64
    /// The next offset to be written.
    var latest: Int64
    /// The first offset at the time that is asked for; nil: no time is.
    var atTime: Int64?
}

/// What a reset does to one partition.
struct PlannedOffset: Encodable, Hashable, Sendable {
    var topic: String
    var partition: Int32
    /// Nil: nothing is committed.
    var currentOffset: Int64?
    var newOffset: Int64
    /// How far the group will be behind.
    var lag: Int64
    /// What differs from what was asked for.
    var note: String?

    /// The plan for one partition; an offset outside the log becomes the nearest inside. Nil where `target` counts
    /// from what is committed, and nothing is.
    init?(_ target: OffsetTarget, of partition: TopicPartition, _ bounds: OffsetBounds) {
        let wanted: Int64
        switch target {
        case .earliest: wanted = bounds.earliest
        case .latest: wanted = bounds.latest
        case .current: wanted = bounds.current ?? bounds.latest
        case .offset(let offset): wanted = offset
        case .time: wanted = bounds.atTime ?? bounds.latest
        case .shift(let count):
            guard let current = bounds.current else { return nil }
            let (sum, overflowed) = current.addingReportingOverflow(count)
            wanted = overflowed ? (count < 0 ? 0 : .max) : sum
        }
        (topic, self.partition) = (partition.topic, partition.partition)
        currentOffset = bounds.current
        newOffset = min(max(wanted, bounds.earliest), bounds.latest)
        lag = bounds.latest - newOffset
        if wanted < bounds.earliest {
            note = "\(wanted) is before the first record"
        } else if wanted > bounds.latest {
            note = "\(wanted) is behind the end"
        } else if case .current = target, bounds.current == nil {
            note = "nothing was committed"
        }
    }
}
