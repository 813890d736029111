import Coordinators
import KafkaWire
import Logging
import SegmentLog
import Synchronization
import WeirRuntime

/// The coordinators of this node, what they need to know of its topics, and the topics that they are kept in.
final class CoordinatorHost: Sendable {
    /// Coordinates groups: the component `kafka/groups`.
    let groups: Coordinator<GroupCoordinator>
    /// Coordinates transactions: the component `kafka/transactions`.
    let transactions: Coordinator<TransactionCoordinator>
    /// Generations of classic groups that began.
    let generations = EventCounter()
    /// Offsets that groups committed.
    let commits = EventCounter()
    private let topics: TopicCatalog
    private let image: TopicsImageSource
    private let groupSettings: LiveGroupSettings

    /// Coordinators that begin when their components are started.
    init(
        settings: CoordinatorSettings, topics: TopicCatalog, partitions: PartitionTable, loop: any Loop,
        clock: any Clock, logger: Logger
    ) {
        self.topics = topics
        let image = TopicsImageSource(topics: topics, loop: loop)
        self.image = image
        let groupSettings = LiveGroupSettings(settings.groups)
        self.groupSettings = groupSettings
        groups = Coordinator(
            CoordinatorKind(
                component: "kafka/groups", topic: InternalTopic.offsets, clock: clock, logger: logger,
                makeMachine: { _ in GroupCoordinator(settings: groupSettings.current, topics: image.current) },
                // Topics may have gone, and settings have changed, while nobody looked.
                news: { _ in [.topicsChanged(image.current), .settingsChanged(groupSettings.current)] },
                perform: { _, _ in }),
            partitions: partitions)
        let transactionSettings = settings.transactions
        let writer = MarkerWriter(partitions: partitions, groups: groups, clock: clock, logger: logger)
        transactions = Coordinator(
            CoordinatorKind(
                component: "kafka/transactions", topic: InternalTopic.transactions, clock: clock, logger: logger,
                makeMachine: { log in
                    TransactionCoordinator(settings: transactionSettings, coordinatorEpoch: log.leadership.epoch)
                },
                news: { _ in [] },
                perform: { command, shard in writer.perform(command, for: shard) }),
            partitions: partitions)
        writer.work(for: transactions)
        image.onChange { [weak self] image in self?.groups.tellAll(.topicsChanged(image)) }
    }

    /// Topics came, went or changed.
    func topicsChanged() {
        groups.partitionsChanged()
        transactions.partitionsChanged()
        image.topicsChanged()
    }

    /// Takes what is set for single groups into use.
    func setGroupOverrides(_ overrides: [String: GroupOverride]) {
        groups.tellAll(.settingsChanged(groupSettings.set(overrides)))
    }

    /// Makes an internal topic, unless it is there; throws where it cannot be made now.
    func makeTopic(_ name: String) async throws(TopicError) {
        if topics.snapshot()[name] != nil { return }
        for result in await topics.autoCreate([name]) { _ = try result.get() }
    }
}

/// How groups are coordinated as of now. From any thread.
final class LiveGroupSettings: Sendable {
    private let value: Mutex<GroupSettings>

    init(_ settings: GroupSettings) { value = Mutex(settings) }

    var current: GroupSettings { value.withLock { $0 } }

    /// Takes what is set for single groups; the settings from now on.
    func set(_ overrides: [String: GroupOverride]) -> GroupSettings {
        value.withLock { value in
            value.overrides = overrides
            return value
        }
    }
}

/// The topics as coordinators need to know them, made anew when they change.
///
/// The first change is told at once, those that follow soon after it together: a thousand topics that are made one
/// after another are not a thousand images of all of them. From any thread.
final class TopicsImageSource: Sendable {
    /// How long after one image the next one comes at the earliest, and how much later for each topic: an image costs
    /// every machine a look at all topics.
    private static let quietTimeMin: Duration = .milliseconds(25)
    private static let quietTimePerTopic: Duration = .microseconds(50)

    private struct State {
        var image = TopicsImage()
        var isScheduled = false
        /// Whether topics changed since the image was made.
        var isStale = true
        /// Whether topics changed since the listener was told: somebody else may have had the image made meanwhile.
        var isUntold = false
        var listener: (@Sendable (TopicsImage) -> Void)?
    }

    private let topics: TopicCatalog
    private let loop: any Loop
    private let state = Mutex(State())

    init(topics: TopicCatalog, loop: any Loop) {
        self.topics = topics
        self.loop = loop
    }

    /// Calls `body` with each new image, in order.
    func onChange(_ body: @escaping @Sendable (TopicsImage) -> Void) { state.withLock { $0.listener = body } }

    /// The image of the topics as they are now.
    var current: TopicsImage {
        state.withLock { state in
            if state.isStale {
                state.image = TopicsImage(topics.snapshot())
                state.isStale = false
            }
            return state.image
        }
    }

    func topicsChanged() {
        let tells = state.withLock { state in
            state.isStale = true
            state.isUntold = true
            defer { state.isScheduled = true }
            return !state.isScheduled
        }
        if tells { tell() }
    }

    /// Tells now, and once more when the quiet time is over and topics have changed meanwhile.
    private func tell() {
        // First, so that a change that the image lacks is told the next time.
        state.withLock { $0.isUntold = false }
        let image = current
        state.withLock { $0.listener }?(image)
        let quietTime = max(Self.quietTimeMin, Self.quietTimePerTopic * image.topics.count)
        loop.execute { [weak self] in
            guard let self else { return }
            loop.schedule(after: quietTime) { [weak self] in self?.quietTimeOver() }
        }
    }

    private func quietTimeOver() {
        let tells = state.withLock { state in
            state.isScheduled = state.isUntold
            return state.isUntold
        }
        if tells { tell() }
    }
}

extension TopicsImage {
    fileprivate init(_ snapshot: TopicsSnapshot) {
        self.init(
            snapshot.byName.values.map { topic in
                Topic(
                    name: topic.name, id: WireUUID(high: topic.id.high, low: topic.id.low),
                    partitionCount: topic.partitionCount)
            })
    }
}
