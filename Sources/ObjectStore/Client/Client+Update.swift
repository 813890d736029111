/// Reading, changing and writing back, as often as somebody else comes in between.
extension Client {
    /// How often a change is tried until it gives up with the conflict: each time somebody else was faster.
    static let attemptsMax = 32

    /// Changes all but the status of an object: reads it, lets `mutate` change it, and writes it back.
    ///
    /// Where somebody else changed it in between it is read again and `mutate` runs again, on what is there now. Where
    /// nothing changes, nothing is written. Members that the type does not know stay as they are (in arrays that
    /// change: only those of the array's owner).
    ///
    /// - Throws: `.notFound`; `.conflict` after 32 attempts; what `mutate` throws.
    @discardableResult
    public func update<R: Resource>(
        _ type: R.Type, _ name: String, in namespace: String? = nil, _ mutate: (inout R) throws -> Void
    ) async throws -> R {
        try await change(key(type, name, in: namespace), .main, mutate)
    }

    /// Changes the status of an object, and nothing else, as `update(_:_:in:_:)` does.
    @discardableResult
    public func updateStatus<R: Resource>(
        _ type: R.Type, _ name: String, in namespace: String? = nil, _ mutate: (inout R) throws -> Void
    ) async throws -> R {
        try await change(key(type, name, in: namespace), .status, mutate)
    }

    /// What `createOrUpdate` did.
    public enum WriteOutcome: Sendable, Hashable {
        /// There was none.
        case created
        /// It was not as it should be.
        case updated
        /// It was as it should be.
        case unchanged
    }

    /// Makes sure that there is an object, and that it is as `mutate` makes it.
    ///
    /// `mutate` runs on what is stored, or on `resource` where nothing is, and again where somebody else came in
    /// between. Of a stored object all but the status is written.
    ///
    /// - Returns: The object, and what was done.
    @discardableResult
    public func createOrUpdate<R: Resource>(
        _ resource: R, _ mutate: (inout R) throws -> Void
    ) async throws -> (resource: R, outcome: WriteOutcome) {
        let key = try object(resource).key
        return try await retrying([.conflict, .alreadyExists, .notFound]) {
            guard let stored = try await find(key) else {
                var wanted = resource
                try mutate(&wanted)
                return (try await create(wanted), .created)
            }
            let changed = try stored.changed(as: R.self, mutate)
            guard changed != stored else { return (try stored.decoded(as: R.self), .unchanged) }
            return (try await objects.update(changed, .main).decoded(as: R.self), .updated)
        }
    }

    private func find(_ key: ObjectKey) async throws -> Object? {
        do {
            return try await objects.get(key)
        } catch let error as ObjectError where error.reason == .notFound {
            return nil
        }
    }

    private func change<R: Resource>(
        _ key: ObjectKey, _ part: ObjectPart, _ mutate: (inout R) throws -> Void
    ) async throws -> R {
        try await retrying([.conflict]) {
            let stored = try await objects.get(key)
            let changed = try stored.changed(as: R.self, mutate)
            guard changed != stored else { return try stored.decoded(as: R.self) }
            return try await objects.update(changed, part).decoded(as: R.self)
        }
    }

    /// Runs `body` until nobody came in between: each such error is somebody else's success.
    private func retrying<Value>(
        _ reasons: Set<ObjectError.Reason>, _ body: () async throws -> Value
    ) async throws -> Value {
        for _ in 1..<Self.attemptsMax {
            do {
                return try await body()
            } catch let error as ObjectError where reasons.contains(error.reason) {
                try Task.checkCancellation()
            }
        }
        return try await body()
    }
}

extension Object {
    /// This object with what `mutate` changes of its typed form; what the type does not know stays.
    func changed<R: Resource>(as type: R.Type, _ mutate: (inout R) throws -> Void) throws -> Object {
        var resource = try decoded(as: type)
        let before = try Object(resource)
        try mutate(&resource)
        let after = try Object(resource)
        var changed = self
        changed.metadata = after.metadata
        let content = JSONValue.object(content)
            .changed(from: .object(before.content), to: .object(after.content))
        changed.content = content.objectValue ?? [:]
        return changed
    }
}

extension JSONValue {
    /// This value with what is different in `new` from `old`, member by member; what neither has stays.
    func changed(from old: JSONValue, to new: JSONValue) -> JSONValue {
        if old == new { return self }
        guard case .object(let old) = old, case .object(let new) = new, case .object(var members) = self else {
            return new
        }
        for (name, value) in new {
            guard let before = old[name], let stored = members[name] else {
                members[name] = value
                continue
            }
            members[name] = stored.changed(from: before, to: value)
        }
        for name in old.keys where new[name] == nil { members[name] = nil }
        return .object(members)
    }
}
