import ArgumentParser
import ObjectStore
import PluginHost
import WeirIO

/// `weir plugin`: what plugins are there, and whether one can be used.
struct PluginCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plugin", abstract: "Lists plugins, and checks whether a library is one.",
        subcommands: [PluginListCommand.self, PluginCheckCommand.self])
}

/// `weir plugin check`: loads a library, and tells whether it could be started.
struct PluginCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Checks whether a library is a plugin that this weir can load.",
        discussion: """
            Loads the library and reads its manifest; its own code is not started. Prints what it is and asks for.
            Ends with 0, or with 78 and one sentence that says what is wrong.
            """)

    @Argument(help: "The shared library.")
    var file: String

    @OptionGroup var output: OutputOptions

    func run() throws {
        let library: PluginLibrary
        do {
            library = try PluginLibrary(file, disk: SystemDisk())
        } catch {
            throw UsageError.configuration(error.message)
        }
        let description = PluginDescription(library)
        try output.print(description, table: \.table)
        guard case .table = output.format else { return }
        StandardOutput.print("\n\(description.configuration)")
    }
}

/// What `weir plugin check` says of a library.
struct PluginDescription: Encodable {
    /// Leave that it asks for.
    struct Need: Encodable {
        var kinds: [String]?
        var topics: [String]?
        var namespaces: [String]?
        var verbs: [String]
    }

    var name: String
    var version: String
    var description: String
    var file: String
    var abiVersion: UInt32
    var kinds: [String]
    var needs: [Need]

    init(_ library: PluginLibrary) {
        let manifest = library.manifest
        name = manifest.name
        version = manifest.version
        description = manifest.summary
        file = library.path
        abiVersion = library.abiVersion
        kinds = manifest.kinds.map(\.description)
        needs = manifest.needs.map { need in
            Need(
                kinds: need.kinds.isEmpty ? nil : need.kinds, topics: need.topics.isEmpty ? nil : need.topics,
                namespaces: need.namespaces.isEmpty ? nil : need.namespaces, verbs: need.verbs.map(\.rawValue))
        }
    }

    /// One row a field.
    var table: Table {
        var rows = [["name", name], ["version", version]]
        if !description.isEmpty { rows.append(["description", description]) }
        rows += [
            ["ABI version", "\(abiVersion)"],
            ["reconciles", kinds.isEmpty ? "nothing" : kinds.joined(separator: ", ")],
        ]
        for need in needs {
            let what = (need.kinds ?? []) + (need.topics ?? []).map { "topic \($0)" }
            rows.append(["needs", "\(need.verbs.joined(separator: ", ")) of \(what.joined(separator: ", "))"])
        }
        return Table(headings: ["PLUGIN", file], rows: rows)
    }

    /// What to put into a configuration file to load it with all that it asks for.
    var configuration: String {
        var lines = ["# To load it, with all that it asks for:", "[[plugins]]", "path = \(quoted(file))"]
        for need in needs {
            lines.append("[[plugins.grants]]")
            if let kinds = need.kinds { lines.append("kinds = \(list(kinds))") }
            if let topics = need.topics { lines.append("topics = \(list(topics))") }
            if let namespaces = need.namespaces { lines.append("namespaces = \(list(namespaces))") }
            lines.append("verbs = \(list(need.verbs))")
        }
        return lines.joined(separator: "\n")
    }

    private func list(_ texts: [String]) -> String { "[\(texts.map(quoted).joined(separator: ", "))]" }

    private func quoted(_ text: String) -> String {
        "\"\(text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\""
    }
}
