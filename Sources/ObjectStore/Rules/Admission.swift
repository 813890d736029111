/// What a kind's owner has to say before one of its objects is stored or deleted: rules that a schema cannot express.
public protocol Admission: Sendable {
    /// The kind.
    var kind: ObjectKind { get }

    /// The object as it may be stored, with defaults filled in. Called inside of the write: neither waits nor calls out.
    ///
    /// - Parameters:
    ///   - object: What somebody wants to store.
    ///   - stored: What is there; nil at a creation.
    /// - Throws: `ObjectError.invalid`, which names the fields.
    func admit(_ object: Object, replacing stored: Object?) throws(ObjectError) -> Object

    /// Returns where somebody may delete what is stored, which is the default. Called inside of the write: neither
    /// waits nor calls out.
    ///
    /// - Throws: `ObjectError.forbidden`, with what to do instead.
    func admitDeletion(of stored: Object) throws(ObjectError)
}

extension Admission {
    /// Lets everything go.
    public func admitDeletion(of stored: Object) throws(ObjectError) {}
}
