internal import KafkaWire

/// What a configuration belongs to, as requests name it.
struct ConfigurationResource: Hashable {
    /// Kafka's codes (`ConfigResource.Type`).
    enum Kind {
        static let topic: Int8 = 2
        static let broker: Int8 = 4
        static let brokerLogger: Int8 = 8
        static let clientMetrics: Int8 = 16
        static let group: Int8 = 32
        /// Ours: no request can name it.
        static let features: Int8 = -1
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

    /// Checks that the configuration of the resource can be changed.
    func checkAlterable(nodeID: Int32) throws(TopicError) {
        switch type {
        case Kind.topic: return
        case Kind.broker: if !name.isEmpty { try checkNode(nodeID) }
        case Kind.brokerLogger:
            throw TopicError(
                .invalidRequest,
                "log levels are set when the node starts (log.level) and cannot be changed while it runs")
        case Kind.clientMetrics:
            if name.isEmpty { throw TopicError(.invalidRequest, "Subscription name can't be empty") }
        case Kind.group: if name.isEmpty { throw TopicError(.invalidRequest, "Group name can't be empty.") }
        default: throw TopicError(.invalidRequest, "Unknown resource type \(type)")
        }
    }

    /// Changes the configurations of topics, brokers, groups and client metrics; refuses what is named twice.
    ///
    /// One result a resource that is named, in the order of their first mention.
    static func alter(
        _ changes: [(resource: ConfigurationResource, change: Result<ConfigurationChange, TopicError>)],
        of catalog: TopicCatalog, _ configurations: ConfigurationStore, nodeID: Int32, _ mode: CatalogMode
    ) async -> [(resource: ConfigurationResource, error: TopicError?)] {
        var counts: [ConfigurationResource: Int] = [:]
        for change in changes { counts[change.resource, default: 0] += 1 }
        var refusals: [ConfigurationResource: TopicError] = [:]
        var accepted: [(topic: String, change: ConfigurationChange)] = []
        for (resource, change) in changes {
            do throws(TopicError) {
                guard counts[resource] == 1 else {
                    throw TopicError(.invalidRequest, "Each resource must appear at most once.")
                }
                try resource.checkAlterable(nodeID: nodeID)
                let change = try change.get()
                if resource.type == Kind.topic {
                    accepted.append((resource.name, change))
                } else {
                    try await configurations.alter(resource, change, mode)
                }
            } catch {
                refusals[resource] = error
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
