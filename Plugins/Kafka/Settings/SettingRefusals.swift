/// Settings that Kafka has and this broker does not: why, for whom sets one.
///
/// A name that is in no table is a typing error; one that is here was meant, and must not seem to work.
struct SettingRefusals: Sendable {
    /// Which names a reason is for.
    enum Names: Sendable {
        case exactly([String])
        case beginning(String)

        func contains(_ name: String) -> Bool {
            switch self {
            case .exactly(let names): names.contains(name)
            case .beginning(let prefix): name.hasPrefix(prefix)
            }
        }
    }

    let reasons: [(names: Names, reason: String)]

    /// Why there is no setting `name`, as the end of a sentence; nil: Kafka has none either, as far as is known.
    func reason(for name: String) -> String? {
        reasons.first { $0.names.contains(name) }?.reason
    }

    private static let tiers = "there is no remote storage"
    private static let formats = "only record batches of format v2 are taken, stored and served, never converted"

    /// Those of topics.
    static let topics = SettingRefusals(reasons: [
        (.exactly(["message.format.version", "message.downconversion.enable"]), formats),
        (
            .exactly(["message.timestamp.difference.max.ms"]),
            "Kafka 4 has message.timestamp.before.max.ms and message.timestamp.after.max.ms instead"
        ),
        (.beginning("remote."), tiers),
    ])

    /// Those of brokers.
    static let brokers = SettingRefusals(reasons: [
        (.exactly(["log.message.format.version", "log.message.downconversion.enable"]), formats),
        (
            .exactly(["log.message.timestamp.difference.max.ms"]),
            "Kafka 4 has log.message.timestamp.before.max.ms and log.message.timestamp.after.max.ms instead"
        ),
        (.beginning("remote.log."), tiers), (.beginning("log.local.retention."), tiers),
        (.exactly(["log.dir", "log.dirs"]), "all logs are in the folder that weir serve --data-dir names"),
        (
            .exactly(["broker.id", "node.id", "broker.id.generation.enable", "reserved.broker.max.id", "process.roles"]
            ),
            "the node's id is kept in its data folder"
        ),
        (
            .exactly([
                "log.flush.interval.messages", "log.flush.scheduler.interval.ms",
                "log.flush.offset.checkpoint.interval.ms", "log.flush.start.offset.checkpoint.interval.ms",
            ]), "weir.durability says when records are synced, log.flush.interval.ms at the latest when"
        ),
        (
            .exactly(["log.index.size.max.bytes", "log.preallocate"]),
            "indexes are as large as they need to be, and segments grow in chunks that are allocated ahead"
        ),
        (
            .exactly(["log.initial.task.delay.ms", "producer.id.expiration.check.interval.ms"]),
            "log.retention.check.interval.ms says how often what is due is looked for"
        ),
        (
            .exactly(["num.io.threads", "background.threads", "num.recovery.threads.per.data.dir"]),
            "connections and partitions share the event loops that num.network.threads counts"
        ),
        (
            .exactly(["queued.max.requests"]),
            "what connections hold is bounded in bytes: queued.max.request.bytes"
        ),
        (
            .exactly([
                "fetch.purgatory.purge.interval.requests", "producer.purgatory.purge.interval.requests",
                "delete.records.purgatory.purge.interval.requests",
            ]), "requests that wait are kept where they are woken, and need no purging"
        ),
        (
            .exactly([
                "listener.security.protocol.map", "security.inter.broker.protocol", "inter.broker.listener.name",
                "control.plane.listener.name", "early.start.listeners", "controller.listener.names",
            ]), "every listener is PLAINTEXT and serves clients: listeners and advertised.listeners are enough"
        ),
        (.beginning("ssl."), "listeners are PLAINTEXT only"), (.beginning("sasl."), "listeners are PLAINTEXT only"),
        (.beginning("listener.name."), "listeners are PLAINTEXT only, and have no settings of their own"),
        (.beginning("delegation.token."), "clients are not authenticated"),
        (
            .exactly([
                "authorizer.class.name", "super.users", "allow.everyone.if.no.acl.found", "principal.builder.class",
                "security.providers", "connections.max.reauth.ms", "connection.failed.authentication.delay.ms",
            ]), "clients are not authenticated"
        ),
        (
            .exactly(["create.topic.policy.class.name", "alter.config.policy.class.name"]),
            "Java classes cannot be loaded; admissions of the object store judge Topic objects"
        ),
        (.beginning("quota."), "there are no quotas"), (.beginning("controller.quota."), "there are no quotas"),
        (.beginning("client.quota."), "there are no quotas"), (.beginning("replication.quota."), "there are no quotas"),
        (.beginning("alter.log.dirs.replication.quota."), "there are no quotas"),
        (.exactly(["max.connection.creation.rate"]), "there are no quotas"),
        (.beginning("kafka.metrics."), "metrics are served at /metrics of the HTTP listener"),
        (.beginning("metrics."), "metrics are served at /metrics of the HTTP listener"),
        (
            .exactly(["metric.reporters", "auto.include.jmx.reporter"]),
            "metrics are served at /metrics of the HTTP listener"
        ),
        (.beginning("controlled.shutdown."), "every shutdown drains first; shutdown.* says for how long"),
        (
            .exactly(["group.coordinator.new.enable", "group.coordinator.rebalance.protocols"]),
            "both protocols of consumer groups are served; UpdateFeatures with group.version 0 turns the newer one off"
        ),
        (
            .exactly(["group.coordinator.threads", "group.coordinator.append.linger.ms"]),
            "coordinators run on the event loops that num.network.threads counts, and append at once"
        ),
        (
            .exactly(["offsets.load.buffer.size", "transaction.state.log.load.buffer.size"]),
            "coordinators read their logs in chunks of one size"
        ),
        (
            .exactly(["offsets.topic.compression.codec"]),
            "offsets are stored as they are: compaction, not compression, keeps their log small"
        ),
        (.exactly(["offsets.commit.timeout.ms"]), "a commit is answered as soon as it is kept, or refused"),
        (
            .exactly(["transaction.partition.verification.enable"]),
            "a partition always asks whether it is part of a transaction (KIP-890)"
        ),
        (
            .exactly(["unstable.api.versions.enable", "unstable.feature.versions.enable"]),
            "only what Kafka has released is served"
        ),
        (.beginning("leader.replication."), oneNode), (.beginning("follower.replication."), oneNode),
        (.beginning("share."), "share groups are not served"),
        (.beginning("group.share."), "share groups are not served"),
        (.beginning("group.streams."), "streams groups are not served"),
        (.beginning("controller."), oneNode), (.beginning("metadata."), oneNode), (.beginning("replica."), oneNode),
        (.beginning("num.replica."), oneNode), (.beginning("leader.imbalance."), oneNode),
        (.beginning("unclean.leader."), oneNode), (.beginning("zookeeper."), "there is no ZooKeeper"),
        (
            .exactly([
                "auto.leader.rebalance.enable", "broker.heartbeat.interval.ms", "broker.session.timeout.ms",
                "initial.broker.registration.timeout.ms", "log.dir.failure.timeout.ms", "request.timeout.ms",
                "inter.broker.protocol.version", "server.max.startup.time.ms", "num.alter.log.dirs.threads",
                "replica.selector.class", "default.state.updater.threads", "controller.listener.names",
            ]), oneNode
        ),
    ])

    private static let oneNode = "one node runs alone: nothing is elected, copied or registered between nodes"
}
