internal import ObjectStore
internal import Reconciling
public import WeirRuntime

extension Runtime {
    /// Registers a broker: `topics`, which opens what is on disk; `reconcile/topics`, which carries out what `Topic`
    /// objects ask for; `kafka/groups` and `kafka/transactions`, which coordinate; and `kafka`, which serves clients.
    ///
    /// After `addObjects`, whose store learns the broker's kinds and rules. Each depends on the one before: a request
    /// that waits for a topic is drained before what it waits for.
    public func addKafka(_ parts: KafkaParts) throws -> KafkaPlugin {
        guard let objects = component(named: "objects") as? ObjectsComponent else {
            throw RuntimeError(
                .unknownDependency,
                "kafka keeps its topics as objects: call runtime.addObjects(ObjectsComponent(storage)) before")
        }
        objects.store.register(ProducerIDBlocks.definition)
        let kafka = KafkaPlugin(parts, reconciledBy: KafkaPlugin.topicsComponent)
        objects.store.register(kafka.admission)
        objects.store.register(ConfigurationObject.definition)
        objects.store.register(kafka.configurationAdmission)
        let topics = kafka.topics
        let opening = TopicOpening(topics, parts.logProvider, kafka.configurations, objects: objects.name)
        try register(opening)
        let handle = try reconcile(
            Topic.self, .name("topics"), .namespace(TopicObject.namespace), .owns(Partition.self),
            .maxConcurrent(KafkaPlugin.topicsAtOnceMax), .dependsOn(opening.name)
        ) { request in
            // The end of a topic that this reconciler saw off itself.
            if request.object == nil, !topics.serves(request.name) { return }
            try await topics.reconcile(request.name)
        }
        topics.onFreedName { handle.enqueue(TopicObject.key($0)) }
        for coordinator in kafka.coordinators { try register(coordinator) }
        let configurations = kafka.configurations
        try reconcile(
            StoredConfiguration.self, .name("configurations"), .namespace(ConfigurationObject.namespace),
            .dependsOn(opening.name)
        ) { request in
            guard request.object != nil else { return await configurations.forget(request.name) }
            try await configurations.refresh(request.name)
        }
        try register(kafka)
        return kafka
    }
}

extension KafkaPlugin {
    /// The component that reconciles topics.
    static let topicsComponent = "reconcile/topics"
    /// Topics that are made, changed or deleted at once.
    static let topicsAtOnceMax = 16
}
