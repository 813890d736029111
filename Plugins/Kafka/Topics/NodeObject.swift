internal import ObjectStore
internal import WeirRuntime

/// The `Node` object of this node: where clients find it, and whether it serves.
struct NodeObject: Sendable {
    /// Whether a node serves.
    enum Phase: String {
        case ready = "Ready"
        case draining = "Draining"
    }

    static let kind = ObjectKind(group: "weir", name: "Node")
    private static let conflictsMax = 16

    private let objects: any ObjectAccess
    private let nodeID: Int32
    private let startedAt: Timestamp

    /// The object of the node that starts now.
    init(objects: any ObjectAccess, nodeID: Int32, clock: any Clock) {
        self.objects = objects
        self.nodeID = nodeID
        startedAt = Timestamp(wallMilliseconds: clock.wallMilliseconds)
    }

    private var key: ObjectKey { ObjectKey(Self.kind, namespace: "", name: "\(nodeID)") }

    /// Says in which phase the node is; makes the object where it is missing. What others wrote into the status stays.
    func write(_ phase: Phase, _ endpoints: [BrokerEndpoint]) async throws {
        for attempt in 1... {
            do {
                var object = try await stored()
                let before = object.status
                var status = before ?? .object([:])
                status["phase"] = .string(phase.rawValue)
                status["startedAt"] = .string(startedAt.description)
                let others = (status["addresses"]?.arrayValue ?? []).filter { $0["name"] != "kafka" }
                status["addresses"] = .array(
                    endpoints.map { ["name": "kafka", "host": .string($0.host), "port": .integer(Int64($0.port))] }
                        + others)
                guard status != before else { return }
                object.status = status
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
