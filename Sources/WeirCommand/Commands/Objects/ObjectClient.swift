import ArgumentParser
import AsyncHTTPClient
import FoundationEssentials
import NIOCore
import NIOHTTP1
import ObjectStore
import WeirRuntime

/// A kind as a node describes it, and where its objects are.
struct ServedKind: Sendable, Hashable {
    var group: String
    var version: String
    var name: String
    var plural: String
    var singular: String
    var shortNames: [String]
    var isNamespaced: Bool

    var apiVersion: String { group.isEmpty ? version : "\(group)/\(version)" }

    /// How messages call an object: `topic.weir/orders`, `configmap/c`.
    func title(_ name: String) -> String {
        group.isEmpty ? "\(singular)/\(name)" : "\(singular).\(group)/\(name)"
    }

    /// The path of its objects in a namespace, or in all; of one where `name` is given.
    func path(namespace: String?, name: String? = nil) -> String {
        var path = group.isEmpty ? "/api/\(version)" : "/apis/\(group)/\(version)"
        if isNamespaced, let namespace { path += "/namespaces/\(namespace.addingURLPathEscapes())" }
        path += "/\(plural)"
        if let name { path += "/\(name.addingURLPathEscapes())" }
        return path
    }

    /// Whether somebody who writes `word` means this kind: plural, singular, kind or short name, with or without group.
    func isMeant(by word: String) -> Bool {
        let word = word.lowercased()
        var names = [plural, singular, name.lowercased()]
        names += names.map { "\($0).\(group)" } + shortNames
        return names.contains(word)
    }
}

/// Speaks a node's object API.
struct ObjectClient {
    let server: ServerClient

    /// The kinds that the node serves.
    func kinds() async throws -> [ServedKind] {
        var kinds = try await kinds(at: "/api/v1", group: "", version: "v1")
        let groups = try await json(.GET, "/apis")["groups"]?.arrayValue ?? []
        for group in groups {
            for version in group["versions"]?.arrayValue ?? [] {
                guard let name = group["name"]?.stringValue, let number = version["version"]?.stringValue else {
                    continue
                }
                kinds += try await self.kinds(at: "/apis/\(name)/\(number)", group: name, version: number)
            }
        }
        return kinds
    }

    private func kinds(at path: String, group: String, version: String) async throws -> [ServedKind] {
        let resources = try await json(.GET, path)["resources"]?.arrayValue ?? []
        return resources.compactMap { resource in
            guard let plural = resource["name"]?.stringValue, !plural.contains("/"),
                let kind = resource["kind"]?.stringValue
            else { return nil }
            return ServedKind(
                group: group, version: version, name: kind, plural: plural,
                singular: resource["singularName"]?.stringValue ?? kind.lowercased(),
                shortNames: (resource["shortNames"]?.arrayValue ?? []).compactMap(\.stringValue),
                isNamespaced: resource["namespaced"]?.boolValue ?? true)
        }
    }

    /// Asks, and reads the answer; an error's sentence is the server's.
    func json(
        _ method: HTTPMethod, _ path: String, body: JSONValue? = nil, type: String = "application/json",
        accept: String = "application/json"
    ) async throws -> JSONValue {
        let answer = try await answer(method, path, body: body, type: type, accept: accept)
        guard (200..<300).contains(answer.status) else { throw Self.failure(answer.body, path, answer.status) }
        return answer.body
    }

    /// As `json`, but nil where there is no such object.
    func jsonIfThere(_ method: HTTPMethod, _ path: String, body: JSONValue? = nil) async throws -> JSONValue? {
        let answer = try await answer(method, path, body: body, type: "application/json", accept: "application/json")
        if answer.status == 404 { return nil }
        guard (200..<300).contains(answer.status) else { throw Self.failure(answer.body, path, answer.status) }
        return answer.body
    }

    private func answer(
        _ method: HTTPMethod, _ path: String, body: JSONValue?, type: String, accept: String
    ) async throws -> (status: UInt, body: JSONValue) {
        var headers = HTTPHeaders([("accept", accept)])
        if body != nil { headers.add(name: "content-type", value: type) }
        let response = try await server.execute(
            method, path, headers: headers, body: body?.encoded(), deadline: .now() + .seconds(60))
        let bytes: [UInt8]
        do {
            bytes = Array(try await response.body.collect(upTo: 256 << 20).readableBytesView)
        } catch {
            throw UsageError.unavailable("\(server.address) ended in the middle of an answer; try again")
        }
        guard let value = try? JSONValue(parsing: bytes) else {
            throw UsageError.failed("\(server.address)\(path) did not answer like a weir node; is --server right?")
        }
        return (UInt(response.status.code), value)
    }

    /// The lines of a watch, until it ends or `body` says so.
    func watch(
        _ path: String, accept: String = "application/json", _ body: (JSONValue) throws -> ServerClient.Watch
    ) async throws {
        let response = try await server.execute(
            .GET, path, headers: HTTPHeaders([("accept", accept)]), body: nil, deadline: .distantFuture)
        guard response.status == .ok else {
            let bytes = Array(try await response.body.collect(upTo: 1 << 20).readableBytesView)
            throw Self.failure((try? JSONValue(parsing: bytes)) ?? .null, path, UInt(response.status.code))
        }
        var rest: [UInt8] = []
        do {
            for try await chunk in response.body {
                rest += chunk.readableBytesView
                while let end = rest.firstIndex(of: 10) {
                    let event = try JSONValue(parsing: Array(rest[..<end]))
                    rest.removeSubrange(...end)
                    if try body(event) == .done { return }
                }
            }
        } catch let error as UsageError {
            throw error
        } catch {
            // Cut off: the node ended without saying so.
        }
    }

    private static func failure(_ status: JSONValue, _ path: String, _ code: UInt) -> UsageError {
        let message = status["message"]?.stringValue ?? status["error"]?.stringValue
        return UsageError(
            code: code == 503 ? .unavailable : .failed, description: message ?? "\(path) answered \(code)")
    }
}

/// What commands about objects have in common: where the node is, and the namespace.
struct ObjectOptions: ParsableArguments {
    @OptionGroup var server: ServerOptions
    @Option(name: [.short, .long], help: "The namespace (default: default).") var namespace: String?

    /// The namespace, where none was named.
    static let defaultNamespace = "default"

    /// Asks the node; the client is closed when `body` is done.
    func withClient<Answer>(_ body: (ObjectClient) async throws -> Answer) async throws -> Answer {
        try await server.withClient { try await body(ObjectClient(server: $0)) }
    }
}

/// The kind that a word means.
func kind(_ word: String, among kinds: [ServedKind]) throws(UsageError) -> ServedKind {
    if let found = kinds.first(where: { $0.isMeant(by: word) }) { return found }
    let names = kinds.flatMap { [$0.plural, $0.singular] }
    let hint = nearestName(to: word.lowercased(), in: names).map { "did you mean '\($0)'?" }
    throw UsageError.failed("no kind is called '\(word)'; \(hint ?? "`weir kinds` lists those there are")")
}
