public import WeirRuntime

/// Whether an event is bad news.
public enum EventSeverity: String, Sendable, Hashable {
    /// It is not.
    case normal = "Normal"
    /// Somebody should look.
    case warning = "Warning"
}

/// Writes Kubernetes' events: what happened to objects, for people who ask why.
///
/// Recording never waits: an event goes into a bounded queue that a loop writes from. The same of the same object
/// again counts up the event that is there. What is too much is dropped and counted, and events are removed when they
/// are old. When the component drains, everything in the queue is written before it ends, while the store is still
/// open: who records depends on it, and it depends on the store.
public final class EventRecorder: Component {
    /// `events`, unless said otherwise.
    public let name: String
    /// The store's component.
    public let dependencies: [String]
    /// How much it takes, and how long events are kept.
    public let limits: EventLimits
    private let writer: EventWriter
    private let loop: HostedLoop

    /// A recorder that writes to a store whose component is called `objects`, unless said otherwise.
    ///
    /// - Parameters:
    ///   - source: Who says that he recorded it: the events' `source.component`.
    ///   - randomBits: What names of events are made of.
    public init(
        _ objects: any ObjectAccess, source: String = "weir", limits: EventLimits = EventLimits(),
        name: String = "events", dependencies: [String] = ["objects"], clock: any Clock = ProcessClock(),
        randomBits: @escaping @Sendable () -> UInt64 = ProcessRandom.bits
    ) {
        self.name = name
        self.dependencies = dependencies
        self.limits = limits
        let writer = EventWriter(objects, source, limits, clock, randomBits)
        self.writer = writer
        loop = HostedLoop(name: name, dependencies: dependencies) { await writer.run($0) }
    }

    /// Records something about an object, as is expected: `recorder.normal(topic, "Created", "3 partitions were made")`.
    ///
    /// - Parameters:
    ///   - reason: Why, in one word for programs: `Created`, `FailedMount`.
    ///   - message: What happened, in a sentence for people.
    public func normal(_ resource: some Resource, _ reason: String, _ message: String) {
        record(.normal, on: ObjectReference(resource), reason, message)
    }

    /// Records something about an object that somebody should look at.
    public func warning(_ resource: some Resource, _ reason: String, _ message: String) {
        record(.warning, on: ObjectReference(resource), reason, message)
    }

    /// Records something about any object. Reasons are cut at 128 bytes and messages at 1,024, as Kubernetes has it.
    public func record(
        _ severity: EventSeverity, on object: ObjectReference, _ reason: String, _ message: String
    ) {
        writer.record(severity, object, reason, message)
    }

    /// What was recorded, and how much of it was lost.
    public var counts: EventCounts { writer.counts }

    /// `drain` and `flush`.
    public var verbs: ComponentVerbs { [.drain, .flush] }
    /// Begins to write.
    public func start(_ context: ComponentContext) async throws { try await loop.start(context) }
    /// Writes what is in the queue, then ends.
    public func drain() async { await loop.drain() }
    /// Writes again.
    public func resume() async { await loop.resume() }
    /// Gives up what is in the queue.
    public func cancel() async { await loop.cancel() }
    /// Counts what came after the drain as dropped: the store is closed to it.
    public func flush() async throws { writer.close() }
}

/// How many events were recorded, and what became of them; each as often as it happened.
public struct EventCounts: Sendable, Hashable {
    /// Recorded.
    public let recorded: UInt64
    /// Written, on their own or by counting up another one.
    public let written: UInt64
    /// Lost, because there were too many or the store did not take them.
    public let dropped: UInt64
    /// Different ones that wait to be written.
    public let pending: Int
}

extension EventRecorder: MetricSource {
    /// Events recorded, written, dropped and waiting.
    public func collectMetrics() async -> [MetricFamily] {
        let counts = counts
        return [
            MetricFamily(
                "weir_events_recorded_total", .counter, help: "Events that were recorded.",
                value: Double(counts.recorded)),
            MetricFamily(
                "weir_events_written_total", .counter, help: "Events that were written to the store.",
                value: Double(counts.written)),
            MetricFamily(
                "weir_events_dropped_total", .counter, help: "Events that were lost: too many, or not taken.",
                value: Double(counts.dropped)),
            MetricFamily(
                "weir_events_pending", .gauge, help: "Events that wait to be written.",
                value: Double(counts.pending)),
        ]
    }
}

extension ObjectReference {
    /// A reference to an object of a type.
    public init<R: Resource>(_ resource: R) {
        let (definition, metadata) = (R.definition, resource.metadata)
        self.init(
            apiVersion: definition.apiVersion, kind: definition.kind.name,
            namespace: metadata.namespace.isEmpty ? nil : metadata.namespace, name: metadata.name,
            uid: metadata.uid.isEmpty ? nil : metadata.uid)
    }
}
