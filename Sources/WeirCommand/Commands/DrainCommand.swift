import AdminHTTP
import ArgumentParser
import NIOHTTP1

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
            if wait { document = try await reached(readOnly ? ["read-only", "drained"] : ["drained"], client) ?? document }
            try output.print(document, table: WorkCommand.table)
        }
    }

    /// Follows the node's own stream until every component asked for is in one of `states`.
    private func reached(_ states: Set<String>, _ client: ServerClient) async throws -> WorkDocument? {
        var last: WorkDocument?
        do {
            try await client.watchWork { document in
                var wanted = document
                wanted.components.removeAll { component in
                    name.map { $0 != component.name } ?? (component.name == AdminServer.componentName)
                }
                last = wanted
                if wanted.components.allSatisfy({ states.contains($0.state) }) { throw Reached() }
            }
        } catch is Reached {
            return last
        }
        throw UsageError.unavailable("the node ended before it was drained; see last-exit.json in its data folder")
    }

    private struct Reached: Error {}
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
    func addingURLPathEscapes() -> String {
        let plain = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/".utf8)
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
