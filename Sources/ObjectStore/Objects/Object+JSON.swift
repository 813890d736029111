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
        apiVersion = try Self.take("apiVersion", from: &members)
        kind = try Self.take("kind", from: &members)
        if let metadata = members.removeValue(forKey: "metadata"), metadata != .null {
            self.metadata = try ObjectMetadata(metadata)
        } else {
            metadata = ObjectMetadata()
        }
        content = members
    }

    private static func take(_ name: String, from members: inout [String: JSONValue]) throws(ObjectError) -> String {
        switch members.removeValue(forKey: name) {
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
        let json: JSONValue
        do throws(JSONError) {
            json = try JSONValue(parsing: bytes, limits: limits)
        } catch {
            throw ObjectError(.badRequest, error.description)
        }
        try self.init(json)
    }

    /// The object as JSON text in UTF-8, without blanks and sorted: equal objects give equal bytes.
    public func encoded() -> [UInt8] { json.encoded() }
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
