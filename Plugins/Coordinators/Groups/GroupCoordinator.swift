public import KafkaWire
public import WeirRuntime

/// Coordinates the groups that hash to one partition of `__consumer_offsets`: the machine behind both protocols.
public struct GroupCoordinator: CoordinatorMachine {
    /// How groups are coordinated.
    public private(set) var settings: GroupSettings
    /// The topics that there are.
    public private(set) var topics: TopicsImage

    /// A coordinator without groups.
    public init(settings: GroupSettings, topics: TopicsImage) {
        self.settings = settings
        self.topics = topics
    }

    /// Takes in a record of the log.
    public mutating func replay(_ record: CoordinatorRecord, of producer: ProducerIdentity?) throws(WireError) {}

    /// Takes in the marker that ends a transaction in the log.
    public mutating func replay(_ marker: TransactionEnd) {}

    /// The log was replayed whole.
    public mutating func begin(at time: CoordinatorTime) -> Effects<GroupResponse, GroupCommand> { Effects() }

    /// Takes in a request.
    public mutating func step(
        _ request: GroupRequest, _ ticket: Ticket, at time: CoordinatorTime
    ) -> Effects<GroupResponse, GroupCommand> {
        .answer(ticket, .done)
    }

    /// Lets the deadlines pass that are not after `time`.
    public mutating func advance(to time: CoordinatorTime) -> Effects<GroupResponse, GroupCommand> { Effects() }

    /// When `advance` has something to do next.
    public var nextDeadline: MonotonicTime? { nil }
}
