import ArgumentParser
import ObjectStore

/// How `weir get` prints objects.
enum ObjectFormat: String, ExpressibleByArgument, CaseIterable, Sendable {
    case table
    case wide
    case json
    case yaml
    case name
}

/// Which objects a command means: kinds and names as kubectl takes them.
struct ObjectChoice {
    var kind: ServedKind
    /// Nil: all that the selectors take.
    var names: [String]?

    /// Reads `KIND`, `KIND NAME…`, `KIND1,KIND2`, `KIND/NAME…`.
    static func parse(_ words: [String], among kinds: [ServedKind]) throws(UsageError) -> [ObjectChoice] {
        guard let first = words.first else {
            throw UsageError.usage("which kind? `weir get topics`, `weir get topic orders`; `weir kinds` lists them")
        }
        if words.contains(where: { $0.contains("/") }) {
            var choices: [ObjectChoice] = []
            for word in words {
                let parts = word.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
                guard parts.count == 2, !parts[1].isEmpty else {
                    throw UsageError.usage("'\(word)' is not KIND/NAME; name all objects so, or one kind and its names")
                }
                choices.append(ObjectChoice(kind: try WeirCommand.kind(parts[0], among: kinds), names: [parts[1]]))
            }
            return choices
        }
        let names = Array(words.dropFirst())
        var choices: [ObjectChoice] = []
        for word in first.split(separator: ",") {
            choices.append(
                ObjectChoice(
                    kind: try WeirCommand.kind(String(word), among: kinds), names: names.isEmpty ? nil : names))
        }
        return choices
    }
}

/// The selectors that commands take.
struct SelectorOptions: ParsableArguments {
    @Option(
        name: [.customShort("l"), .long],
        help: ArgumentHelp("Only objects with these labels: 'app=web,tier!=db,env in (a,b)'.", valueName: "labels"))
    var selector: String?
    @Option(help: ArgumentHelp("Only objects with these fields: 'metadata.name=x'.", valueName: "fields"))
    var fieldSelector: String?

    /// As the query of a request, without what is empty.
    var query: [String] {
        var query: [String] = []
        if let selector { query.append("labelSelector=\(selector.addingURLQueryEscapes())") }
        if let fieldSelector { query.append("fieldSelector=\(fieldSelector.addingURLQueryEscapes())") }
        return query
    }
}

/// `weir get`: objects as tables, JSON, YAML or names.
struct GetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Shows objects: KIND [NAME ...], KIND/NAME ..., KIND1,KIND2.",
        discussion: "`weir kinds` lists the kinds that a node has.")

    @Argument(help: "The kind, and the names; or KIND/NAME.") var words: [String] = []
    @OptionGroup var selectors: SelectorOptions
    @Flag(name: [.customShort("A"), .long], help: "Of all namespaces.") var allNamespaces = false
    @Option(name: [.short, .long], help: "table, wide, json, yaml or name.") var output = ObjectFormat.table
    @Flag(name: [.short, .long], help: "Show every change after that, until Ctrl-C or the node's end.")
    var watch = false
    @Flag(help: "Leave the table's headings out.") var noHeaders = false
    @OptionGroup var options: ObjectOptions

    func run() async throws {
        try await options.withClient { client in
            let choices = try ObjectChoice.parse(words, among: try await client.kinds())
            if choices.contains(where: { $0.names != nil }), !selectors.query.isEmpty {
                throw UsageError.usage("names and selectors do not go together")
            }
            let listing = ObjectListing(
                client: client, namespace: allNamespaces ? nil : options.namespace ?? ObjectOptions.defaultNamespace,
                query: selectors.query, printer: ObjectPrinter(format: output, hasHeadings: !noHeaders))
            if watch {
                guard choices.count == 1, let choice = choices.first, (choice.names?.count ?? 1) == 1 else {
                    throw UsageError.usage("--watch takes one kind, or one object")
                }
                try await listing.watch(choice)
            } else {
                try await listing.print(choices)
            }
        }
    }
}

/// `weir watch KIND`: `weir get KIND --watch`.
struct WatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Shows objects, and then every change, until Ctrl-C or the node's end.")

    @Argument(help: "The kind, and a name.") var words: [String] = []
    @OptionGroup var selectors: SelectorOptions
    @Flag(name: [.customShort("A"), .long], help: "Of all namespaces.") var allNamespaces = false
    @Option(name: [.short, .long], help: "table, wide, json, yaml or name.") var output = ObjectFormat.table
    @OptionGroup var options: ObjectOptions

    func run() async throws {
        var command = GetCommand()
        command.words = words
        command.selectors = selectors
        command.allNamespaces = allNamespaces
        command.output = output
        command.watch = true
        command.noHeaders = false
        command.options = options
        try await command.run()
    }
}

/// `weir kinds`: which kinds of objects a node has.
struct KindsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kinds", abstract: "Lists the kinds of objects that a node has.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var output: OutputOptions

    private struct Row: Encodable {
        var name: String
        var shortNames: [String]
        var apiVersion: String
        var namespaced: Bool
        var kind: String
    }

    func run() async throws {
        let kinds = try await server.withClient { try await ObjectClient(server: $0).kinds() }
        let rows = kinds.map {
            Row(
                name: $0.plural, shortNames: $0.shortNames, apiVersion: $0.apiVersion, namespaced: $0.isNamespaced,
                kind: $0.name)
        }
        try output.print(rows) { rows in
            Table(
                headings: ["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"],
                rows: rows.map {
                    [$0.name, $0.shortNames.joined(separator: ","), $0.apiVersion, "\($0.namespaced)", $0.kind]
                })
        }
    }
}
