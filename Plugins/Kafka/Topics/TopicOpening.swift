internal import SegmentLog
internal import WeirRuntime

/// The component `topics`: its start opens the partitions that are on disk, before anything is reconciled.
final class TopicOpening: Component {
    let name = "topics"
    let dependencies: [String]
    private let topics: TopicReconciler
    private let provider: any LogProvider
    private let configurations: ConfigurationStore

    /// Opens what `provider` has.
    ///
    /// - Parameter objects: The component of the store that says which topics there are.
    init(
        _ topics: TopicReconciler, _ provider: any LogProvider, _ configurations: ConfigurationStore, objects: String
    ) {
        self.topics = topics
        self.configurations = configurations
        self.provider = provider
        dependencies = [objects]
    }

    var verbs: ComponentVerbs { [] }

    func start(_ context: ComponentContext) async throws {
        try await configurations.open()
        try await topics.open(existing: try await provider.list())
    }
}
