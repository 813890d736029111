extension ObjectPatch {
    /// The object as the patch makes it; only the part that is meant differs, and nothing is stored.
    ///
    /// A resource version or a uid that the patch sets is the result's: whoever stores it checks them.
    ///
    /// - Throws: `ObjectError.badRequest` for a malformed patch, or one that would make another object of it;
    ///   `ObjectError.invalid` where an operation cannot be made.
    public func applied(to object: Object, _ part: ObjectPart) throws(ObjectError) -> Object {
        let patched = try whole(object, part)
        try Self.check(patched, is: object)
        var result: Object
        switch part {
        case .main:
            result = patched
            result.status = object.status
        case .status:
            result = object
            result.status = patched.status
            result.metadata.resourceVersion = patched.metadata.resourceVersion
            result.metadata.uid = patched.metadata.uid
        }
        if JSONValue.object(result.content).isDeeper(than: JSONLimits.standard.depthMax - 1) {
            throw ObjectError(
                .badRequest, "the patch would nest the object more than \(JSONLimits.standard.depthMax) levels deep")
        }
        return result
    }

    private func whole(_ object: Object, _ part: ObjectPart) throws(ObjectError) -> Object {
        switch self {
        case .merge(let patch):
            guard case .object = patch else { throw ObjectError(.badRequest, "a merge patch is a JSON object") }
            return try Object(object.json.merged(with: patch))
        case .json(let operations):
            return try Object(JSONPatch(operations).applied(to: object.json))
        case .apply(let wanted):
            switch part {
            case .main: return try object.applying(wanted)
            case .status: return try Self.applyingStatus(of: wanted, to: object)
            }
        }
    }

    /// A wish for the status is not kept: what a controller found is not what somebody wants.
    private static func applyingStatus(of wanted: Object, to object: Object) throws(ObjectError) -> Object {
        try check(wanted, is: object)
        var result = object
        if let status = wanted.status { result.status = (object.status ?? .null).applying(status, last: nil) }
        if let version = wanted.metadata.resourceVersion { result.metadata.resourceVersion = version }
        if !wanted.metadata.uid.isEmpty { result.metadata.uid = wanted.metadata.uid }
        return result
    }

    private static func check(_ patched: Object, is object: Object) throws(ObjectError) {
        func compare(_ field: String, _ new: String, _ old: String) throws(ObjectError) {
            guard new != old else { return }
            throw .malformed(field, "cannot be changed from '\(old)' to '\(new)': make another object")
        }
        try compare("kind", patched.kind, object.kind)
        try compare("apiVersion", patched.objectKind.group, object.objectKind.group)
        try compare("metadata.name", patched.metadata.name, object.metadata.name)
        try compare("metadata.namespace", patched.metadata.namespace, object.metadata.namespace)
    }
}
