import ObjectStore

/// The kind that the client's tests use.
struct Gadget: Resource, Equatable {
    static let definition = KindDefinition("example.com/v1", "Gadget")

    struct Spec: Codable, Sendable, Equatable {
        var size: Int
        var color: String?
    }

    struct Status: Codable, Sendable, Equatable {
        var isReady: Bool
    }

    var metadata: ObjectMetadata
    var spec: Spec
    var status: Status?

    init(_ name: String, in namespace: String = "default", size: Int = 1, labels: [String: String] = [:]) {
        metadata = ObjectMetadata(name: name, namespace: namespace, labels: labels)
        spec = Spec(size: size)
    }
}
