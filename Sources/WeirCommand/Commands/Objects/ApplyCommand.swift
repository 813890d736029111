import ArgumentParser
import NIOHTTP1
import ObjectStore

/// Where objects are described.
struct FileOptions: ParsableArguments {
    @Option(
        name: [.customShort("f"), .customLong("filename")],
        help: ArgumentHelp("A file, a folder, or - for standard input; may be repeated.", valueName: "file"))
    var files: [String] = []
    @Flag(name: [.customShort("R"), .long], help: "Folders with what is in their folders.") var recursive = false

    func documents() throws -> [Manifests.Document] { try Manifests.read(files, recursive: recursive) }
}

/// An object of a file, and where it is or shall be at the node.
struct PlacedObject {
    var kind: ServedKind
    var object: JSONValue
    var name: String
    var namespace: String

    var path: String { kind.path(namespace: namespace, name: name) }
    var title: String { kind.title(name) }

    /// Finds the kind of a document; one that was defined a moment ago is waited for.
    init(_ document: Manifests.Document, _ namespace: String?, _ client: ObjectClient) async throws {
        let word = document.object["kind"]?.stringValue ?? ""
        let version = document.object["apiVersion"]?.stringValue ?? ""
        let kinds = try await client.kinds()
        guard let kind = kinds.first(where: { $0.name == word && $0.apiVersion == version }) else {
            let known = kinds.first { $0.name == word }.map { "; '\(word)' is of \($0.apiVersion)" }
            throw UsageError.failed(
                "\(document.place): no kind '\(word)' in '\(version)'"
                    + (known ?? "; `weir kinds` lists those there are, a CustomResourceDefinition adds one"))
        }
        self.kind = kind
        object = document.object
        let metadata = document.object["metadata"]
        guard let name = metadata?["name"]?.stringValue, !name.isEmpty else {
            throw UsageError.usage("\(document.place): the \(word) has no metadata.name")
        }
        self.name = name
        let own = metadata?["namespace"]?.stringValue
        if let own, let namespace, own != namespace {
            throw UsageError.usage("\(document.place): \(word) '\(name)' is of namespace '\(own)', not '\(namespace)'")
        }
        self.namespace = own ?? namespace ?? ObjectOptions.defaultNamespace
    }
}

/// `weir apply`: makes objects as files want them.
struct ApplyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply", abstract: "Makes objects as files want them: creates what is missing, changes the rest.",
        discussion: """
            What the last apply of an object named and this one does not is removed; what others set stays.
            """)

    @OptionGroup var files: FileOptions
    @Option(name: [.short, .long], help: "name, json or yaml: print the objects instead of what was done.")
    var output: ObjectFormat?
    @OptionGroup var options: ObjectOptions

    func validate() throws {
        if files.files.isEmpty { throw ValidationError("name a file or folder with -f") }
        if output == .table || output == .wide { throw ValidationError("-o is name, json or yaml here") }
    }

    func run() async throws {
        let documents = try files.documents()
        try await options.withClient { client in
            var applied: [JSONValue] = []
            var failure: UsageError?
            for document in documents {
                do {
                    let placed = try await PlacedObject(document, options.namespace, client)
                    applied.append(try await apply(placed, client))
                } catch let error as UsageError where documents.count > 1 && error.code != .unavailable {
                    // The others are applied all the same, as kubectl does; the command fails in the end.
                    StandardError.write("weir: \(error.description)")
                    failure = error
                }
            }
            if let output { ObjectPrinter(format: output).print(applied, asList: documents.count != 1) }
            if let failure { throw UsageError(code: failure.code, description: "not everything was applied") }
        }
    }

    private func apply(_ placed: PlacedObject, _ client: ObjectClient) async throws -> JSONValue {
        let before = try await client.jsonIfThere(.GET, placed.path)
        let after = try await client.json(
            .PATCH, placed.path, body: placed.object, type: "application/apply-patch+yaml")
        if output == nil {
            let version = { (object: JSONValue?) in object?["metadata"]?["resourceVersion"] }
            let what = before == nil ? "created" : version(before) == version(after) ? "unchanged" : "configured"
            StandardOutput.print("\(placed.title) \(what)")
            StandardOutput.flush()
        }
        return after
    }
}

/// `weir delete`: asks for objects to go, and waits until they are gone.
struct DeleteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Deletes objects: KIND NAME ..., KIND/NAME ..., KIND -l LABELS, or -f FILE.")

    enum Cascade: String, ExpressibleByArgument, CaseIterable {
        case background
        case foreground
        case orphan

        /// Kubernetes' word for it.
        var policy: String {
            switch self {
            case .background: "Background"
            case .foreground: "Foreground"
            case .orphan: "Orphan"
            }
        }
    }

    @Argument(help: "The kind, and the names; or KIND/NAME.") var words: [String] = []
    @OptionGroup var files: FileOptions
    @OptionGroup var selectors: SelectorOptions
    @Flag(help: "All objects of the kind in the namespace.") var all = false
    @Flag(help: "An object that is not there is no error.") var ignoreNotFound = false
    @Flag(inversion: .prefixedNo, help: "Wait until they are gone: their finalizers may take a while.")
    var wait = true
    @Option(help: "What becomes of the objects that they own: background, foreground or orphan.")
    var cascade = Cascade.background
    @OptionGroup var options: ObjectOptions

    func validate() throws {
        if words.isEmpty == files.files.isEmpty { throw ValidationError("name objects, or files with -f") }
        let isSelected = selectors.selector != nil || selectors.fieldSelector != nil || all
        if words.count == 1, words[0].contains("/") == false, !isSelected {
            throw ValidationError("name the objects, select them with -l, or say --all")
        }
        if words.count > 1, isSelected { throw ValidationError("names and selectors do not go together") }
    }

    func run() async throws {
        try await options.withClient { client in
            var targets: [(kind: ServedKind, namespace: String, name: String)] = []
            if files.files.isEmpty {
                targets = try await named(client)
            } else {
                for document in try files.documents() {
                    let placed = try await PlacedObject(document, options.namespace, client)
                    targets.append((placed.kind, placed.namespace, placed.name))
                }
            }
            if targets.isEmpty { StandardOutput.print("No resources found") }
            for (kind, namespace, name) in targets { try await delete(kind, namespace, name, client) }
        }
    }

    private func named(
        _ client: ObjectClient
    ) async throws -> [(kind: ServedKind, namespace: String, name: String)] {
        let namespace = options.namespace ?? ObjectOptions.defaultNamespace
        var targets: [(kind: ServedKind, namespace: String, name: String)] = []
        for choice in try ObjectChoice.parse(words, among: try await client.kinds()) {
            if let names = choice.names {
                targets += names.map { (choice.kind, namespace, $0) }
            } else {
                let list = try await client.json(
                    .GET, choice.kind.path(namespace: namespace) + queryText(selectors.query))
                for item in list["items"]?.arrayValue ?? [] {
                    targets.append((choice.kind, namespace, item["metadata"]?["name"]?.stringValue ?? ""))
                }
            }
        }
        return targets
    }

    private func delete(_ kind: ServedKind, _ namespace: String, _ name: String, _ client: ObjectClient) async throws {
        let path = kind.path(namespace: namespace, name: name)
        guard
            let answer = try await client.jsonIfThere(
                .DELETE, path, body: ["kind": "DeleteOptions", "propagationPolicy": .string(cascade.policy)])
        else {
            if ignoreNotFound { return }
            throw UsageError.failed("\(kind.title(name)) not found")
        }
        StandardOutput.print("\(kind.title(name)) deleted")
        StandardOutput.flush()
        // An object that is held back by finalizers is in the answer; one that is gone is not.
        guard wait, let uid = answer["metadata"]?["uid"]?.stringValue,
            let version = answer["metadata"]?["resourceVersion"]?.stringValue
        else { return }
        let selector = "metadata.name=\(name)".addingURLQueryEscapes()
        var isGone = false
        try await client.watch(
            kind.path(namespace: namespace) + "?watch=true&fieldSelector=\(selector)&resourceVersion=\(version)"
        ) { event in
            let isIt = event["object"]?["metadata"]?["uid"]?.stringValue == uid
            isGone = isIt && event["type"]?.stringValue == "DELETED"
            return isGone ? .done : .more
        }
        if !isGone {
            throw UsageError.unavailable(
                "\(kind.title(name)) is to be deleted, but the node ended before it was gone")
        }
    }
}
