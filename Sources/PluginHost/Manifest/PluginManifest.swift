public import ObjectStore

/// What a plugin says about itself before it is started.
public struct PluginManifest: Sendable, Hashable {
    /// Its name: `mirror`; its component is `plugin/mirror`.
    public var name: String
    /// Its version, as its author counts.
    public var version: String
    /// One sentence; may be empty.
    public var summary: String
    /// The kinds that it reconciles.
    public var kinds: [ObjectKind]
    /// What it asks its configuration to grant.
    public var needs: [Grant]

    /// A manifest.
    public init(name: String, version: String, summary: String = "", kinds: [ObjectKind] = [], needs: [Grant] = []) {
        self.name = name
        self.version = version
        self.summary = summary
        self.kinds = kinds
        self.needs = needs
    }

    /// Whether it needs objects.
    public var needsObjects: Bool { !kinds.isEmpty || needs.contains { !$0.kinds.isEmpty } }

    /// Whether it needs records.
    public var needsRecords: Bool { needs.contains { !$0.topics.isEmpty } }

    /// The longest name of a plugin.
    private static let nameCountMax = 63

    /// Whether a plugin may be called so: letters, digits, `-` and `_`, at most 63, the first a letter or digit.
    public static func isName(_ name: String) -> Bool {
        let isWord = name.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2D
                || $0 == 0x5F
        }
        return isWord && (1...nameCountMax).contains(name.utf8.count) && !["-", "_"].contains(name.first)
    }
}

/// What is wrong in a manifest or a grant, with the field's name.
public struct FieldError: Error, Hashable {
    /// The field and what is wrong with it.
    public var message: String
}

extension PluginManifest {
    private static let members: Set<String> = ["name", "version", "description", "kinds", "needs"]

    /// Reads the JSON of a plugin's table.
    init(_ bytes: [UInt8]?) throws(FieldError) {
        guard let bytes else { throw FieldError(message: "there is none (manifest is NULL or longer than 64 KiB)") }
        let json: JSONValue
        do {
            json = try JSONValue(parsing: bytes)
        } catch {
            throw FieldError(message: "it is not JSON: \(error)")
        }
        guard let members = json.objectValue else { throw FieldError(message: "it is not a JSON object") }
        let fields = ManifestFields(members, in: "")
        try fields.refuseOthers(than: Self.members)
        name = try fields.text("name")
        guard Self.isName(name) else {
            throw FieldError(
                message: "name: '\(name.prefix(80))' is no name; use letters, digits, - and _, at most 63 of them")
        }
        version = try fields.text("version")
        guard !version.isEmpty, version.utf8.count <= 128 else {
            throw FieldError(message: "version: give one of 1 to 128 characters")
        }
        summary = try fields.optionalText("description") ?? ""
        kinds = try fields.kinds("kinds")
        needs = try Grant.read(fields.array("needs"), in: "needs")
    }
}

extension Grant {
    private static let members: Set<String> = ["kinds", "topics", "namespaces", "verbs"]

    /// Reads a list of grants, as manifests and configurations write it.
    public static func read(_ list: [JSONValue], in place: String) throws(FieldError) -> [Grant] {
        var grants: [Grant] = []
        for (index, element) in list.enumerated() {
            let place = "\(place)[\(index)]"
            guard let members = element.objectValue else { throw FieldError(message: "\(place): it is no object") }
            grants.append(try Grant(ManifestFields(members, in: "\(place).")))
        }
        return grants
    }

    private init(_ fields: ManifestFields) throws(FieldError) {
        try fields.refuseOthers(than: Self.members)
        kinds = try fields.texts("kinds")
        for kind in kinds where kind != "*" && ObjectKind(pluginText: kind) == nil {
            throw FieldError(
                message: "\(fields.place)kinds: '\(kind)' is no kind; write Topic, Widget.example.com or *")
        }
        topics = try fields.texts("topics")
        namespaces = try fields.texts("namespaces")
        verbs = []
        let known = (kinds.isEmpty ? [] : Verb.onObjects) + (topics.isEmpty ? [] : Verb.onTopics)
        guard !known.isEmpty else { throw FieldError(message: "\(fields.place)kinds: name kinds, or topics") }
        for text in try fields.texts("verbs") {
            guard let verb = Verb(rawValue: text), known.contains(verb) else {
                throw FieldError(
                    message: "\(fields.place)verbs: '\(text)' is not one of "
                        + known.map(\.rawValue).joined(separator: ", "))
            }
            verbs.append(verb)
        }
        guard !verbs.isEmpty else { throw FieldError(message: "\(fields.place)verbs: name at least one") }
    }
}

/// Typed access to the members of a JSON object; errors name the member.
struct ManifestFields {
    let members: [String: JSONValue]
    let place: String

    init(_ members: [String: JSONValue], in place: String) {
        self.members = members
        self.place = place
    }

    func refuseOthers(than known: Set<String>) throws(FieldError) {
        guard let other = members.keys.filter({ !known.contains($0) }).min() else { return }
        throw FieldError(
            message: "\(place)\(other): unknown field; there are \(known.sorted().joined(separator: ", "))")
    }

    func text(_ name: String) throws(FieldError) -> String {
        guard let text = try optionalText(name) else { throw FieldError(message: "\(place)\(name): it is missing") }
        return text
    }

    func optionalText(_ name: String) throws(FieldError) -> String? {
        guard let value = members[name] else { return nil }
        guard let text = value.stringValue else { throw FieldError(message: "\(place)\(name): it must be a string") }
        return text
    }

    func array(_ name: String) throws(FieldError) -> [JSONValue] {
        guard let value = members[name] else { return [] }
        guard let array = value.arrayValue else { throw FieldError(message: "\(place)\(name): it must be an array") }
        return array
    }

    func texts(_ name: String) throws(FieldError) -> [String] {
        var texts: [String] = []
        for (index, element) in try array(name).enumerated() {
            guard let text = element.stringValue, !text.isEmpty else {
                throw FieldError(message: "\(place)\(name)[\(index)]: it must be a string that is not empty")
            }
            texts.append(text)
        }
        return texts
    }

    func kinds(_ name: String) throws(FieldError) -> [ObjectKind] {
        var kinds: [ObjectKind] = []
        for (index, text) in try texts(name).enumerated() {
            guard let kind = ObjectKind(pluginText: text), !kinds.contains(kind) else {
                throw FieldError(
                    message: "\(place)\(name)[\(index)]: '\(text)' is no kind, or there twice; "
                        + "write Topic or Widget.example.com")
            }
            kinds.append(kind)
        }
        return kinds
    }
}
