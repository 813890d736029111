public import ObjectStore

/// What the configuration says of one plugin.
public struct PluginSettings: Sendable, Hashable {
    /// What it may touch.
    public enum Grants: Sendable, Hashable {
        /// What is listed, and reading the kinds that it reconciles.
        case listed([Grant])
        /// What its manifest asks for: whoever named the plugin trusts it.
        case asNeeded
    }

    /// The library's path.
    public var path: String
    /// What to call it instead of the name in its manifest; nil takes that.
    public var name: String?
    /// Its own table of the configuration: a JSON object.
    public var configuration: JSONValue
    /// What it may touch.
    public var grants: Grants
    /// How long `start` may take.
    public var startTimeout: Duration
    /// How long each later call of its life cycle may take.
    public var timeout: Duration
    /// How many reconciles may be in it at once, of each of its kinds.
    public var maxConcurrent: Int
    /// Whether a node does not start without it.
    public var isRequired: Bool

    /// The plugin at `path`, with what is usual.
    public init(
        path: String, name: String? = nil, configuration: JSONValue = [:], grants: Grants = .listed([]),
        startTimeout: Duration = .seconds(10), timeout: Duration = .seconds(5), maxConcurrent: Int = 4,
        isRequired: Bool = false
    ) {
        self.path = path
        self.name = name
        self.configuration = configuration
        self.grants = grants
        self.startTimeout = startTimeout
        self.timeout = timeout
        self.maxConcurrent = maxConcurrent
        self.isRequired = isRequired
    }
}

/// What a node offers its plugins.
public struct PluginServices: Sendable {
    /// The node's objects, asked for when a plugin starts; nil: it has none.
    public var objects: @Sendable () -> (any ObjectAccess)?
    /// The node's records; nil: it has no broker.
    public var records: (any RecordAccess)?
    /// The components that stand behind them: plugins that use them are drained before.
    public var objectsComponent: String
    /// The component behind the records.
    public var recordsComponent: String

    /// What a node offers.
    public init(
        objects: @escaping @Sendable () -> (any ObjectAccess)? = { nil }, records: (any RecordAccess)? = nil,
        objectsComponent: String = "objects", recordsComponent: String = "kafka"
    ) {
        self.objects = objects
        self.records = records
        self.objectsComponent = objectsComponent
        self.recordsComponent = recordsComponent
    }
}
