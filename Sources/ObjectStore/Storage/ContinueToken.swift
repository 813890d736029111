/// Where a page of a list ended: what a backend makes its `continueToken` of.
///
/// It names the last key that was shown, so that a page may be asked for at any later time, whatever has come and
/// gone in between, and the version of the first page, from which a watch misses nothing.
public struct ContinueToken: Sendable, Hashable {
    /// The resource version of the first page.
    public var resourceVersion: ResourceVersion
    /// The last key that was shown.
    public var after: ObjectKey

    /// The end of a page.
    public init(resourceVersion: ResourceVersion, after: ObjectKey) {
        self.resourceVersion = resourceVersion
        self.after = after
    }

    /// Reads what a client sent back.
    ///
    /// - Throws: `ObjectError.badRequest` where it is none.
    public init(parsing text: String) throws(ObjectError) {
        let parts = text.split(separator: "/", maxSplits: 4, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 5, let version = ResourceVersion(parts[0]) else {
            throw ObjectError(.badRequest, "the continue token is none of this store's; list again from the start")
        }
        resourceVersion = version
        after = ObjectKey(ObjectKind(group: parts[1], name: parts[2]), namespace: parts[3], name: parts[4])
    }

    /// How it is handed to clients.
    public var text: String {
        "\(resourceVersion)/\(after.kind.group)/\(after.kind.name)/\(after.namespace)/\(after.name)"
    }
}
