public import WorkTracking

/// A storage whose calls are counted, and refused while its component drains; what is wrapped changes nothing.
///
/// Reads enter the gate as `.read`, writes as `.write`; watches are its sessions. A call of admitted work is admitted
/// while the component drains. It binds no lineage of its own: give a storage that is itself made of tracked parts a
/// component for each part, and let the outer one depend on the inner.
public struct TrackedStorage<Wrapped: Storage>: Storage {
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

    /// The object with that key; nil where there is none.
    @inlinable
    public func get(_ key: ObjectKey) async throws -> Object? {
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

    /// Stores an object that is not there yet.
    @inlinable
    public func create(_ object: Object) async throws -> Object {
        try await gate.track("create", key: object.key.description, lineage: .leaf) {
            try await wrapped.create(object)
        }
    }

    /// Replaces an object.
    @inlinable
    public func update(_ object: Object, if preconditions: Preconditions) async throws -> Object {
        try await gate.track("update", key: object.key.description, lineage: .leaf) {
            try await wrapped.update(object, if: preconditions)
        }
    }

    /// Removes an object.
    @inlinable
    public func delete(_ key: ObjectKey, if preconditions: Preconditions) async throws -> Object {
        try await gate.track("delete", key: key.description, lineage: .leaf) {
            try await wrapped.delete(key, if: preconditions)
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

    /// The resource version of the last change.
    @inlinable
    public func currentVersion() async throws -> ResourceVersion {
        try await gate.track("version", access: .read, lineage: .leaf) { try await wrapped.currentVersion() }
    }

    /// Closes what is wrapped. Not counted: it comes when the component has drained.
    public func close() async throws { try await wrapped.close() }
}
