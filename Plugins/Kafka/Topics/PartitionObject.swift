internal import ObjectStore
internal import SegmentLog

/// `Partition` objects: one for each partition of a topic, owned by the topic.
enum PartitionObject {
    static let kind = ObjectKind(group: "weir", name: "Partition")

    static func key(_ topic: String, _ partition: Int32) -> ObjectKey {
        ObjectKey(kind, namespace: TopicObject.namespace, name: "\(topic)-\(partition)")
    }

    /// The object of a partition whose replicas are on `replicas`.
    static func make(_ topic: TopicDescription, _ partition: Int32, replicas: [Int32]) -> Object {
        Object(
            apiVersion: TopicObject.apiVersion, kind: kind.name,
            metadata: ObjectMetadata(
                name: key(topic.name, partition).name, namespace: TopicObject.namespace,
                ownerReferences: [owner(topic)]),
            content: ["spec": spec(topic, partition, replicas)])
    }

    /// The object brought into line; nil where it is right as it is.
    static func corrected(
        _ object: Object, _ topic: TopicDescription, _ partition: Int32, replicas: [Int32]
    ) -> Object? {
        let spec = spec(topic, partition, replicas)
        let owner = owner(topic)
        guard object.spec != spec || object.metadata.ownerReferences != [owner] else { return nil }
        var corrected = object
        corrected.spec = spec
        corrected.metadata.ownerReferences = [owner]
        return corrected
    }

    private static func spec(_ topic: TopicDescription, _ partition: Int32, _ replicas: [Int32]) -> JSONValue {
        [
            "topic": .string(topic.name), "partition": .integer(Int64(partition)),
            "replicas": .array(replicas.map { .integer(Int64($0)) }),
        ]
    }

    private static func owner(_ topic: TopicDescription) -> OwnerReference {
        OwnerReference(
            apiVersion: TopicObject.apiVersion, kind: TopicObject.kind.name, name: topic.name, uid: topic.id.uid,
            controller: true, blockOwnerDeletion: true)
    }
}
