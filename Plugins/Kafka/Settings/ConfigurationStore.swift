internal import Coordinators
internal import KafkaWire
internal import ObjectStore
internal import Synchronization
internal import WeirRuntime

/// What was set while the node runs for brokers, groups and client metrics: kept as objects, in force at once.
///
/// From any thread. Readers look into memory; a change is on the device before it is in force.
final class ConfigurationStore: Sendable {
    /// How often a change is tried where others change the same resource.
    private static let conflictsMax = 16
    private static let pageSizeMax = 1_000

    let settings: LiveSettings
    private let objects: any ObjectAccess
    private let nodeID: Int32
    private let state = Mutex(State())

    fileprivate struct State {
        var configs: [ConfigurationResource: [String: String]] = [:]
        /// How new what is known of a resource is.
        var versions: [ConfigurationResource: ResourceVersion] = [:]
        /// Counts changes of what is set for groups.
        var groupChanges = 0
        /// Called when the broker's settings have changed.
        var onSettings: (@Sendable () async -> Void)?
        /// Called with what is set for single groups when that has changed.
        var onGroups: (@Sendable ([String: GroupOverride]) -> Void)?
    }

    init(objects: any ObjectAccess, settings: LiveSettings, nodeID: Int32) {
        self.objects = objects
        self.settings = settings
        self.nodeID = nodeID
    }

    /// What is set for a resource.
    func values(of resource: ConfigurationResource) -> [String: String] {
        state.withLock { $0.configs[resource] ?? [:] }
    }

    /// How new what is set for a resource is; 0 where nothing is.
    func version(of resource: ConfigurationResource) -> UInt64 {
        state.withLock { $0.versions[resource]?.value ?? 0 }
    }

    /// The names of the resources of a type that have something set, sorted.
    func names(ofType type: Int8) -> [String] {
        state.withLock { $0.configs.keys.filter { $0.type == type }.map(\.name) }.sorted()
    }

    /// Whom to tell when the broker's settings have changed; before `open`.
    func onSettings(_ body: @escaping @Sendable () async -> Void) {
        state.withLock { $0.onSettings = body }
    }

    /// Whom to tell what is set for single groups when that has changed; before `open`.
    func onGroups(_ body: @escaping @Sendable ([String: GroupOverride]) -> Void) {
        state.withLock { $0.onGroups = body }
    }

    /// Reads what is stored.
    func open() async throws {
        var query = ListQuery(
            ObjectSelection(kind: ConfigurationObject.kind, namespace: ConfigurationObject.namespace),
            limit: Self.pageSizeMax)
        repeat {
            let page = try await objects.list(query)
            for object in page.objects { await take(object) }
            query.continueToken = page.continueToken
        } while query.continueToken != nil
    }

    /// Changes what is set for a resource; returns when that is on the device and in force.
    func alter(
        _ resource: ConfigurationResource, _ change: ConfigurationChange, _ mode: CatalogMode
    ) async throws(TopicError) {
        do {
            for attempt in 1... {
                do {
                    return try await tryToAlter(resource, change, mode)
                } catch let error as ObjectError
                    where [.alreadyExists, .notFound, .conflict].contains(error.reason) && attempt < Self.conflictsMax
                {
                    continue
                }
            }
        } catch {
            throw TopicError(error, while: "changing the configuration of \(resource.typeName) '\(resource.name)'")
        }
    }

    /// Takes an object as it is stored: of somebody else's change, or of a start.
    func take(_ object: Object) async {
        guard let (resource, config) = ConfigurationObject.content(of: object) else { return }
        await set(object.metadata.isBeingDeleted ? [:] : config, of: resource, at: object.metadata.resourceVersion)
    }

    /// Looks at the object of that name again.
    func refresh(_ name: String) async throws {
        do {
            await take(
                try await objects.get(
                    ObjectKey(ConfigurationObject.kind, namespace: ConfigurationObject.namespace, name: name)))
        } catch let error as ObjectError where error.reason == .notFound {
            await forget(name)
        }
    }

    /// Takes in that the object of that name is gone.
    func forget(_ name: String) async {
        let resource = state.withLock { $0.configs.keys.first { ConfigurationObject.key($0).name == name } }
        if let resource { await set([:], of: resource, at: nil) }
    }

    private func tryToAlter(
        _ resource: ConfigurationResource, _ change: ConfigurationChange, _ mode: CatalogMode
    ) async throws {
        let key = ConfigurationObject.key(resource)
        let stored: Object?
        do {
            stored = try await objects.get(key)
        } catch let error as ObjectError where error.reason == .notFound {
            stored = nil
        }
        let before = stored.flatMap { ConfigurationObject.content(of: $0)?.config } ?? [:]
        let config = try resource.changed(before, change)
        try resource.check(config, settings.current, nodeID: nodeID)
        guard mode == .perform, config != before else { return }
        if var object = stored {
            guard !config.isEmpty else {
                let gone = try await objects.delete(key, DeleteOptions())
                return await set([:], of: resource, at: gone.metadata.resourceVersion)
            }
            object.spec = ConfigurationObject.spec(resource, config)
            await take(try await objects.update(object, .main))
        } else {
            await take(try await objects.create(ConfigurationObject.make(resource, config)))
        }
    }

    private func set(
        _ config: [String: String], of resource: ConfigurationResource, at version: ResourceVersion?
    ) async {
        let onSettings = state.withLock { state -> (@Sendable () async -> Void)?? in
            if let version {
                // A watch may tell of it later than who changed it.
                if let known = state.versions[resource], version < known { return nil }
                state.versions[resource] = config.isEmpty ? nil : version
            }
            state.configs[resource] = config.isEmpty ? nil : config
            if resource.type == ConfigurationResource.Kind.group { state.groupChanges += 1 }
            return .some(state.onSettings)
        }
        guard let onSettings else { return }
        if resource.type == ConfigurationResource.Kind.group { tellGroups() }
        guard resource.type == ConfigurationResource.Kind.broker else { return }
        let own = values(of: ConfigurationResource(type: resource.type, name: "\(nodeID)"))
        let all = values(of: ConfigurationResource(type: resource.type, name: ""))
        // What was stored by a version that took other values is left out: the node must start.
        guard let changed = try? settings.current.with(dynamicDefaults: all, dynamic: own),
            settings.replace(with: changed)
        else { return }
        await onSettings?()
    }
}

extension ConfigurationStore {
    /// Tells what is set for single groups; whoever tells last tells the newest.
    private func tellGroups() {
        while true {
            let (overrides, changes, tell) = state.withLock { state in
                (state.groupOverrides, state.groupChanges, state.onGroups)
            }
            tell?(overrides)
            if state.withLock({ $0.groupChanges == changes }) { return }
        }
    }
}

extension ConfigurationStore.State {
    fileprivate var groupOverrides: [String: GroupOverride] {
        var overrides: [String: GroupOverride] = [:]
        for (resource, values) in configs where resource.type == ConfigurationResource.Kind.group {
            func number(_ name: String) -> Int32? { values[name].flatMap { Int32($0.trimmed) } }
            overrides[resource.name] = GroupOverride(
                consumerSessionMilliseconds: number("consumer.session.timeout.ms"),
                consumerHeartbeatMilliseconds: number("consumer.heartbeat.interval.ms"))
        }
        return overrides
    }
}

extension ConfigurationResource {
    /// The settings that a resource of this type can have.
    private var table: SettingTable? {
        switch type {
        case Kind.broker: BrokerSettings.table
        case Kind.group: GroupConfiguration.table
        case Kind.clientMetrics: ClientMetricsConfiguration.table
        case Kind.features: FeatureSettings.table
        default: nil
        }
    }

    /// What is set after a change of what was.
    func changed(
        _ before: [String: String], _ change: ConfigurationChange
    ) throws(TopicError) -> [String: String] {
        switch change {
        case .replace(let configs): return try ConfigurationPlan.overrides(configs)
        case .apply(let operations):
            return try ConfigurationPlan.apply(operations, to: before) { (name) throws(SettingError) in
                guard let definition = table?[name] else { throw unknown(name) }
                return definition
            }
        }
    }

    /// Checks what is to be set for the resource, in Kafka's words.
    func check(_ config: [String: String], _ broker: BrokerSettings, nodeID: Int32) throws(TopicError) {
        do throws(SettingError) {
            for name in config.keys.sorted() {
                guard let definition = table?[name] else { throw unknown(name) }
                _ = try definition.parse(config[name] ?? "")
                guard type != Kind.broker || definition.isDynamic else {
                    throw SettingError(.readOnly, name: name, "Cannot update these configs dynamically: Set(\(name))")
                }
            }
            switch type {
            case Kind.group: try GroupConfiguration.check(config, broker)
            case Kind.clientMetrics: try ClientMetricsConfiguration.check(config)
            case Kind.features: return
            // Values that are each right may still contradict each other.
            default:
                _ =
                    try name.isEmpty
                    ? broker.with(dynamicDefaults: config, dynamic: [:])
                    : broker.with(dynamicDefaults: [:], dynamic: config)
            }
        } catch {
            throw error.code == .readOnly ? TopicError(.invalidRequest, error.message) : TopicError(error)
        }
    }

    private func unknown(_ name: String) -> SettingError {
        switch type {
        case Kind.broker: BrokerSettings.unknown(name)
        case Kind.group: SettingError(.unknownName, name: name, "Unknown group config name: \(name)")
        default: SettingError(.unknownName, name: name, "Unknown client metrics configuration: \(name)")
        }
    }
}
