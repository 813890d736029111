internal import ObjectStore

/// The `Node` object of this node: where clients find it, and whether it serves.
struct NodeObject: Sendable {
    /// Whether a node serves.
    enum Phase: String {
        case ready = "Ready"
        case draining = "Draining"
    }

    static let kind = ObjectKind(group: "weir", name: "Node")
    private static let conflictsMax = 16

    let objects: any ObjectAccess
    let nodeID: Int32

    private var key: ObjectKey { ObjectKey(Self.kind, namespace: "", name: "\(nodeID)") }

    /// Says in which phase the node is; makes the object where it is missing.
    func write(_ phase: Phase, _ endpoints: [BrokerEndpoint]) async throws {
        for attempt in 1... {
            do {
                var object = try await stored()
                let status: JSONValue = [
                    "phase": .string(phase.rawValue),
                    "addresses": .array(
                        endpoints.map {
                            ["type": "Kafka", "address": .string($0.host), "port": .integer(Int64($0.port))]
                        }),
                ]
                guard object.status != status else { return }
                object.status = status
                object.metadata.resourceVersion = nil
                _ = try await objects.update(object, .status)
                return
            } catch let error as ObjectError
                where [.alreadyExists, .notFound, .conflict].contains(error.reason) && attempt < Self.conflictsMax
            {
                continue
            }
        }
    }

    private func stored() async throws -> Object {
        do {
            return try await objects.get(key)
        } catch let error as ObjectError where error.reason == .notFound {
            return try await objects.create(
                Object(
                    apiVersion: TopicObject.apiVersion, kind: Self.kind.name,
                    metadata: ObjectMetadata(name: key.name), content: ["spec": ["id": .integer(Int64(nodeID))]]))
        }
    }
}
