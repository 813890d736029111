internal import ObjectStore

/// Blocks of producer ids (KIP-730), as an object that says which was the last one given out.
struct ProducerIDBlocks: Sendable {
    static let definition = KindDefinition(TopicObject.apiVersion, "ProducerIDBlock")
    static var kind: ObjectKind { definition.kind }
    /// Producer ids in one block.
    static let blockSize: Int64 = 1000
    private static let key = ObjectKey(kind, namespace: "default", name: "last")

    let objects: any ObjectAccess

    /// Takes the next block: durable before it returns, so that no id is given twice.
    func next() async throws -> Range<Int64> {
        // A conflict means that somebody else got a block: there is always one who does.
        while true {
            do {
                return try await take()
            } catch let error as ObjectError where error.reason == .conflict || error.reason == .alreadyExists {
                continue
            }
        }
    }

    private func take() async throws -> Range<Int64> {
        let stored: Object?
        do {
            stored = try await objects.get(Self.key)
        } catch let error as ObjectError where error.reason == .notFound {
            stored = nil
        }
        let first = try stored.map { try Self.end(of: $0) } ?? 0
        let spec: JSONValue = ["first": .integer(first), "count": .integer(Self.blockSize)]
        if var object = stored {
            object.spec = spec
            _ = try await objects.update(object, .main)
        } else {
            _ = try await objects.create(
                Object(
                    apiVersion: TopicObject.apiVersion, kind: Self.kind.name,
                    metadata: ObjectMetadata(name: Self.key.name, namespace: Self.key.namespace),
                    content: ["spec": spec]))
        }
        return first..<(first + Self.blockSize)
    }

    private static func end(of object: Object) throws -> Int64 {
        guard let first = object.spec?["first"]?.integerValue, let count = object.spec?["count"]?.integerValue,
            first >= 0, count > 0, first < Int64.max - count - blockSize
        else { throw MetadataError("the object \(object.key) does not say which producer ids were given out") }
        return first + count
    }
}
