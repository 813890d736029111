/// One setting as DescribeConfigs shows it: the value in force, where it comes from, and what it hides.
public struct ConfigurationEntry: Sendable, Hashable {
    /// Where a value comes from; the code is Kafka's (KIP-226).
    public struct Source: Sendable, Hashable {
        /// The code on the wire.
        public let code: Int8

        /// Set for the topic.
        public static let topic = Source(code: 1)
        /// Set for one broker while it ran.
        public static let dynamicBroker = Source(code: 2)
        /// Set for all brokers while they ran.
        public static let dynamicDefault = Source(code: 3)
        /// Set for clients' metrics (KIP-714).
        public static let clientMetrics = Source(code: 7)
        /// Set for a group.
        public static let group = Source(code: 8)
        /// Set in the broker's configuration file, environment or flags.
        public static let broker = Source(code: 4)
        /// Nobody set it.
        public static let `default` = Source(code: 5)
    }

    /// One place that has a value for the setting.
    public struct Synonym: Sendable, Hashable {
        /// The name it has there.
        public var name: String
        /// The value it has there.
        public var value: String
        /// The place.
        public var source: Source
    }

    /// What it is.
    public var definition: SettingDefinition
    /// The value in force; nil: none.
    public var value: String?
    /// Where that value comes from.
    public var source: Source
    /// Whether it cannot be changed while the node runs.
    public var isReadOnly: Bool
    /// All places that have a value, the one in force first.
    public var synonyms: [Synonym]
}
