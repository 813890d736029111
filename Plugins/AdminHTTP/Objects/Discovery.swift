import ObjectStore

/// What kinds there are, in the documents that Kubernetes' clients look for.
struct Discovery {
    let kinds: [KindDefinition]

    /// `GET /version`: the version of the API that the paths follow.
    static let version: JSONValue = [
        "major": "1", "minor": "20", "gitVersion": "v1.20.0-weir", "platform": "linux",
        // Python's client refuses a version without these.
        "gitCommit": "", "gitTreeState": "clean", "buildDate": "1970-01-01T00:00:00Z", "goVersion": "",
        "compiler": "swift",
    ]

    /// `GET /api`.
    static let coreVersions: JSONValue = ["kind": "APIVersions", "versions": ["v1"]]

    /// `GET /apis`.
    var groups: JSONValue {
        let names = Set(kinds.map(\.kind.group)).subtracting([""]).sorted()
        return ["kind": "APIGroupList", "apiVersion": "v1", "groups": .array(names.compactMap(group))]
    }

    /// `GET /apis/GROUP`; nil where there is no such group.
    func group(_ name: String) -> JSONValue? {
        let versions = Set(kinds.filter { $0.kind.group == name }.map(\.version)).sorted()
        guard let first = versions.first else { return nil }
        let entry = { (version: String) -> JSONValue in
            ["groupVersion": .string("\(name)/\(version)"), "version": .string(version)]
        }
        return [
            "kind": "APIGroup", "apiVersion": "v1", "name": .string(name), "versions": .array(versions.map(entry)),
            "preferredVersion": entry(first),
        ]
    }

    /// `GET /api/v1`, `GET /apis/GROUP/VERSION`; nil where there is no such group.
    func resources(_ group: ObjectRoute.GroupVersion) -> JSONValue? {
        let found = kinds.filter { $0.kind.group == group.group && $0.version == group.version }
        guard !found.isEmpty else { return nil }
        let entries = found.sorted { $0.plural < $1.plural }.flatMap { kind -> [JSONValue] in
            let isShown = kind.kind == ComponentObject.definition.kind
            let verbs: JSONValue =
                isShown
                ? ["get", "list"]
                : ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
            var entry: JSONValue = [
                "name": .string(kind.plural), "singularName": .string(kind.singular), "kind": .string(kind.kind.name),
                "namespaced": .bool(kind.scope == .namespaced), "verbs": verbs,
            ]
            if !kind.shortNames.isEmpty { entry["shortNames"] = .array(kind.shortNames.map { .string($0) }) }
            if isShown { return [entry] }
            let status: JSONValue = [
                "name": .string("\(kind.plural)/status"), "singularName": "", "kind": .string(kind.kind.name),
                "namespaced": .bool(kind.scope == .namespaced), "verbs": ["get", "patch", "update"],
            ]
            return [entry, status]
        }
        return [
            "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": .string(group.text),
            "resources": .array(entries),
        ]
    }

    /// The kind that a path's plural stands for.
    func kind(_ group: ObjectRoute.GroupVersion, plural: String) throws(ObjectError) -> KindDefinition {
        let found = kinds.first {
            $0.plural == plural && $0.kind.group == group.group && $0.version == group.version
        }
        guard let found else {
            throw ObjectError(
                .notFound,
                "there are no '\(plural)' in \(group.text); `weir kinds` lists the kinds that there are, and a "
                    + "CustomResourceDefinition adds one")
        }
        return found
    }
}
