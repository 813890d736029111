extension Object {
    /// An object with what a typed one has: its metadata, its other members, and the kind that its type says.
    ///
    /// - Throws: An `EncodingError` where a member has no JSON form.
    public init(_ resource: some Resource) throws {
        let definition = type(of: resource).definition
        let encoder = ValueEncoder(EncodedNode(), .root, leavesOutMetadata: true)
        try resource.encode(to: encoder)
        var content = encoder.node.result?.objectValue ?? [:]
        for name in ["apiVersion", "kind", "metadata"] { content[name] = nil }
        self.init(
            apiVersion: definition.apiVersion, kind: definition.kind.name, metadata: resource.metadata,
            content: content)
    }

    /// The object as its type has it; members that the type does not know are left out.
    ///
    /// - Throws: `ObjectError.badRequest` where it is of another kind, `ObjectError.invalid` where a member is missing
    ///   or is not as the type wants it; both say which.
    public func decoded<R: Resource>(as type: R.Type) throws -> R {
        let wanted = R.definition.kind
        guard objectKind == wanted else {
            throw ObjectError(
                .badRequest, "\(objectKind) '\(metadata.name)' is read as a \(wanted): its kind is another one")
        }
        var members = content
        members["apiVersion"] = .string(apiVersion)
        members["kind"] = .string(kind)
        do {
            return try R(from: ValueDecoder(.object(members), .root, metadata: metadata))
        } catch let error as DecodingError {
            throw ObjectError.invalid(key, [ObjectError.Cause(error)])
        }
    }
}

extension ObjectError.Cause {
    /// What was wrong when a value was decoded.
    fileprivate init(_ error: DecodingError) {
        let context: DecodingError.Context
        switch error {
        case .typeMismatch(_, let found), .valueNotFound(_, let found), .keyNotFound(_, let found),
            .dataCorrupted(let found):
            context = found
        @unknown default:
            self.init("", "\(error)")
            return
        }
        self.init(context.codingPath.fieldPath, context.debugDescription)
    }
}
