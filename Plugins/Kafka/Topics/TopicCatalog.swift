internal import KafkaWire
internal import ObjectStore
internal import SegmentLog
internal import WeirRuntime

/// Changes topics as Kafka's requests ask for: it writes `Topic` objects, and waits until they are carried out.
///
/// From any thread. The objects of one request are written at once, so that the log groups their syncs. Whoever
/// writes such an object by another way has the same effect: the topic reconciler carries it out.
public final class TopicCatalog: Sendable {
    /// How long a request waits that says nothing about it.
    public static let timeoutStandard: Duration = .seconds(30)
    /// What a request asks for; 0 or less, by which old clients ask not to wait, is as long as it takes.
    static func timeout(milliseconds: Int32) -> Duration {
        milliseconds > 0 ? .milliseconds(milliseconds) : timeoutStandard
    }
    /// Topics of one request that are changed at once.
    private static let changesMax = 256

    let objects: any ObjectAccess
    let reconciler: TopicReconciler
    let rules: TopicRules
    let clock: any Clock
    private let producerIDs: ProducerIDBlocks

    init(reconciler: TopicReconciler, clock: any Clock) {
        objects = reconciler.objects
        self.reconciler = reconciler
        rules = reconciler.rules
        self.clock = clock
        producerIDs = ProducerIDBlocks(objects: reconciler.objects)
    }

    /// The broker's settings, which topics take their defaults from.
    public var settings: BrokerSettings { rules.settings }

    /// The topics as they are now.
    public func snapshot() -> TopicsSnapshot { reconciler.index.snapshot() }

    /// Makes topics; returns when their partitions serve. One result a topic, in order.
    public func create(
        _ topics: [NewTopic], _ mode: CatalogMode = .perform, timeout: Duration = timeoutStandard
    ) async -> [Result<TopicDescription, TopicError>] {
        let plans = rules.plan(topics, in: snapshot())
        guard mode == .perform else { return plans.map { $0.map { $0.description } } }
        let deadline = clock.now + timeout
        return await atOnce(plans) { [self] plan in
            switch plan {
            case .success(let plan): await make(plan, by: deadline)
            case .failure(let error): .failure(error)
            }
        }
    }

    /// Makes those of the topics that are not there, as a client that asks for them wants
    /// (`auto.create.topics.enable` is the caller's to check). One result a name, in order.
    public func autoCreate(
        _ names: [String], timeout: Duration = timeoutStandard
    ) async -> [Result<TopicDescription, TopicError>] {
        let deadline = clock.now + timeout
        let known = snapshot()
        let missing = Set(names).filter { known[$0] == nil }.sorted()
        let plans = Array(zip(missing, rules.plan(missing.map { NewTopic(name: $0) }, in: known)))
        let results = await atOnce(plans) { [self] name, plan in
            switch plan {
            case .success(let plan): await make(plan, by: deadline, orJoin: true)
            // Another request may have made it meanwhile.
            case .failure(let error): snapshot()[name].map { .success($0) } ?? .failure(error)
            }
        }
        let made = Dictionary(zip(missing, results), uniquingKeysWith: { $1 })
        return names.map { name in
            known[name].map { .success($0) } ?? made[name]
                ?? .failure(TopicError(.unknownTopicOrPartition, "The topic '\(name)' does not exist."))
        }
    }

    /// Deletes topics; returns when their names are free. One result a reference, in order.
    public func delete(
        _ references: [TopicReference], timeout: Duration = timeoutStandard
    ) async -> [Result<TopicDescription, TopicError>] {
        let deadline = clock.now + timeout
        return await atOnce(references) { [self] reference in await delete(reference, by: deadline) }
    }

    /// Adds partitions; returns when they serve. One result a request, in order.
    public func createPartitions(
        _ requests: [NewPartitions], _ mode: CatalogMode = .perform, timeout: Duration = timeoutStandard
    ) async -> [Result<TopicDescription, TopicError>] {
        let deadline = clock.now + timeout
        let before = snapshot()
        var counts: [String: Int] = [:]
        for request in requests { counts[request.topic, default: 0] += 1 }
        let planned = requests.map { request in
            Result { () throws(TopicError) -> TopicDescription in
                guard counts[request.topic] == 1 else { throw TopicError(.invalidRequest, "Duplicate topic name.") }
                return try rules.plan(request, in: before)
            }
        }
        guard mode == .perform else { return planned }
        return await atOnce(planned) { [self] planned in
            guard case .success(let planned) = planned else { return planned }
            return await change(planned, by: deadline, named: "adding partitions to the topic") {
                (spec, _) throws(TopicError) in
                try rules.checkIncrease(
                    of: planned.name, from: spec.partitions ?? 0, to: planned.partitionCount)
                spec.partitions = planned.partitionCount
            }
        }
    }

    /// Changes configurations, each topic's for itself; returns when they are in force.
    public func alterConfigurations(
        _ changes: [(topic: String, change: ConfigurationChange)], _ mode: CatalogMode = .perform,
        timeout: Duration = timeoutStandard
    ) async -> [Result<TopicDescription, TopicError>] {
        let deadline = clock.now + timeout
        let before = snapshot()
        let planned = changes.map { name, change in
            Result { () throws(TopicError) -> TopicDescription in
                let topic = try rules.existing(name, in: before)
                return topic.changed(configuration: try ConfigurationPlan.plan(change, of: topic))
            }
        }
        guard mode == .perform else { return planned }
        return await atOnce(Array(zip(planned, changes.map(\.change)))) { [self] planned, asked in
            guard case .success(let planned) = planned else { return planned }
            return await change(planned, by: deadline, named: "changing the topic's configuration") {
                (spec, current) throws(TopicError) in
                spec.config = try ConfigurationPlan.plan(asked, of: current).overrides
            }
        }
    }

    /// Takes the next block of producer ids: durable before it returns, so that no id is given twice.
    public func allocateProducerIDBlock() async throws -> Range<Int64> { try await producerIDs.next() }

    /// Runs `body` for each element, a bounded number at once; the results in order.
    private func atOnce<Element: Sendable>(
        _ elements: [Element],
        _ body: @escaping @Sendable (Element) async -> Result<TopicDescription, TopicError>
    ) async -> [Result<TopicDescription, TopicError>] {
        if elements.count == 1 { return [await body(elements[0])] }
        return await withTaskGroup(of: (Int, Result<TopicDescription, TopicError>).self) { group in
            var results: [Int: Result<TopicDescription, TopicError>] = [:]
            for (position, element) in elements.enumerated() {
                if position >= Self.changesMax, let (done, result) = await group.next() { results[done] = result }
                group.addTask { (position, await body(element)) }
            }
            for await (done, result) in group { results[done] = result }
            return elements.indices.map { position in
                guard let result = results[position] else { preconditionFailure("every element has a result") }
                return result
            }
        }
    }
}
