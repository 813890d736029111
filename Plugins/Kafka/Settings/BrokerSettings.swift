/// The broker's settings, under Kafka's own names, types and defaults; in configuration files under `kafka.`.
///
/// A value: read once at start. Only settings that do something are known.
public struct BrokerSettings: Sendable, Hashable {
    /// Every setting that there is, sorted by name.
    public static var definitions: [SettingDefinition] { table.definitions }

    /// What was set, by name, without blanks around the values; the rest are defaults.
    ///
    /// What was set while the node ran precedes what it was started with.
    public let values: [String: String]
    /// What each place has, the one that counts first.
    private let layers: [Layer]

    /// One place where settings are.
    private struct Layer: Sendable, Hashable {
        var source: ConfigurationEntry.Source
        var values: [String: String]
    }

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
    /// How the logs of compacted topics are cleaned.
    public let cleaner: CleanerSettings

    // Connections.

    /// The addresses served (`listeners`); at least one.
    public let listeners: [Listener]
    /// The addresses that clients are sent to (`advertised.listeners`); empty: those that were bound.
    public let advertisedListeners: [Listener]
    /// Event loops that serve connections and partitions (`num.network.threads`); nil: one a core.
    public let loopCount: Int?
    /// In which rack the node is, as clients are told (`broker.rack`); nil: not set.
    public let rack: String?
    /// Sizes of socket buffers in bytes (`socket.send.buffer.bytes`, `socket.receive.buffer.bytes`); nil: the system's.
    public let socketBuffers: SocketBuffers
    /// Connections that wait to be taken in (`socket.listen.backlog.size`).
    public let listenBacklog: Int
    /// Connections of one address at once (`max.connections.per.ip`).
    public let connectionsPerAddressMax: Int
    /// The largest push of client metrics (`telemetry.max.bytes`).
    public let telemetrySizeBytesMax: Int
    /// Partitions that one DescribeTopicPartitions answers at most (`max.request.partition.size.limit`).
    public let describedPartitionsMax: Int32
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
        try self.init(started: values, dynamicDefaults: [:], dynamic: [:])
    }

    /// Reads settings in layers.
    ///
    /// - Parameters:
    ///   - started: What the node was started with.
    ///   - dynamicDefaults: What was set for all nodes while they run.
    ///   - dynamic: What was set for this node while it runs; precedes the others.
    init(
        started: [String: String], dynamicDefaults: [String: String], dynamic: [String: String]
    ) throws(SettingError) {
        layers = [
            Layer(source: .dynamicBroker, values: try Self.checked(dynamic)),
            Layer(source: .dynamicDefault, values: try Self.checked(dynamicDefaults)),
            Layer(source: .broker, values: try Self.checked(started)),
        ]
        let kept = layers.reduce(into: [:]) { $0.merge($1.values) { first, _ in first } }
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
        cleaner = try CleanerSettings(read)
        listeners = read.list("listeners").compactMap { Listener($0) }
        advertisedListeners = read.list("advertised.listeners").compactMap { Listener($0) }
        loopCount = read.optionalInteger("num.network.threads").map { Int($0) }
        requestSizeBytesMax = Int(read.integer("socket.request.max.bytes"))
        queuedRequestBytesMax = read.optionalInteger("queued.max.request.bytes").flatMap { $0 > 0 ? Int($0) : nil }
        fetchSizeBytesMax = Int(read.integer("fetch.max.bytes"))
        rack = read.optionalText("broker.rack")
        socketBuffers = SocketBuffers(
            sendBytes: Self.given(read.integer("socket.send.buffer.bytes")),
            receiveBytes: Self.given(read.integer("socket.receive.buffer.bytes")))
        listenBacklog = Int(read.integer("socket.listen.backlog.size"))
        connectionsPerAddressMax = Int(read.integer("max.connections.per.ip"))
        telemetrySizeBytesMax = Int(read.integer("telemetry.max.bytes"))
        describedPartitionsMax = Int32(read.integer("max.request.partition.size.limit"))
        fetchSessionCountMax = Int(read.integer("max.incremental.fetch.session.cache.slots"))
        connectionIdleMillisecondsMax = read.optionalInteger("connections.max.idle.ms").flatMap { $0 < 0 ? nil : $0 }
        connectionCountMax = Int(read.integer("max.connections"))
        try checkAdvertisedNames()
        // The defaults of topics must be a configuration that a topic may have.
        _ = try TopicConfiguration(overrides: [:], broker: self)
    }

    /// The same node with other settings of those that may change while it runs.
    func with(dynamicDefaults: [String: String], dynamic: [String: String]) throws(SettingError) -> BrokerSettings {
        try BrokerSettings(
            started: layers.last?.values ?? [:], dynamicDefaults: dynamicDefaults, dynamic: dynamic)
    }

    private static func checked(_ values: [String: String]) throws(SettingError) -> [String: String] {
        var kept: [String: String] = [:]
        for name in values.keys.sorted() {
            guard let definition = table[name] else { throw unknown(name) }
            let text = values[name]?.trimmed ?? ""
            _ = try definition.parse(text)
            kept[name] = text
        }
        return kept
    }

    /// −1 leaves it to the system.
    private static func given(_ number: Int64) -> Int? { number < 0 ? nil : Int(number) }

    /// What is set and what is default, for DescribeConfigs of a broker; sorted by name.
    public func entries() -> [ConfigurationEntry] {
        Self.definitions.map { definition in
            let names = [definition.name] + definition.fallbacks
            let own = synonyms(of: definition.name)
            return ConfigurationEntry(
                definition: definition, value: own.first?.value, source: own.first?.source ?? .default,
                isReadOnly: !definition.isDynamic, synonyms: names.flatMap { synonyms(of: $0) })
        }
    }

    /// What was set for all nodes while they run, for DescribeConfigs of the default broker.
    func dynamicDefaultEntries() -> [ConfigurationEntry] {
        guard let layer = layers.first(where: { $0.source == .dynamicDefault }) else { return [] }
        return Self.definitions.compactMap { definition in
            guard let value = layer.values[definition.name] else { return nil }
            return ConfigurationEntry(
                definition: definition, value: value, source: .dynamicDefault, isReadOnly: false,
                synonyms: [.init(name: definition.name, value: value, source: .dynamicDefault)])
        }
    }

    /// What `name` has: the values set, the one that counts first, then the default; a setting without any has none.
    func synonyms(of name: String) -> [ConfigurationEntry.Synonym] {
        var found: [ConfigurationEntry.Synonym] = []
        for layer in layers {
            if let value = layer.values[name] { found.append(.init(name: name, value: value, source: layer.source)) }
        }
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

    static func unknown(_ name: String) -> SettingError {
        if let reason = SettingRefusals.brokers.reason(for: name) {
            return SettingError(.unsupported, name: name, "kafka.\(name) is not supported: \(reason)")
        }
        let hint = table.nearest(to: name).map { "; did you mean kafka.\($0)?" } ?? ""
        return SettingError(.unknownName, name: name, "there is no setting kafka.\(name)\(hint)")
    }
}

/// Sizes of a connection's socket buffers; nil: the system's.
public struct SocketBuffers: Sendable, Hashable {
    /// For what is sent (`socket.send.buffer.bytes`).
    public var sendBytes: Int?
    /// For what arrives (`socket.receive.buffer.bytes`).
    public var receiveBytes: Int?
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

    func double(_ name: String) -> Double {
        guard case .double(let number)? = value(name) else { preconditionFailure("\(name) is no number") }
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

    func optionalText(_ name: String) -> String? {
        guard case .text(let text)? = value(name) else { return nil }
        return text
    }

    func text(_ name: String) -> String {
        guard case .text(let text)? = value(name) else { preconditionFailure("\(name) is no text") }
        return text
    }
}
