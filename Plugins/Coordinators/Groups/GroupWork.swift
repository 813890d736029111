import KafkaWire
import WeirRuntime

/// What the parts of a group coordinator share while they take a step: the time, the rules, the deadlines, and what
/// the step wants done.
struct GroupWork: Sendable {
    /// How groups are coordinated.
    var settings: GroupSettings
    /// The topics that there are.
    var topics: TopicsImage
    /// When the step is taken.
    var time = CoordinatorTime(now: MonotonicTime(nanoseconds: 0), wallMilliseconds: 0)
    /// What happens when nobody says anything.
    var deadlines = DeadlineQueue<GroupDeadline>()
    private var effects = Effects<GroupResponse, GroupCommand>()

    /// Work under these rules.
    init(settings: GroupSettings, topics: TopicsImage) {
        self.settings = settings
        self.topics = topics
    }

    /// Answers a ticket when what was recorded so far is committed.
    mutating func answer(_ ticket: Ticket, _ response: GroupResponse) {
        effects.responses.append((ticket, response))
    }

    /// Has a record appended. Whoever makes it has changed its state by it.
    mutating func append(_ record: CoordinatorRecord) {
        precondition(effects.producer == nil, "a transaction's records are of a step of their own")
        effects.records.append(record)
    }

    /// Has a record appended as part of a producer's transaction.
    mutating func append(_ record: CoordinatorRecord, of producer: ProducerIdentity) {
        precondition(
            effects.records.isEmpty || effects.producer == producer,
            "a transaction's records are of a step of their own")
        effects.producer = producer
        effects.records.append(record)
    }

    /// What was recorded so far counts without what follows.
    mutating func cut() { effects.cut() }

    /// How many records the step has made so far.
    var recordCount: Int { effects.records.count }

    /// Has a deadline come after these milliseconds.
    mutating func schedule(_ deadline: GroupDeadline, afterMilliseconds milliseconds: Int64) {
        deadlines.set(deadline, to: time.now + .milliseconds(milliseconds))
    }

    /// What the step wants done, which is then forgotten here.
    mutating func takeEffects() -> Effects<GroupResponse, GroupCommand> {
        let taken = effects
        effects = Effects()
        return taken
    }
}

/// What a group coordinator waits for.
enum GroupDeadline: Hashable, Sendable {
    /// A classic member's session, or the patience with one that has only a member id.
    case session(group: String, member: String)
    /// The end of a rebalance's first half: who has not joined is left out.
    case join(group: String)
    /// The end of its second half: who has not fetched its assignment is left out.
    case sync(group: String)
    /// The next look for offsets that nobody wants any more.
    case offsetExpiry
    /// What is left to do for topics that are gone.
    case forgottenTopics
    /// Something of a group of KIP-848.
    case consumer(ConsumerDeadline)
}
