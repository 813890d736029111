extension Object {
    /// The annotation that keeps what the last apply wanted, as JSON.
    public static let lastAppliedAnnotation = "weir/last-applied-configuration"

    /// The object as its first apply creates it: with what was wanted as an annotation.
    public func recordingApplied() -> Object {
        var object = self
        object.metadata.annotations[Self.lastAppliedAnnotation] = appliedConfiguration.text
        return object
    }

    /// What an apply wants: all but the status, and but what only the store writes.
    private var appliedConfiguration: JSONValue {
        var wanted = self
        wanted.status = nil
        wanted.metadata.annotations[Self.lastAppliedAnnotation] = nil
        wanted.metadata.uid = ""
        wanted.metadata.resourceVersion = nil
        wanted.metadata.generation = 0
        wanted.metadata.creationTimestamp = nil
        wanted.metadata.deletionTimestamp = nil
        return wanted.json
    }

    /// The object with what an apply wants of it, and without what the last one wanted and this one does not.
    ///
    /// What neither of them names stays as it is. Arrays are one thing. A resource version and a uid that the wish has
    /// become the result's, for whoever stores it to check.
    func applying(_ wanted: Object) throws(ObjectError) -> Object {
        var last = JSONValue.object([:])
        if let text = metadata.annotations[Self.lastAppliedAnnotation] {
            // What somebody else wrote there, and is no JSON, names nothing.
            if let recorded = try? JSONValue(parsing: text) { last = recorded }
        }
        let wish = wanted.appliedConfiguration
        var result = try Object(json.applying(wish, last: last))
        result.metadata.annotations[Self.lastAppliedAnnotation] = wish.text
        if let version = wanted.metadata.resourceVersion { result.metadata.resourceVersion = version }
        if !wanted.metadata.uid.isEmpty { result.metadata.uid = wanted.metadata.uid }
        return result
    }
}

extension JSONValue {
    /// The value with all members of `wanted`, and without those that only `last` has. Null wants no member.
    func applying(_ wanted: JSONValue, last: JSONValue?) -> JSONValue {
        guard case .object(let wanted) = wanted else { return wanted }
        var members = objectValue ?? [:]
        for (name, lastValue) in last?.objectValue ?? [:] where wanted[name] == nil {
            members[name] = members[name]?.removing(lastValue)
        }
        for (name, value) in wanted {
            if value == .null {
                members.removeValue(forKey: name)
            } else {
                members[name] = (members[name] ?? .null).applying(value, last: last?[name])
            }
        }
        return .object(members)
    }

    /// The value without the members of `last`; nil where nothing is left of it.
    private func removing(_ last: JSONValue) -> JSONValue? {
        guard case .object(var members) = self, case .object(let lastMembers) = last else { return nil }
        for (name, lastValue) in lastMembers { members[name] = members[name]?.removing(lastValue) }
        guard !members.isEmpty else { return nil }
        return .object(members)
    }
}
