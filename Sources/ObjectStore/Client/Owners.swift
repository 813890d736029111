/// Owners: the objects that one goes with.
extension ObjectMetadata {
    /// The owner that manages the object, if there is one.
    public var controller: OwnerReference? { ownerReferences.first { $0.controller == true } }

    /// Whether the object goes with another one, among others.
    public func isOwned(by owner: ObjectMetadata) -> Bool {
        ownerReferences.contains { $0.uid == owner.uid }
    }

    /// Makes an owner the one that manages the object; does nothing where it is.
    ///
    /// - Throws: `AlreadyOwned` where another one manages it.
    public mutating func setController(_ owner: OwnerReference) throws(AlreadyOwned) {
        if let controller, controller.uid != owner.uid {
            throw AlreadyOwned(name: name, namespace: namespace, controller: controller)
        }
        var reference = owner
        reference.controller = true
        setOwner(reference)
    }

    /// Makes the object go with an owner; one of the same uid is replaced.
    public mutating func setOwner(_ owner: OwnerReference) {
        if let index = ownerReferences.firstIndex(where: { $0.uid == owner.uid }) {
            ownerReferences[index] = owner
        } else {
            ownerReferences.append(owner)
        }
    }

    /// Takes an owner away.
    ///
    /// - Returns: Whether it was one: then the object has to be written.
    @discardableResult
    public mutating func removeOwner(uid: String) -> Bool {
        let count = ownerReferences.count
        ownerReferences.removeAll { $0.uid == uid }
        return ownerReferences.count != count
    }
}

extension Resource {
    /// Makes `owner` the one that manages this object, which goes when the owner goes and keeps the owner until then.
    ///
    /// An object that names no namespace gets the owner's.
    ///
    /// - Throws: `AlreadyOwned` where another one manages it; `ObjectError.invalid` where the owner is not stored, or
    ///   lives in another namespace.
    public mutating func setControllerReference(_ owner: some Resource) throws {
        var reference = try ownerReference(owner)
        reference.blockOwnerDeletion = true
        try metadata.setController(reference)
    }

    /// Makes this object go when `owner` goes, whoever manages it.
    ///
    /// An object that names no namespace gets the owner's.
    ///
    /// - Throws: `ObjectError.invalid` where the owner is not stored, or lives in another namespace.
    public mutating func setOwnerReference(_ owner: some Resource) throws {
        // Who manages the object goes on to.
        var reference = try ownerReference(owner)
        reference.controller = metadata.ownerReferences.first { $0.uid == reference.uid }?.controller
        metadata.setOwner(reference)
    }

    private mutating func ownerReference<Owner: Resource>(_ owner: Owner) throws(ObjectError) -> OwnerReference {
        let definition = Owner.definition
        let key = ObjectKey(Self.definition.kind, namespace: metadata.namespace, name: metadata.name)
        let described = "\(definition.kind) '\(owner.metadata.name)'"
        guard !owner.metadata.uid.isEmpty else {
            throw .invalid(
                key, [.init("metadata.ownerReferences", "\(described) has no uid: it has to be stored before it owns")])
        }
        if definition.scope == .namespaced {
            guard Self.definition.scope == .namespaced else {
                throw .invalid(
                    key,
                    [.init("metadata.ownerReferences", "\(described) has a namespace: it cannot own what has none")])
            }
            if metadata.namespace.isEmpty { metadata.namespace = owner.metadata.namespace }
            guard metadata.namespace == owner.metadata.namespace else {
                throw .invalid(
                    key,
                    [.init("metadata.ownerReferences", "\(described) is in namespace '\(owner.metadata.namespace)'")])
            }
        }
        return OwnerReference(
            apiVersion: definition.apiVersion, kind: definition.kind.name, name: owner.metadata.name,
            uid: owner.metadata.uid)
    }
}

/// An object is managed by another owner already: at most one manages it.
public struct AlreadyOwned: Error, Hashable, CustomStringConvertible {
    /// The object's name.
    public var name: String
    /// Its namespace; empty where it has none.
    public var namespace: String
    /// Who manages it.
    public var controller: OwnerReference

    /// One sentence.
    public var description: String {
        let place = namespace.isEmpty ? "" : " in namespace '\(namespace)'"
        return "'\(name)'\(place) is managed by \(controller.kind) '\(controller.name)' already"
    }
}
