/// A group, as a list of groups has it.
public struct GroupListing: Sendable, Hashable {
    /// Its id.
    public var id: String
    /// The protocol that its members speak: "classic", "consumer" (KIP-848), "share"; empty where the broker
    /// is too old to say.
    public var type: String
    /// "Stable", "Empty", "PreparingRebalance" and so on; empty where the broker is too old to say.
    public var state: String
    /// What its members do: "consumer", "connect"; empty where offsets were only committed by hand.
    public var protocolType: String
    /// The broker that coordinates it.
    public var coordinator: KafkaClient.Node
}

/// Which groups to list; an empty set takes all.
public struct GroupFilter: Sendable, Hashable {
    /// Only groups in one of these states.
    public var states: Set<String>
    /// Only groups of one of these types.
    public var types: Set<String>
    /// Only groups with one of these protocol types.
    public var protocolTypes: Set<String>

    /// All groups, but for what is named.
    public init(states: Set<String> = [], types: Set<String> = [], protocolTypes: Set<String> = []) {
        self.states = states
        self.types = types
        self.protocolTypes = protocolTypes
    }

    /// Whether the filter takes it. Letter case does not count, as it does not for Kafka.
    func takes(_ group: GroupListing) -> Bool {
        Self.takes(states, group.state) && Self.takes(types, group.type)
            && Self.takes(protocolTypes, group.protocolType)
    }

    private static func takes(_ wanted: Set<String>, _ value: String) -> Bool {
        wanted.isEmpty || wanted.contains { $0.lowercased() == value.lowercased() }
    }
}
