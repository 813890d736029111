public import WorkTracking

/// Objects whose use is counted, and refused while their component drains; what is wrapped changes nothing.
///
/// Reads enter the gate as `.read`, writes as `.write`; watches are its sessions. A call of admitted work (a reconcile,
/// a request) is admitted while the component drains, so that what was begun is finished.
public struct TrackedAccess<Wrapped: ObjectAccess>: ObjectAccess {
    /// What does the work.
    public let wrapped: Wrapped
    /// What admits and counts it.
    public let gate: Gate
    private let watches = OpenWatches()

    /// Calls of `wrapped` as work of `gate`.
    public init(_ wrapped: Wrapped, gate: Gate) {
        self.wrapped = wrapped
        self.gate = gate
    }

    /// Ends the open watches: their streams end. What a component does when it drains (`Component.drain`).
    public func endWatches() { watches.endAll() }

    /// The object.
    @inlinable
    public func get(_ key: ObjectKey) async throws -> Object {
        try await gate.track("get", key: key.description, access: .read, lineage: .leaf) {
            try await wrapped.get(key)
        }
    }

    /// The objects that a query selects.
    @inlinable
    public func list(_ query: ListQuery) async throws -> ObjectPage {
        try await gate.track("list", key: query.selection.kind?.description, access: .read, lineage: .leaf) {
            try await wrapped.list(query)
        }
    }

    /// Stores a new object.
    @inlinable
    public func create(_ object: Object) async throws -> Object {
        try await gate.track("create", key: object.key.description, lineage: .leaf) {
            try await wrapped.create(object)
        }
    }

    /// Replaces an object, or one part of it.
    @inlinable
    public func update(_ object: Object, _ part: ObjectPart) async throws -> Object {
        try await gate.track("update", key: object.key.description, lineage: .leaf) {
            try await wrapped.update(object, part)
        }
    }

    /// Changes an object as the patch says.
    @inlinable
    public func patch(_ key: ObjectKey, _ patch: ObjectPatch, _ part: ObjectPart) async throws -> Object {
        try await gate.track("patch", key: key.description, lineage: .leaf) {
            try await wrapped.patch(key, patch, part)
        }
    }

    /// Asks for an object to go.
    @inlinable
    public func delete(_ key: ObjectKey, _ options: DeleteOptions) async throws -> Object {
        try await gate.track("delete", key: key.description, lineage: .leaf) {
            try await wrapped.delete(key, options)
        }
    }

    /// The changes after a version; a session from its opening to its end.
    public func watch(_ query: WatchQuery, after version: ResourceVersion) async throws -> WatchStream {
        try await watches.watch(gate) {
            try await gate.track("watch", key: query.selection.kind?.description, access: .read, lineage: .leaf) {
                try await wrapped.watch(query, after: version)
            }
        }
    }

    /// What is known of kinds.
    @inlinable
    public func kinds() async throws -> [KindDefinition] {
        try await gate.track("kinds", access: .read, lineage: .leaf) { try await wrapped.kinds() }
    }
}
