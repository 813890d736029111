internal import Logging
internal import ObjectStore
internal import SegmentLog

extension TopicReconciler {
    /// Topics that are opened at once.
    private static let topicsAtOnceMax = 16
    private static let pageSizeMax = 1_000

    /// Opens the partitions that the topics have on disk, deletes logs that no topic claims, makes what is missing.
    /// Returns when the topics serve; before it, nothing is reconciled.
    ///
    /// - Parameter existing: The logs that are on disk.
    func open(existing: [LogIdentity]) async throws {
        let stored = try await storedTopics()
        try await checkStore(isEmpty: stored.isEmpty, existing)
        var wanted = TopicsSnapshot()
        var leaving: Set<TopicID> = []
        for object in stored {
            if object.metadata.isBeingDeleted {
                if let id = TopicID(uid: object.metadata.uid) { leaving.insert(id) }
            } else {
                wanted.insert(try TopicObject.description(of: object, broker: rules.settings))
            }
        }
        let plan = StartPlan(topics: wanted, leaving: leaving, existing: existing)
        for orphan in plan.orphans {
            logger.notice("no topic claims the log \(orphan.directoryName): it is deleted")
            try await host.discard(orphan)
        }
        let found = plan.topics.filter { plan.existing[$0.id]?.isEmpty == false }
        try await atOnce(found) { [host] topic in
            for range in plan.existing[topic.id] ?? [] { try await host.open(topic, partitions: range) }
        }
        claim(found)
        index.insert(found)
        // What a crash interrupted. What cannot be made now is tried again while everybody else is served.
        try await atOnce(plan.topics.filter { !host.missingPartitions(of: $0).isEmpty }) { [self] topic in
            do {
                try await reconcile(topic.name)
            } catch {
                logger.error("topic '\(topic.name)' is not whole: \(error)")
            }
        }
    }

    private func storedTopics() async throws -> [Object] {
        var found: [Object] = []
        var query = ListQuery(
            ObjectSelection(kind: TopicObject.kind, namespace: TopicObject.namespace), limit: Self.pageSizeMax)
        repeat {
            let page = try await objects.list(query)
            found += page.objects
            query.continueToken = page.continueToken
        } while query.continueToken != nil
        return found
    }

    /// Partitions beside a store without a trace of the broker mean that the store was lost, or is another one: what
    /// the partitions hold must not be taken for leftovers.
    private func checkStore(isEmpty hasNoTopic: Bool, _ existing: [LogIdentity]) async throws {
        let partitions = existing.filter { $0.topic != StartPlan.metadataTopic }
        guard hasNoTopic, !partitions.isEmpty else { return }
        for kind in [ProducerIDBlocks.kind, NodeObject.kind] {
            let page = try await objects.list(ListQuery(ObjectSelection(kind: kind), limit: 1))
            if !page.objects.isEmpty { return }
        }
        throw MetadataError(
            "the node's objects (\(StartPlan.metadataTopic)-0) are missing, but \(partitions.count) partition logs are "
                + "there; put the folder back, or move the partitions' folders away")
    }

    /// Runs `body` for each topic, a bounded number at once.
    private func atOnce(
        _ topics: [TopicDescription], _ body: @escaping @Sendable (TopicDescription) async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (position, topic) in topics.enumerated() {
                if position >= Self.topicsAtOnceMax { try await group.next() }
                group.addTask { try await body(topic) }
            }
            try await group.waitForAll()
        }
    }
}
