/// What becomes of an object when somebody writes: Kubernetes' rules, as functions of values.
enum WriteRules {
    /// What a write comes to.
    enum Outcome: Equatable {
        /// Nothing would change: nothing is written.
        case unchanged
        /// This is stored.
        case store(Object)
        /// Nothing holds the object back any more: it is removed, and was this.
        case remove(Object)
    }

    /// What of an object is not as it is stored.
    struct Changes: OptionSet, Equatable {
        let rawValue: UInt8

        static let none: Changes = []
        static let metadata = Changes(rawValue: 1)
        static let status = Changes(rawValue: 2)
        /// Members beside metadata and status.
        static let wanted = Changes(rawValue: 4)
        /// The `apiVersion`, or the kind.
        static let type = Changes(rawValue: 8)
        static let all: Changes = [.metadata, .status, .wanted, .type]

        /// Whether members beside the metadata differ.
        var isContent: Bool { contains(.wanted) || contains(.status) }
    }

    /// What of `next` is not as it is stored; all of it where nothing is.
    static func changes(_ next: Object, _ stored: Object?) -> Changes {
        guard let stored else { return .all }
        var changes = Changes.none
        if next.metadata != stored.metadata { changes.insert(.metadata) }
        if next.status != stored.status { changes.insert(.status) }
        if !next.content.isSame(as: stored.content, but: "status") { changes.insert(.wanted) }
        if next.apiVersion != stored.apiVersion || next.kind != stored.kind { changes.insert(.type) }
        return changes
    }

    /// An object as it is first stored: with a uid, generation 1, and no status, which others write.
    static func created(_ wanted: Object, uid: String, now: Timestamp) -> Object {
        var created = wanted
        created.metadata.uid = uid
        created.metadata.resourceVersion = nil
        created.metadata.generation = 1
        created.metadata.creationTimestamp = now
        created.metadata.deletionTimestamp = nil
        if created.status != nil { created.status = nil }
        return created
    }

    /// What is stored, with the part of it replaced that a writer writes.
    ///
    /// What the writer leaves out of the metadata that nobody may change stays as it is.
    /// - Returns: That, and what of it is not as it is stored.
    /// - Throws: `ObjectError.invalid` where it would change such metadata.
    static func replaced(
        _ part: ObjectPart, of stored: Object, with wanted: Object
    ) throws(ObjectError) -> (object: Object, changes: Changes) {
        let status = stored.status
        guard part == .main else {
            let wantedStatus = wanted.status
            guard wantedStatus != status else { return (stored, .none) }
            var next = stored
            next.status = wantedStatus
            return (next, .status)
        }
        var next = wanted
        if status != nil || next.status != nil { next.status = status }
        let old = stored.metadata
        if next.metadata.uid.isEmpty { next.metadata.uid = old.uid }
        if next.metadata.creationTimestamp == nil { next.metadata.creationTimestamp = old.creationTimestamp }
        if next.metadata.deletionTimestamp == nil { next.metadata.deletionTimestamp = old.deletionTimestamp }
        var changed: [String] = []
        if next.metadata.uid != old.uid { changed.append("uid") }
        if next.metadata.creationTimestamp != old.creationTimestamp { changed.append("creationTimestamp") }
        if next.metadata.deletionTimestamp != old.deletionTimestamp { changed.append("deletionTimestamp") }
        if !next.isSame(as: stored) { changed.append("name") }
        guard changed.isEmpty else {
            throw .invalid(stored.key, changed.map { ObjectError.Cause("metadata.\($0)", "may not be changed") })
        }
        next.metadata.generateName = old.generateName
        next.metadata.generation = old.generation
        next.metadata.resourceVersion = old.resourceVersion
        return (next, changes(next, stored))
    }

    /// What writing `next` over `stored` comes to, once `next` is complete.
    ///
    /// - Parameter changes: What of `next` is not as it is stored.
    /// - Throws: `ObjectError.invalid` where an object that is to go gets new finalizers.
    static func outcome(
        of next: Object, over stored: Object, _ changes: Changes
    ) throws(ObjectError) -> Outcome {
        guard changes != .none else { return .unchanged }
        var next = next
        if stored.metadata.isBeingDeleted {
            let added = next.metadata.finalizers.filter { !stored.metadata.finalizers.contains($0) }
            guard added.isEmpty else {
                throw .invalid(
                    stored.key,
                    [
                        ObjectError.Cause(
                            "metadata.finalizers",
                            "\(added.joined(separator: ", ")) may not be added: the object is being deleted")
                    ])
            }
            if next.metadata.finalizers.isEmpty { return .remove(next) }
        }
        if changes.contains(.wanted) || next.apiVersion != stored.apiVersion {
            next.metadata.generation = stored.metadata.generation + 1
        }
        return .store(next)
    }

    /// What a deletion comes to.
    ///
    /// - Parameter ownFinalizer: What holds the kind's objects back until their contents are gone; nil for most.
    static func deletion(
        of stored: Object, _ propagation: DeleteOptions.Propagation, ownFinalizer: String? = nil, now: Timestamp
    ) -> Outcome {
        var next = stored
        switch propagation {
        case .background: break
        case .foreground: next.metadata.finalizers.exchange(Finalizers.orphan, for: Finalizers.foreground)
        case .orphan: next.metadata.finalizers.exchange(Finalizers.foreground, for: Finalizers.orphan)
        }
        if let ownFinalizer, !stored.metadata.isBeingDeleted, !next.metadata.finalizers.contains(ownFinalizer) {
            next.metadata.finalizers.append(ownFinalizer)
        }
        guard !next.metadata.finalizers.isEmpty else { return .remove(stored) }
        if !stored.metadata.isBeingDeleted {
            next.metadata.deletionTimestamp = now
            next.metadata.generation += 1
        }
        return next == stored ? .unchanged : .store(next)
    }
}

extension Object {
    /// Whether both have the same key, without making it.
    fileprivate func isSame(as other: Object) -> Bool {
        metadata.name == other.metadata.name && metadata.namespace == other.metadata.namespace && kind == other.kind
            && (apiVersion == other.apiVersion || objectKind == other.objectKind)
    }
}

/// The finalizers of the store itself; the garbage collector works them off.
public enum Finalizers {
    /// The object goes when those that it owns, and that block it, are gone.
    public static let foreground = "foregroundDeletion"
    /// The object goes when those that it owns are without owner.
    public static let orphan = "orphan"
    /// The object goes when what is in it is gone: a namespace's objects, a custom kind's objects.
    public static let contents = "weir/contents"
}

extension [String] {
    /// Takes one out and puts another one in, if that is not there.
    fileprivate mutating func exchange(_ old: String, for new: String) {
        removeAll { $0 == old }
        if !contains(new) { append(new) }
    }
}

extension [String: JSONValue] {
    /// Whether both have the same members, but for one.
    fileprivate func isSame(as other: Self, but name: String) -> Bool {
        guard count - (self[name] == nil ? 0 : 1) == other.count - (other[name] == nil ? 0 : 1) else { return false }
        return allSatisfy { $0.key == name || other[$0.key] == $0.value }
    }
}
