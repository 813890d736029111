import WeirPlugin

/// Writes down what happens to topics: a record to the topic `audit`, and a ConfigMap for each topic.
struct TopicAudit: Plugin {
    static let manifest = Manifest(
        name: "topic-audit", version: "1.0.0",
        description: "Writes down what happens to topics: a record each time, and a ConfigMap a topic.",
        kinds: ["Topic"],
        needs: [
            .objects("ConfigMap", verbs: ["get", "create", "patch", "delete"]),
            .records("audit", verbs: ["produce"]),
        ])

    /// `[plugins.config]`: where the records go.
    struct Configuration: Decodable, Sendable {
        var topic: String?
    }

    /// What is written down of a topic.
    struct Entry: Encodable {
        var topic: String
        var event: String
        var uid: String?
        var partitions: Int?
    }

    struct TopicSpec: Codable, Sendable {
        var partitions: Int?
    }

    struct TopicStatus: Codable, Sendable {
        var phase: String?
    }

    typealias Topic = Resource<TopicSpec, TopicStatus>

    struct ConfigMap: Codable, Sendable {
        var apiVersion = "v1"
        var kind = "ConfigMap"
        var metadata: Metadata
        var data: [String: String]
    }

    let host: Host
    let auditTopic: String

    init(host: Host) throws {
        self.host = host
        auditTopic = try host.configuration(as: Configuration.self).topic ?? "audit"
        host.log(.notice, "auditing topics to '\(auditTopic)'")
    }

    func reconcile(_ request: Request) throws -> Answer {
        // Its own records would make the audit topic, and the audit topic a record of its own.
        guard request.name != auditTopic else { return .done }
        let mapName = "audit-\(request.name)".lowercased()
        guard let topic = try request.object(as: Topic.self) else {
            try record(Entry(topic: request.name, event: "deleted"), request)
            try? request.objects.delete("ConfigMap", mapName)
            return .done
        }
        let event = topic.metadata.deletionTimestamp == nil ? topic.status?.phase ?? "Pending" : "Terminating"
        let data = ["uid": topic.metadata.uid ?? "", "partitions": "\(topic.spec?.partitions ?? 0)", "phase": event]
        let known = try? request.objects.get("ConfigMap", mapName, as: ConfigMap.self)
        guard known?.data != data else { return .done }
        // The record first: where the ConfigMap cannot be written, it is written twice rather than never.
        try record(
            Entry(
                topic: request.name, event: event, uid: topic.metadata.uid, partitions: topic.spec?.partitions),
            request)
        let map = ConfigMap(metadata: Metadata(name: mapName, labels: ["app": "topic-audit"]), data: data)
        try request.objects.apply(map, "ConfigMap", mapName)
        return .done
    }

    private func record(_ entry: Entry, _ request: Request) throws {
        try request.records.produce(json: entry, to: auditTopic, key: entry.topic)
    }
}

/// What `weir` asks the library for.
@c(weir_plugin_entry) public func entry(_ abi: UInt32) -> UnsafeRawPointer? { export(TopicAudit.self, abi) }
