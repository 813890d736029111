extension ObjectMetadata {
    /// Reads the JSON form; what is not known is kept in `other`, and `null` is as good as nothing.
    ///
    /// - Throws: `ObjectError.badRequest`, which names the field.
    public init(_ json: JSONValue) throws(ObjectError) {
        guard case .object(let members) = json else { throw .malformed("metadata", "must be an object") }
        self.init()
        for (name, value) in members { try take(name, value) }
    }

    /// Takes one member; null takes back what an earlier member of that name said.
    mutating func take(_ name: String, _ value: JSONValue) throws(ObjectError) {
        if case .null = value { return clear(name) }
        // Lengths are compared before names: an unequal name costs next to nothing.
        switch (name.utf8.count, name) {
        case (4, "name"): self.name = try Self.text(name, value)
        case (12, "generateName"): generateName = try Self.text(name, value)
        case (9, "namespace"): namespace = try Self.text(name, value)
        case (3, "uid"): uid = try Self.text(name, value)
        case (15, "resourceVersion"): resourceVersion = try Self.version(name, value)
        case (10, "generation"):
            guard case .integer(let number) = value else {
                throw .malformed("metadata.generation", "must be a whole number")
            }
            generation = number
        case (17, "creationTimestamp"): creationTimestamp = try Self.moment(name, value)
        case (17, "deletionTimestamp"): deletionTimestamp = try Self.moment(name, value)
        case (6, "labels"): labels = try Self.texts(name, value)
        case (11, "annotations"): annotations = try Self.texts(name, value)
        case (10, "finalizers"): finalizers = try Self.list(name, value)
        case (15, "ownerReferences"): ownerReferences = try OwnerReference.list(value)
        default: other[name] = value
        }
    }

    private mutating func clear(_ name: String) {
        switch name {
        case "name": self.name = ""
        case "generateName": generateName = ""
        case "namespace": namespace = ""
        case "uid": uid = ""
        case "resourceVersion": resourceVersion = nil
        case "generation": generation = 0
        case "creationTimestamp": creationTimestamp = nil
        case "deletionTimestamp": deletionTimestamp = nil
        case "labels": labels = [:]
        case "annotations": annotations = [:]
        case "finalizers": finalizers = []
        case "ownerReferences": ownerReferences = []
        default: other.removeValue(forKey: name)
        }
    }

    private static func text(_ name: String, _ value: JSONValue) throws(ObjectError) -> String {
        guard case .string(let text) = value else { throw .malformed("metadata.\(name)", "must be a string") }
        return text
    }

    private static func version(_ name: String, _ value: JSONValue) throws(ObjectError) -> ResourceVersion? {
        let text = try text(name, value)
        guard !text.isEmpty else { return nil }
        guard let version = ResourceVersion(text) else {
            throw .malformed("metadata.\(name)", "must be a resource version as a read gave it, not '\(text)'")
        }
        return version
    }

    private static func moment(_ name: String, _ value: JSONValue) throws(ObjectError) -> Timestamp {
        guard case .string(let text) = value, let moment = Timestamp(text) else {
            throw .malformed("metadata.\(name)", "must be a time like 2026-11-21T15:30:00Z")
        }
        return moment
    }

    private static func texts(_ name: String, _ value: JSONValue) throws(ObjectError) -> [String: String] {
        guard case .object(let members) = value else { throw .malformed("metadata.\(name)", "must be an object") }
        var result = [String: String](minimumCapacity: members.count)
        for (key, value) in members {
            guard case .string(let text) = value else {
                throw .malformed("metadata.\(name)['\(key)']", "must be a string; put a number in quotes")
            }
            result[key] = text
        }
        return result
    }

    private static func list(_ name: String, _ value: JSONValue) throws(ObjectError) -> [String] {
        guard case .array(let elements) = value else { throw .malformed("metadata.\(name)", "must be an array") }
        var result: [String] = []
        for (index, element) in elements.enumerated() {
            guard case .string(let text) = element else {
                throw .malformed("metadata.\(name)[\(index)]", "must be a string")
            }
            result.append(text)
        }
        return result
    }

    /// The JSON form; what is empty is left out.
    public var json: JSONValue {
        var members = other
        if !name.isEmpty { members["name"] = .string(name) }
        if !generateName.isEmpty { members["generateName"] = .string(generateName) }
        if !namespace.isEmpty { members["namespace"] = .string(namespace) }
        if !uid.isEmpty { members["uid"] = .string(uid) }
        if let resourceVersion { members["resourceVersion"] = .string(resourceVersion.description) }
        if generation != 0 { members["generation"] = .integer(generation) }
        if let creationTimestamp { members["creationTimestamp"] = .string(creationTimestamp.description) }
        if let deletionTimestamp { members["deletionTimestamp"] = .string(deletionTimestamp.description) }
        if !labels.isEmpty { members["labels"] = .object(labels.mapValues { .string($0) }) }
        if !annotations.isEmpty { members["annotations"] = .object(annotations.mapValues { .string($0) }) }
        if !finalizers.isEmpty { members["finalizers"] = .array(finalizers.map { .string($0) }) }
        if !ownerReferences.isEmpty { members["ownerReferences"] = .array(ownerReferences.map(\.json)) }
        return .object(members)
    }
}

extension ObjectMetadata: Codable {
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

extension OwnerReference {
    fileprivate static func list(_ value: JSONValue) throws(ObjectError) -> [OwnerReference] {
        guard case .array(let elements) = value else {
            throw .malformed("metadata.ownerReferences", "must be an array")
        }
        var result: [OwnerReference] = []
        for (index, element) in elements.enumerated() {
            result.append(try OwnerReference(element, at: "metadata.ownerReferences[\(index)]"))
        }
        return result
    }

    private init(_ value: JSONValue, at path: String) throws(ObjectError) {
        guard case .object(let members) = value else { throw .malformed(path, "must be an object") }
        func text(_ name: String) throws(ObjectError) -> String {
            switch members[name] {
            case .string(let text): return text
            case nil: throw .malformed("\(path).\(name)", "is missing")
            default: throw .malformed("\(path).\(name)", "must be a string")
            }
        }
        func flag(_ name: String) throws(ObjectError) -> Bool? {
            switch members[name] {
            case .bool(let flag): return flag
            case nil, .null: return nil
            default: throw .malformed("\(path).\(name)", "must be true or false")
            }
        }
        self.init(
            apiVersion: try text("apiVersion"), kind: try text("kind"), name: try text("name"), uid: try text("uid"),
            controller: try flag("controller"), blockOwnerDeletion: try flag("blockOwnerDeletion"))
    }

    var json: JSONValue {
        var members: [String: JSONValue] = [
            "apiVersion": .string(apiVersion), "kind": .string(kind), "name": .string(name), "uid": .string(uid),
        ]
        if let controller { members["controller"] = .bool(controller) }
        if let blockOwnerDeletion { members["blockOwnerDeletion"] = .bool(blockOwnerDeletion) }
        return .object(members)
    }
}

extension ObjectError {
    /// A field is not of the form that it must have.
    static func malformed(_ field: String, _ message: String) -> ObjectError {
        ObjectError(.badRequest, "\(field): \(message)", causes: [Cause(field, message)])
    }
}
