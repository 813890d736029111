internal import KafkaWire

/// What becomes of a topic's configuration under a change: pure, with Kafka's checks.
enum ConfigurationPlan {
    /// The configuration of `topic` after `change`.
    static func plan(_ change: ConfigurationChange, of topic: TopicDescription) throws(TopicError) -> TopicConfiguration
    {
        let overrides: [String: String]
        switch change {
        case .replace(let configs): overrides = try Self.overrides(configs)
        case .apply(let operations):
            let configuration = topic.configuration
            overrides = try apply(
                operations, to: configuration.overrides, inForce: { configuration.value(of: $0) },
                definition: TopicConfiguration.definition)
        }
        do {
            return try TopicConfiguration(overrides: overrides, broker: topic.configuration.broker)
        } catch {
            throw TopicError(error)
        }
    }

    /// Settings by name; each once, and none null.
    static func overrides(_ configs: [NewTopic.Config]) throws(TopicError) -> [String: String] {
        var overrides: [String: String] = [:]
        let nulls = configs.filter { $0.value == nil }.map(\.name)
        guard nulls.isEmpty else {
            throw TopicError(
                .invalidConfig, "Null value not supported for topic configs: \(nulls.joined(separator: ","))")
        }
        for config in configs {
            guard overrides.updateValue(config.value ?? "", forKey: config.name) == nil else {
                throw TopicError(.invalidRequest, "Error due to duplicate config keys: \(config.name)")
            }
        }
        return overrides
    }

    /// What is set after `operations` on what was.
    ///
    /// - Parameters:
    ///   - inForce: The value of a setting with its default; what is appended to.
    ///   - definition: The setting of that name, or why there is none.
    static func apply(
        _ operations: [ConfigurationOperation], to before: [String: String],
        inForce: (String) -> String? = { _ in nil },
        definition: (String) throws(SettingError) -> SettingDefinition
    ) throws(TopicError) -> [String: String] {
        var names: Set<String> = []
        for operation in operations where !names.insert(operation.name).inserted {
            throw TopicError(.invalidRequest, "Error due to duplicate config keys: \(operation.name)")
        }
        let nulls = operations.filter { $0.kind != .delete && $0.value == nil }.map(\.name)
        guard nulls.isEmpty else {
            throw TopicError(.invalidRequest, "Null value not supported for : \(nulls.joined(separator: ","))")
        }
        var overrides = before
        for operation in operations {
            let found: SettingDefinition
            do throws(SettingError) { found = try definition(operation.name) } catch { throw TopicError(error) }
            switch operation.kind {
            case .set: overrides[operation.name] = operation.value
            case .delete: overrides[operation.name] = nil
            case .append, .subtract:
                let current = before[operation.name] ?? inForce(operation.name) ?? found.defaultValue ?? ""
                overrides[operation.name] = try edited(operation, found, current: current)
            }
        }
        return overrides
    }

    private static func edited(
        _ operation: ConfigurationOperation, _ definition: SettingDefinition, current text: String
    ) throws(TopicError) -> String {
        let isAppend = operation.kind == .append
        guard definition.type == .list else {
            throw TopicError(
                .invalidConfig,
                "Can't \(isAppend ? "APPEND" : "SUBTRACT") to key \(operation.name) because its type is not LIST.")
        }
        let current = SettingDefinition.elements(of: text)
        let given = SettingDefinition.elements(of: operation.value ?? "")
        let result =
            isAppend
            ? given.reduce(into: current) { list, element in if !list.contains(element) { list.append(element) } }
            : current.filter { !given.contains($0) }
        return result.joined(separator: ",")
    }
}
