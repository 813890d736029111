import AdminHTTP
import ArgumentParser
import NIOHTTP1
import WeirIO
import WeirRuntime

/// `weir drain`: takes work away from a component, or from the whole node.
struct DrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain",
        abstract: "Stops a component from taking work and lets it finish what it holds; without a name, all of them.",
        discussion: "The process stays up. `weir resume` takes it back.")

    @Argument(help: "The component, as `weir work` names it.")
    var name: String?

    @Flag(help: "Refuse only what writes.")
    var readOnly = false

    @Flag(help: "Return when it is drained.")
    var wait = false

    @OptionGroup var server: ServerOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await server.withClient { client in
            let mode = readOnly ? "read-only" : "drain"
            var document = try await client.drain(.POST, name, query: "?mode=\(mode)")
            if wait { document = try await reached(document, client) }
            try output.print(document, table: WorkCommand.table)
        }
    }

    /// Follows the node's own stream until every component of `asked` is where it should be.
    private func reached(_ asked: WorkDocument, _ client: ServerClient) async throws -> WorkDocument {
        let names = Set(asked.components.map(\.name))
        let clock = SystemClock()
        var told = clock.now
        var last: WorkDocument?
        try await client.watchWork { document in
            var wanted = document
            wanted.components.removeAll { !names.contains($0.name) }
            let late = wanted.components.filter { !hasReached($0) }
            if late.isEmpty {
                last = wanted
                return .done
            }
            if StandardError.isTerminal, clock.now - told > .seconds(1) {
                told = clock.now
                let inFlight = late.reduce(0) { $0 + $1.inFlight }
                StandardError.write("weir: waiting for \(late[0].name); \(inFlight) operations in flight")
            }
            return .more
        }
        guard let last else {
            throw UsageError.unavailable("the node ended before it was drained; see last-exit.json in its data folder")
        }
        return last
    }

    /// What failed is not drained ever; it only must have nothing in flight.
    private func hasReached(_ component: WorkDocument.Component) -> Bool {
        switch component.state {
        case "drained", "stopped": true
        case "read-only": readOnly
        case "failed": component.inFlight == 0
        default: false
        }
    }
}

/// `weir resume`: gives work back.
struct ResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Lets a drained or read-only component take work again; without a name, all.")

    @Argument(help: "The component, as `weir work` names it.")
    var name: String?

    @OptionGroup var server: ServerOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await server.withClient { client in
            try output.print(try await client.drain(.DELETE, name), table: WorkCommand.table)
        }
    }
}

extension ServerClient {
    /// Drains, resumes or asks; answers the components concerned.
    func drain(_ method: HTTPMethod, _ name: String?, query: String = "") async throws -> WorkDocument {
        let path = name.map { "/" + $0.addingURLPathEscapes() } ?? ""
        return try decodeWork(try await send(method, "/weir/v1/drain\(path)\(query)", expecting: [200, 202]))
    }
}

extension String {
    /// The text with every byte escaped that a URL's path does not take as it is; `/` stays.
    func addingURLPathEscapes() -> String { escaped(but: "-._~/") }

    /// The text with every byte escaped that a value of a URL's query does not take as it is.
    func addingURLQueryEscapes() -> String { escaped(but: "-._~") }

    private func escaped(but others: String) -> String {
        let plain = Set(("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" + others).utf8)
        let digits = Array("0123456789ABCDEF")
        var escaped = ""
        for byte in utf8 {
            if plain.contains(byte) {
                escaped.append(Character(UnicodeScalar(byte)))
            } else {
                escaped += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
            }
        }
        return escaped
    }
}
