internal import KafkaWire

/// What a configuration belongs to, as requests name it.
struct ConfigurationResource: Hashable {
    /// Kafka's codes (`ConfigResource.Type`).
    enum Kind {
        static let topic: Int8 = 2
        static let broker: Int8 = 4
        static let brokerLogger: Int8 = 8
    }

    var type: Int8
    var name: String

    /// Whether the name is that of the node `nodeID`, or empty: the default of all nodes.
    func checkNode(_ nodeID: Int32) throws(TopicError) {
        guard let number = Int32(name) else {
            throw TopicError(.invalidRequest, "Node id must be an integer, but it is: \(name)")
        }
        guard number == nodeID else {
            throw TopicError(
                .invalidRequest, "Unexpected broker id, expected \(nodeID) or empty string, but received \(name)")
        }
    }

    /// Why the configuration of the resource cannot be changed; nil where it is a topic.
    var alterationComplaint: TopicError? {
        switch type {
        case Kind.topic: nil
        case Kind.broker, Kind.brokerLogger:
            TopicError(
                .invalidRequest,
                "the settings of a broker are read when it starts and cannot be changed while it runs")
        default: TopicError(.invalidRequest, "Unknown resource type \(type)")
        }
    }

    /// Changes the configurations of topics; refuses other resources, and those that are named twice.
    ///
    /// One result a resource that is named, in the order of their first mention.
    static func alter(
        _ changes: [(resource: ConfigurationResource, change: Result<ConfigurationChange, TopicError>)],
        of catalog: TopicCatalog, _ mode: CatalogMode
    ) async -> [(resource: ConfigurationResource, error: TopicError?)] {
        var counts: [ConfigurationResource: Int] = [:]
        for change in changes { counts[change.resource, default: 0] += 1 }
        var refusals: [ConfigurationResource: TopicError] = [:]
        var accepted: [(topic: String, change: ConfigurationChange)] = []
        for (resource, change) in changes {
            if counts[resource] != 1 {
                refusals[resource] = TopicError(.invalidRequest, "Each resource must appear at most once.")
            } else if let complaint = resource.alterationComplaint {
                refusals[resource] = complaint
            } else {
                switch change {
                case .success(let change): accepted.append((resource.name, change))
                case .failure(let error): refusals[resource] = error
                }
            }
        }
        let results = await catalog.alterConfigurations(accepted, mode)
        for ((topic, _), result) in zip(accepted, results) {
            guard case .failure(let error) = result else { continue }
            refusals[ConfigurationResource(type: Kind.topic, name: topic)] = error
        }
        var answered: Set<ConfigurationResource> = []
        return changes.map(\.resource).filter { answered.insert($0).inserted }.map { ($0, refusals[$0]) }
    }
}
