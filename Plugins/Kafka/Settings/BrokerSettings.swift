/// The broker's settings, under Kafka's own names, types and defaults; in configuration files under `kafka.`.
///
/// A value: read once at start. Only settings that do something are known.
public struct BrokerSettings: Sendable, Hashable {
    /// Every setting that there is, sorted by name.
    public static var definitions: [SettingDefinition] { table.definitions }

    /// What was set, by name, without blanks around the values; the rest are defaults.
    public let values: [String: String]

    // Topics.

    /// Partitions of a topic that is made without saying how many (`num.partitions`).
    public let partitionCount: Int32
    /// Replicas of a topic that is made without saying how many (`default.replication.factor`).
    public let replicationFactor: Int16
    /// Whether a replication factor above the number of nodes is lowered to it (`clamp.replication.factor`).
    public let clampsReplicationFactor: Bool
    /// Whether asking for a topic makes it (`auto.create.topics.enable`).
    public let createsTopicsAutomatically: Bool
    /// Whether topics can be deleted (`delete.topic.enable`).
    public let allowsTopicDeletion: Bool
    /// Milliseconds between two looks for segments that are due (`log.retention.check.interval.ms`).
    public let retentionCheckIntervalMilliseconds: Int64

    // Producers.

    /// How long a producer id without a batch is remembered, in milliseconds (`producer.id.expiration.ms`).
    public let producerExpirationMilliseconds: Int64

    // Groups and transactions.

    /// How groups and transactions are coordinated, and the topics that keep their state.
    public let coordinators: CoordinatorSettings

    // Connections.

    /// The addresses served (`listeners`); at least one.
    public let listeners: [Listener]
    /// The addresses that clients are sent to (`advertised.listeners`); empty: those that were bound.
    public let advertisedListeners: [Listener]
    /// Event loops that serve connections and partitions (`num.network.threads`); nil: one a core.
    public let loopCount: Int?
    /// The largest request taken (`socket.request.max.bytes`).
    public let requestSizeBytesMax: Int
    /// Bytes of requests held at once by all connections (`queued.max.request.bytes`); nil: not set.
    public let queuedRequestBytesMax: Int?
    /// The most bytes that one fetch answers with, first batches aside (`fetch.max.bytes`).
    public let fetchSizeBytesMax: Int
    /// Fetch sessions held at most (`max.incremental.fetch.session.cache.slots`).
    public let fetchSessionCountMax: Int
    /// A connection without a request for longer than this is closed (`connections.max.idle.ms`); nil: never.
    public let connectionIdleMillisecondsMax: Int64?
    /// Connections served at once (`max.connections`).
    public let connectionCountMax: Int

    /// The defaults.
    public static let standard: BrokerSettings = {
        do { return try BrokerSettings(values: [:]) } catch { preconditionFailure("a default is refused: \(error)") }
    }()

    /// Reads settings, by name without the prefix `kafka.`.
    ///
    /// Throws for the first name that is not known (saying which one is nearest) or value that is not taken.
    public init(values: [String: String]) throws(SettingError) {
        var kept: [String: String] = [:]
        for name in values.keys.sorted() {
            guard let definition = Self.table[name] else { throw Self.unknown(name) }
            let text = values[name]?.trimmed ?? ""
            _ = try definition.parse(text)
            kept[name] = text
        }
        self.values = kept
        let read = SettingReader(table: Self.table, values: kept)
        partitionCount = Int32(read.integer("num.partitions"))
        replicationFactor = Int16(read.integer("default.replication.factor"))
        clampsReplicationFactor = read.boolean("clamp.replication.factor")
        createsTopicsAutomatically = read.boolean("auto.create.topics.enable")
        allowsTopicDeletion = read.boolean("delete.topic.enable")
        retentionCheckIntervalMilliseconds = read.integer("log.retention.check.interval.ms")
        producerExpirationMilliseconds = read.integer("producer.id.expiration.ms")
        coordinators = try CoordinatorSettings(read)
        listeners = read.list("listeners").compactMap { Listener($0) }
        advertisedListeners = read.list("advertised.listeners").compactMap { Listener($0) }
        loopCount = read.optionalInteger("num.network.threads").map { Int($0) }
        requestSizeBytesMax = Int(read.integer("socket.request.max.bytes"))
        queuedRequestBytesMax = read.optionalInteger("queued.max.request.bytes").flatMap { $0 > 0 ? Int($0) : nil }
        fetchSizeBytesMax = Int(read.integer("fetch.max.bytes"))
        fetchSessionCountMax = Int(read.integer("max.incremental.fetch.session.cache.slots"))
        connectionIdleMillisecondsMax = read.optionalInteger("connections.max.idle.ms").flatMap { $0 < 0 ? nil : $0 }
        connectionCountMax = Int(read.integer("max.connections"))
        try checkAdvertisedNames()
        // The defaults of topics must be a configuration that a topic may have.
        _ = try TopicConfiguration(overrides: [:], broker: self)
    }

    /// What is set and what is default, for DescribeConfigs of a broker; sorted by name.
    public func entries() -> [ConfigurationEntry] {
        Self.definitions.map { definition in
            let names = [definition.name] + definition.fallbacks
            return ConfigurationEntry(
                definition: definition,
                value: values[definition.name] ?? definition.defaultValue,
                source: values[definition.name] == nil ? .default : .broker,
                isReadOnly: true, synonyms: names.flatMap { synonyms(of: $0) })
        }
    }

    /// What `name` has: the value set, then the default; a setting without either has none.
    func synonyms(of name: String) -> [ConfigurationEntry.Synonym] {
        var found: [ConfigurationEntry.Synonym] = []
        if let value = values[name] { found.append(.init(name: name, value: value, source: .broker)) }
        if let value = Self.table.required(name).defaultValue {
            found.append(.init(name: name, value: value, source: .default))
        }
        return found
    }

    private func checkAdvertisedNames() throws(SettingError) {
        let known = Set(listeners.map(\.name))
        guard let stray = advertisedListeners.first(where: { !known.contains($0.name) }) else { return }
        throw SettingError(
            .invalidValue, name: "advertised.listeners",
            "advertised.listeners names \(stray.name), but listeners has only \(known.sorted().joined(separator: ", "))"
        )
    }

    private static func unknown(_ name: String) -> SettingError {
        let hint = table.nearest(to: name).map { "; did you mean kafka.\($0)?" } ?? ""
        return SettingError(.unknownName, name: name, "there is no setting kafka.\(name)\(hint)")
    }
}

/// Reads validated values as their types.
struct SettingReader {
    let table: SettingTable
    let values: [String: String]

    func value(_ name: String) -> SettingValue? {
        let definition = table.required(name)
        guard let text = values[name] ?? definition.defaultValue else { return nil }
        do { return try definition.parse(text) } catch { preconditionFailure("not validated: \(error)") }
    }

    func optionalInteger(_ name: String) -> Int64? {
        guard case .integer(let number)? = value(name) else { return nil }
        return number
    }

    func integer(_ name: String) -> Int64 {
        guard let number = optionalInteger(name) else { preconditionFailure("\(name) is no number") }
        return number
    }

    func boolean(_ name: String) -> Bool {
        guard case .boolean(let flag)? = value(name) else { preconditionFailure("\(name) is not true or false") }
        return flag
    }

    func list(_ name: String) -> [String] {
        guard case .list(let elements)? = value(name) else { return [] }
        return elements
    }

    func text(_ name: String) -> String {
        guard case .text(let text)? = value(name) else { preconditionFailure("\(name) is no text") }
        return text
    }
}
