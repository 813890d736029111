import AdminHTTP
import ArgumentParser

/// `weir work`: what a node is doing.
struct WorkCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "work", abstract: "Shows the work of every component: what runs, what ran, what was refused.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var output: OutputOptions

    @Flag(name: [.short, .long], help: "Show it again whenever it changes, until Ctrl-C or the node's end.")
    var watch = false

    func run() async throws {
        try await server.withClient { client in
            guard watch else {
                try output.print(try await client.work(), table: Self.table)
                return
            }
            try await client.watchWork { document in
                if output.format == .table { print("\u{1B}[H\u{1B}[2J", terminator: "") }
                try output.print(document, table: Self.table)
            }
        }
    }

    static func table(_ document: WorkDocument) -> Table {
        let rows = document.components.map { component in
            [
                component.name, component.state, "\(component.inFlight)", "\(component.peak)", "\(component.started)",
                "\(component.succeeded)", "\(component.failed)", "\(component.cancelled)", "\(component.abandoned)",
                "\(component.rejected.values.reduce(0, +))", "\(component.sessions)", "\(component.loops)",
                component.oldest.map { "\($0.name) \($0.key) \($0.ageMs) ms \($0.phase)" } ?? "",
            ]
        }
        return Table(
            headings: [
                "COMPONENT", "STATE", "IN-FLIGHT", "PEAK", "STARTED", "SUCCEEDED", "FAILED", "CANCELLED", "ABANDONED",
                "REJECTED", "SESSIONS", "LOOPS", "OLDEST",
            ],
            rows: rows, numeric: Set(2...11))
    }
}
