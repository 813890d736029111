import ObjectStore

/// What the query of a request to the object API says.
struct ObjectQuery {
    var labels = LabelSelector.everything
    var fields = FieldSelector.everything
    var limit: Int?
    var continueToken: String?
    var isWatch = false
    var resourceVersion: ResourceVersion?
    var wantsBookmarks = false
    var timeout: Duration?
    var propagation: DeleteOptions.Propagation?

    /// Reads a query; parameters that are not known are left alone, as Kubernetes does, but for those that would do
    /// more than was meant.
    init(_ query: String?) throws(ObjectError) {
        for parameter in (query ?? "").split(separator: "&") {
            let parts = parameter.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            // Go's and Python's clients write a blank as `+`, and a plus as `%2B`.
            let words = parts.map { $0.replacing("+", with: " ").removingPercentEscapes() }
            let text = words.count > 1 ? words[1] : ""
            switch words[0] {
            case "labelSelector": labels = try LabelSelector(parsing: text)
            case "fieldSelector": fields = try FieldSelector(parsing: text)
            case "limit": limit = try Self.positive(text, "limit")
            case "continue": continueToken = text.isEmpty ? nil : text
            case "watch": isWatch = text == "true" || text == "1"
            case "allowWatchBookmarks": wantsBookmarks = text == "true" || text == "1"
            case "timeoutSeconds": timeout = try Self.positive(text, "timeoutSeconds").map { .seconds($0) }
            case "resourceVersion": resourceVersion = try Self.version(text)
            case "propagationPolicy": propagation = try Self.propagation(text)
            case "dryRun" where !text.isEmpty:
                throw ObjectError(.badRequest, "dryRun is not supported here; leave it out")
            default: break
            }
        }
    }

    /// The objects that are meant.
    func selection(_ kind: ObjectKind, namespace: String?) -> ObjectSelection {
        ObjectSelection(kind: kind, namespace: namespace, labels: labels, fields: fields)
    }

    /// Kubernetes' words for what becomes of the objects that are owned.
    static func propagation(_ text: String) throws(ObjectError) -> DeleteOptions.Propagation {
        guard let policy = DeleteOptions.Propagation(rawValue: text) else {
            throw ObjectError(
                .badRequest, "propagationPolicy is '\(text)'; it must be Background, Foreground or Orphan")
        }
        return policy
    }

    private static func positive(_ text: String, _ name: String) throws(ObjectError) -> Int? {
        guard let number = Int(text), number >= 0 else {
            throw ObjectError(.badRequest, "\(name) is '\(text)'; it must be a whole number, 0 for none")
        }
        return number == 0 ? nil : number
    }

    private static func version(_ text: String) throws(ObjectError) -> ResourceVersion? {
        if text.isEmpty || text == "0" { return nil }
        guard let version = ResourceVersion(text) else {
            throw ObjectError(
                .badRequest, "resourceVersion is '\(text)'; it must be one that this store gave, such as that of a list"
            )
        }
        return version
    }
}
