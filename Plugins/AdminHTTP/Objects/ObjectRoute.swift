import HTTPTypes

/// What a path of the object API names: Kubernetes' layout, so that its clients find their way.
///
/// Core kinds are under `/api/v1`, others under `/apis/GROUP/VERSION`; objects with a namespace under
/// `/namespaces/NAMESPACE` of those.
enum ObjectRoute: Hashable, Sendable {
    /// `/version`.
    case version
    /// `/api`: the versions of the core kinds.
    case coreVersions
    /// `/apis`: the groups.
    case groups
    /// `/apis/GROUP`.
    case group(String)
    /// `/api/v1`, `/apis/GROUP/VERSION`: the kinds of a group.
    case kinds(GroupVersion)
    /// All objects of a kind, or those of one namespace.
    case collection(GroupVersion, plural: String, namespace: String?)
    /// One object, or its status.
    case object(GroupVersion, plural: String, namespace: String?, name: String, ObjectSubresource?)

    /// A group in one version.
    struct GroupVersion: Hashable, Sendable {
        /// Empty for the core kinds.
        var group: String
        var version: String

        /// `group/version`, or only the version for the core kinds.
        var text: String { group.isEmpty ? version : "\(group)/\(version)" }
    }

    /// A part of an object with a path of its own.
    enum ObjectSubresource: String, Hashable, Sendable {
        case status
    }

    /// The route of a path without its query; nil where there is none.
    init?(path: String) {
        var steps = path.split(separator: "/").map { $0.removingPercentEscapes() }[...]
        guard let root = steps.popFirst() else { return nil }
        switch (root, steps.count) {
        case ("version", 0): self = .version
        case ("api", 0): self = .coreVersions
        case ("apis", 0): self = .groups
        case ("apis", 1): self = .group(steps.removeFirst())
        case ("api", _): self.init(GroupVersion(group: "", version: steps.removeFirst()), steps)
        case ("apis", _):
            let group = steps.removeFirst()
            self.init(GroupVersion(group: group, version: steps.removeFirst()), steps)
        default: return nil
        }
    }

    /// The rest of a path behind group and version.
    private init?(_ group: GroupVersion, _ steps: ArraySlice<String>) {
        var steps = steps
        guard !steps.isEmpty else {
            self = .kinds(group)
            return
        }
        var namespace: String?
        // `namespaces/NAME` and `namespaces/NAME/status` are an object of the kind Namespace.
        let isNamespaceItself = steps.count <= 2 || (steps.count == 3 && steps.last == "status" && group.group.isEmpty)
        if steps.first == "namespaces", !isNamespaceItself {
            steps.removeFirst()
            namespace = steps.removeFirst()
        }
        let plural = steps.removeFirst()
        guard let name = steps.popFirst() else {
            self = .collection(group, plural: plural, namespace: namespace)
            return
        }
        let subresource = steps.popFirst().map { ObjectSubresource(rawValue: $0) }
        guard steps.isEmpty, subresource != .some(nil) else { return nil }
        self = .object(group, plural: plural, namespace: namespace, name: name, subresource ?? nil)
    }

    /// What may be done there.
    var methods: [HTTPRequest.Method] {
        switch self {
        case .version, .coreVersions, .groups, .group, .kinds: [.get, .head]
        case .collection: [.get, .head, .post, .delete]
        case .object(_, _, _, _, nil): [.get, .head, .put, .patch, .delete]
        case .object: [.get, .head, .put, .patch]
        }
    }

    /// How metrics call it: names are left out, so that there are only so many.
    var label: String {
        switch self {
        case .version: "/version"
        case .coreVersions, .groups, .group, .kinds: "/apis"
        case .collection, .object: "/apis/objects"
        }
    }
}
