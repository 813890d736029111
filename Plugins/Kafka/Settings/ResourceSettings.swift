import Coordinators

/// Settings that Kafka keeps for groups (KIP-848).
enum GroupConfiguration {
    static let table = SettingTable([
        .init(
            "consumer.session.timeout.ms", .int, default: brokerDefault("consumer.session.timeout.ms"), .atLeast(1),
            "How long a member of the group may be silent before it is taken out, in the protocol of KIP-848."),
        .init(
            "consumer.heartbeat.interval.ms", .int, default: brokerDefault("consumer.heartbeat.interval.ms"),
            .atLeast(1),
            "How often members of the group are told to send a heartbeat, in the protocol of KIP-848."),
    ])

    /// What the broker's settings bound.
    private static let bounded = ["session.timeout.ms", "heartbeat.interval.ms"]

    /// What is set for a group, checked in itself and against the broker's bounds; Kafka's complaints.
    static func check(_ values: [String: String], _ broker: BrokerSettings) throws(SettingError) {
        for what in bounded {
            let name = "consumer.\(what)"
            guard let text = values[name]?.trimmed, let number = Int64(text) else { continue }
            let (least, most) = ("group.consumer.min.\(what)", "group.consumer.max.\(what)")
            if let bound = brokerNumber(least, broker), number < bound {
                throw SettingError(
                    .invalidValue, name: name, "\(name) must be greater than or equal to \(least) (\(bound))")
            }
            if let bound = brokerNumber(most, broker), number > bound {
                throw SettingError(
                    .invalidValue, name: name, "\(name) must be less than or equal to \(most) (\(bound))")
            }
        }
        func effective(_ what: String) -> Int64 {
            Int64(values["consumer.\(what)"]?.trimmed ?? "") ?? brokerNumber("group.consumer.\(what)", broker) ?? 0
        }
        guard effective("session.timeout.ms") > effective("heartbeat.interval.ms") else {
            throw SettingError(
                .invalidValue, name: "consumer.session.timeout.ms",
                "consumer.session.timeout.ms must be greater than consumer.heartbeat.interval.ms")
        }
    }

    /// Every setting of a group, with the broker's value where the group has none.
    static func entries(_ values: [String: String], _ broker: BrokerSettings) -> [ConfigurationEntry] {
        table.definitions.map { definition in
            var synonyms: [ConfigurationEntry.Synonym] = []
            if let value = values[definition.name] {
                synonyms.append(.init(name: definition.name, value: value, source: .group))
            }
            synonyms += broker.synonyms(of: "group.\(definition.name)")
            return ConfigurationEntry(
                definition: definition, value: synonyms.first?.value, source: synonyms.first?.source ?? .default,
                isReadOnly: false, synonyms: synonyms)
        }
    }

    private static func brokerNumber(_ name: String, _ broker: BrokerSettings) -> Int64? {
        broker.synonyms(of: name).first.flatMap { Int64($0.value) }
    }

    /// What a broker has for all groups where nobody set it.
    private static func brokerDefault(_ name: String) -> String? {
        BrokerSettings.table.required("group.\(name)").defaultValue
    }
}

/// Settings of one subscription to clients' metrics (KIP-714).
enum ClientMetricsConfiguration {
    static let table = SettingTable([
        .init(
            "metrics", .list, default: "", .any,
            "Prefixes of the names of metrics that clients are asked for; * asks for all of them."),
        .init(
            "interval.ms", .int, default: "300000", .between(100, 3_600_000),
            "How often clients are asked to push their metrics."),
        .init(
            "match", .list, default: "", .any,
            "Which clients are asked, as name=pattern, all of which must match; empty asks all clients."),
    ])

    /// What clients can be chosen by.
    static let matchNames = [
        "client_instance_id", "client_id", "client_software_name", "client_software_version",
        "client_source_address", "client_source_port",
    ]

    /// What is set for a subscription, checked; Kafka's complaints.
    static func check(_ values: [String: String]) throws(SettingError) {
        for pattern in SettingDefinition.elements(of: values["match"] ?? "") {
            let parts = pattern.split(separator: "=", maxSplits: 1).map { String($0).trimmed }
            guard parts.count == 2, matchNames.contains(parts[0]), (try? TextPattern(parts[1])) != nil else {
                throw SettingError(.invalidValue, name: "match", "Illegal client matching pattern: \(pattern)")
            }
        }
    }

    /// What is set for a subscription.
    static func entries(_ values: [String: String]) -> [ConfigurationEntry] {
        table.definitions.compactMap { definition in
            guard let value = values[definition.name] else { return nil }
            return ConfigurationEntry(
                definition: definition, value: value, source: .clientMetrics, isReadOnly: false,
                synonyms: [.init(name: definition.name, value: value, source: .clientMetrics)])
        }
    }
}
