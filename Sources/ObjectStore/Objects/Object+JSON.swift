extension Object {
    /// Reads the JSON form of an object of any kind.
    ///
    /// - Throws: `ObjectError.badRequest`, which names the field.
    public init(_ json: JSONValue) throws(ObjectError) {
        guard case .object(let members) = json else {
            throw ObjectError(.badRequest, "an object begins with '{': apiVersion, kind, metadata")
        }
        try self.init(members: members)
    }

    private init(members: consuming [String: JSONValue]) throws(ObjectError) {
        let apiVersion = try Self.text("apiVersion", members.removeValue(forKey: "apiVersion"))
        let kind = try Self.text("kind", members.removeValue(forKey: "kind"))
        var metadata = ObjectMetadata()
        if let value = members.removeValue(forKey: "metadata"), value != .null {
            metadata = try ObjectMetadata(value)
        }
        self.init(apiVersion: apiVersion, kind: kind, metadata: metadata, content: members)
    }

    /// The text of a member that must be there.
    static func text(_ name: String, _ value: JSONValue?) throws(ObjectError) -> String {
        switch value {
        case .string(let text) where !text.isEmpty: return text
        case .string, .null, nil: throw .malformed(name, "is missing")
        default: throw .malformed(name, "must be a string")
        }
    }

    /// The JSON form.
    public var json: JSONValue {
        var members = content
        members["apiVersion"] = .string(apiVersion)
        members["kind"] = .string(kind)
        members["metadata"] = metadata.json
        return .object(members)
    }

    /// Reads an object from JSON text.
    ///
    /// - Throws: `ObjectError.badRequest`, which says what is wrong and where.
    public init(parsing bytes: some Collection<UInt8>, limits: JSONLimits = .standard) throws(ObjectError) {
        let result = bytes.withContiguousStorageIfAvailable { buffer in JSONParser.parseObject(buffer, limits) }
        if let result {
            self = try result.get()
            return
        }
        self = try Array(bytes).withUnsafeBufferPointer { buffer in JSONParser.parseObject(buffer, limits) }.get()
    }

    /// The object as JSON text in UTF-8, without blanks and sorted: equal objects give equal bytes.
    public func encoded() -> [UInt8] {
        // A member that stands for one of the object's own would have to be left out: the general way does.
        if content["apiVersion"] != nil || content["kind"] != nil || content["metadata"] != nil {
            return json.encoded()
        }
        return JSONWriter.bytes { $0.write(self) }
    }
}

extension JSONWriter {
    /// Writes what `json` would have, without making it.
    fileprivate mutating func write(_ object: Object) {
        write(verbatim: "{")
        var isFirst = true
        var names = ["apiVersion", "kind", "metadata"]
        names += object.content.keys
        names.sort()
        for name in names {
            writeName(name, &isFirst)
            switch name {
            case "apiVersion": write(object.apiVersion)
            case "kind": write(object.kind)
            case "metadata": write(object.metadata)
            default: write(object.content[name] ?? .null)
            }
        }
        write(verbatim: "}")
    }

    private mutating func write(_ metadata: ObjectMetadata) {
        guard metadata.other.isEmpty else { return write(metadata.json) }
        write(verbatim: "{")
        var isFirst = true
        writeStrings("annotations", metadata.annotations, &isFirst)
        write("creationTimestamp", metadata.creationTimestamp?.description ?? "", &isFirst)
        write("deletionTimestamp", metadata.deletionTimestamp?.description ?? "", &isFirst)
        if !metadata.finalizers.isEmpty {
            writeName("finalizers", &isFirst)
            write(.array(metadata.finalizers.map { .string($0) }))
        }
        write("generateName", metadata.generateName, &isFirst)
        if metadata.generation != 0 {
            writeName("generation", &isFirst)
            write(metadata.generation)
        }
        writeStrings("labels", metadata.labels, &isFirst)
        write("name", metadata.name, &isFirst)
        write("namespace", metadata.namespace, &isFirst)
        if !metadata.ownerReferences.isEmpty {
            writeName("ownerReferences", &isFirst)
            write(.array(metadata.ownerReferences.map(\.json)))
        }
        write("resourceVersion", metadata.resourceVersion?.description ?? "", &isFirst)
        write("uid", metadata.uid, &isFirst)
        write(verbatim: "}")
    }

    private mutating func write(_ name: String, _ text: String, _ isFirst: inout Bool) {
        guard !text.isEmpty else { return }
        writeName(name, &isFirst)
        write(text)
    }

    private mutating func writeStrings(_ name: String, _ strings: [String: String], _ isFirst: inout Bool) {
        guard !strings.isEmpty else { return }
        writeName(name, &isFirst)
        writeStrings(strings)
    }
}

extension Object: Codable {
    /// Reads the JSON form.
    public init(from decoder: any Decoder) throws {
        do {
            try self.init(try JSONValue(from: decoder))
        } catch let error as ObjectError {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(codingPath: decoder.codingPath, debugDescription: error.message))
        }
    }

    /// Writes the JSON form.
    public func encode(to encoder: any Encoder) throws { try json.encode(to: encoder) }
}
