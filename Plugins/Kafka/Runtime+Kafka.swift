internal import ObjectStore
internal import Reconciling
public import WeirRuntime

extension Runtime {
    /// Registers a broker, and `reconcile/topics`, which carries out what `Topic` objects ask for.
    ///
    /// After `addObjects`, whose store learns the broker's kinds and rules. `kafka` depends on the reconciler: a
    /// request that waits for a topic is drained before what it waits for.
    public func addKafka(_ parts: KafkaParts) throws -> KafkaPlugin {
        let kafka = KafkaPlugin(parts, reconciledBy: KafkaPlugin.topicsComponent)
        let topics = kafka.topics
        if let store = (component(named: "objects") as? ObjectsComponent)?.store {
            store.register(ProducerIDBlocks.definition)
            store.register(kafka.admission)
        }
        try reconcile(
            Topic.self, .name("topics"), .namespace(TopicObject.namespace), .owns(Partition.self),
            .maxConcurrent(KafkaPlugin.topicsAtOnceMax)
        ) { request in
            // The end of a topic that this reconciler saw off itself.
            if request.object == nil, !topics.serves(request.name) { return }
            try await topics.reconcile(request.name)
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
