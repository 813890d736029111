/// Objects that contain others, and go only when those are gone: namespaces, and the definitions of custom kinds.
enum ContentsRules {
    static let namespace = ObjectKind(group: "", name: "Namespace")

    /// What holds an object of this key back until its contents are gone; nil where it contains nothing.
    ///
    /// - Throws: `ObjectError.forbidden` for the default namespace, which objects without one are put in.
    static func finalizer(ofDeleted key: ObjectKey) throws(ObjectError) -> String? {
        switch key.kind {
        case namespace:
            guard key.name != ObjectStore.defaultNamespace else {
                throw ObjectError(.forbidden, "the namespace '\(key.name)' may not be deleted: delete what is in it")
            }
            return Finalizers.contents
        case CustomKinds.kind:
            return Finalizers.contents
        default:
            return nil
        }
    }

    /// What an object contains; nil where it is no container, or does not say what it contains.
    static func selection(of container: Object) -> ObjectSelection? {
        switch container.objectKind {
        case namespace: ObjectSelection(namespace: container.metadata.name)
        case CustomKinds.kind: (try? CustomKinds.definition(of: container)).map { ObjectSelection(kind: $0.kind) }
        default: nil
        }
    }
}
