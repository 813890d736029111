import AdminHTTP
import ArgumentParser
import ObjectStore
import PluginHost
import WeirIO

/// Where plugins are asked for: what `weir serve` and `weir plugin list` have in common.
struct PluginOptions: ParsableArguments {
    @Option(
        name: .customLong("plugin"),
        help: ArgumentHelp("A plugin's library, granted all that it asks for; may be repeated.", valueName: "PATH"))
    var paths: [String] = []

    @Option(help: "Folder whose .so files are plugins.")
    var pluginsDirectory: String?
}

/// `weir plugin list`: the plugins of a configuration, of a folder, and of the node that runs.
struct PluginListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists the plugins that a configuration names, and how they do in the node.",
        discussion: """
            Without --config, --plugin or --plugins-directory it lists those of the running node.
            STATE is what the node says of a plugin it has, otherwise ok, disabled or invalid.
            """)

    @Option(help: "TOML file with settings.")
    var config: String?

    @OptionGroup var plugins: PluginOptions
    @OptionGroup var server: ServerOptions
    @OptionGroup var output: OutputOptions

    /// A plugin, as it is listed.
    struct Row: Encodable {
        var name: String
        var version: String?
        var state: String
        var kinds: [String]?
        var file: String?
        var inFlight: Int?
        var problem: String?
    }

    func run() async throws {
        let plan = try plan()
        var rows = try plan.candidates().map(Self.row)
        let components = try await components(isNeeded: rows.isEmpty)
        for component in components {
            let name = String(component.name.dropFirst("plugin/".count))
            if let index = rows.firstIndex(where: { $0.name == name && $0.state == "ok" }) {
                rows[index].state = component.state
                rows[index].inFlight = component.inFlight
            } else {
                rows.append(Row(name: name, state: component.state, inFlight: component.inFlight))
            }
        }
        try output.print(rows, table: Self.table)
    }

    private func plan() throws(UsageError) -> PluginPlan {
        var sources = SettingSources()
        if let config { try sources.read(file: config) }
        try sources.read(environment: ProcessEnvironment.all())
        if let directory = plugins.pluginsDirectory {
            try sources.set("plugins-directory", to: directory, from: "--plugins-directory")
        }
        return PluginPlan(
            entries: sources.plugins, paths: plugins.paths, directory: sources.value("plugins-directory")?.value)
    }

    /// The plugins of the running node; where others are listed anyway, a node that does not answer is no error.
    private func components(isNeeded: Bool) async throws -> [WorkDocument.Component] {
        do {
            return try await server.withClient { client in
                try await client.work().components.filter {
                    $0.name.hasPrefix("plugin/") && $0.name.dropFirst("plugin/".count).firstIndex(of: "/") == nil
                }
            }
        } catch let error as UsageError where error.code == .unavailable && !isNeeded {
            return []
        }
    }

    private static func row(_ candidate: PluginPlan.Candidate) -> Row {
        switch candidate.result {
        case .success(let library):
            Row(
                name: candidate.name ?? library.manifest.name, version: library.manifest.version,
                state: candidate.isEnabled ? "ok" : "disabled", kinds: library.manifest.kinds.map(\.description),
                file: candidate.path)
        case .failure(let error):
            Row(
                name: candidate.name ?? "?", state: candidate.isEnabled ? "invalid" : "disabled", file: candidate.path,
                problem: error.message)
        }
    }

    static func table(_ rows: [Row]) -> Table {
        Table(
            headings: ["NAME", "VERSION", "STATE", "IN-FLIGHT", "RECONCILES", "FILE"],
            rows: rows.map { row in
                [
                    row.name, row.version ?? "", row.state, row.inFlight.map(String.init) ?? "",
                    (row.kinds ?? []).joined(separator: ","), row.problem ?? row.file ?? "",
                ]
            }, numeric: [3])
    }
}
