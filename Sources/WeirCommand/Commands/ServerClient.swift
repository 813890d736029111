import AdminHTTP
import ArgumentParser
import AsyncHTTPClient
import FoundationEssentials
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix

/// Where the node's HTTP server is.
struct ServerOptions: ParsableArguments {
    @Option(help: "The node's HTTP address (or WEIR_SERVER; default http://127.0.0.1:8080).")
    var server: String?

    /// Asks the node; the client is closed when `body` is done.
    func withClient<Answer>(_ body: (ServerClient) async throws -> Answer) async throws -> Answer {
        let given = server ?? ProcessEnvironment.value("WEIR_SERVER") ?? "http://127.0.0.1:8080"
        let address = try Self.address(given)
        var configuration = HTTPClient.Configuration(timeout: HTTPClient.Configuration.Timeout(connect: .seconds(5)))
        // A node that is not there is told at once.
        configuration.connectionPool.retryConnectionEstablishment = false
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        do {
            let answer = try await body(ServerClient(client: client, address: address))
            try await client.shutdown()
            return answer
        } catch {
            try? await client.shutdown()
            throw error
        }
    }

    /// The address without what follows it, `http://` in front where it is left out.
    static func address(_ text: String) throws(UsageError) -> String {
        let wrong = UsageError.usage("--server: '\(text)' is not a URL, such as http://127.0.0.1:8080")
        var address = text.contains("://") ? Substring(text) : "http://\(text)"
        guard let scheme = address.firstRange(of: "://"), ["http", "https"].contains(address[..<scheme.lowerBound])
        else { throw wrong }
        while address.endIndex > scheme.upperBound, address.hasSuffix("/") { address = address.dropLast() }
        let host = address[scheme.upperBound...]
        guard !host.isEmpty, text.contains("://") || host.contains(":") || host.contains(".") else { throw wrong }
        return String(address)
    }
}

/// Speaks to a node's HTTP server; failures become one sentence that says what to do.
struct ServerClient {
    let client: HTTPClient
    let address: String

    /// What the server says of an error.
    private struct Refusal: Decodable {
        var error: String
    }

    /// Asks and reads the whole answer.
    func send(_ method: HTTPMethod, _ path: String, expecting statuses: Set<UInt> = [200]) async throws -> Data {
        let response = try await execute(method, path, deadline: .now() + .seconds(30))
        let bytes: Data
        do {
            bytes = Data(try await response.body.collect(upTo: 64 << 20).readableBytesView)
        } catch {
            throw UsageError.unavailable("\(address) ended in the middle of an answer; try again")
        }
        guard statuses.contains(response.status.code) else {
            let reason = (try? JSONDecoder().decode(Refusal.self, from: bytes))?.error
            throw UsageError.failed(reason ?? "\(address)\(path) answered \(response.status)")
        }
        return bytes
    }

    /// The counts of every component.
    func work() async throws -> WorkDocument {
        try decodeWork(try await send(.GET, "/weir/v1/work"))
    }

    /// The counts again and again, as the server sends them; ends when the node does, or when `body` says so.
    func watchWork(_ body: (WorkDocument) throws -> Watch) async throws {
        let response = try await execute(.GET, "/weir/v1/work/stream", deadline: .distantFuture)
        guard response.status == .ok else {
            throw UsageError.failed("\(address)/weir/v1/work/stream answered \(response.status)")
        }
        var events = EventReader()
        do {
            for try await chunk in response.body {
                for event in events.read(chunk) {
                    if try body(try decodeWork(Data(event.utf8))) == .done { return }
                }
            }
        } catch let error as UsageError {
            throw error
        } catch {
            // Cut off: the node ended without saying so.
        }
    }

    /// Whether to go on watching.
    enum Watch {
        case more
        case done
    }

    func decodeWork(_ bytes: Data) throws -> WorkDocument {
        do {
            return try JSONDecoder().decode(WorkDocument.self, from: bytes)
        } catch {
            throw UsageError.failed("\(address) did not answer like a weir node; is --server right?")
        }
    }

    /// Asks; the answer's body is still to be read.
    func execute(
        _ method: HTTPMethod, _ path: String, headers: HTTPHeaders = [:], body: [UInt8]? = nil, deadline: NIODeadline
    ) async throws -> HTTPClientResponse {
        var request = HTTPClientRequest(url: address + path)
        request.method = method
        request.headers = headers
        if let body { request.body = .bytes(body) }
        do {
            return try await client.execute(request, deadline: deadline)
        } catch {
            throw UsageError.unavailable(
                "no node answers at \(address) (\(Self.reason(error))); "
                    + "start one with `weir serve`, or name it with --server")
        }
    }

    private static func reason(_ error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError:
            error.connectionErrors.first.map { reason($0.error) } ?? "unknown host"
        case let error as IOError: String(cString: strerror(error.errnoCode)).lowercased()
        case let error as HTTPClientError:
            [.connectTimeout, .deadlineExceeded, .readTimeout].contains(error) ? "no answer in time" : "\(error)"
        default: "\(error)"
        }
    }
}

/// Cuts server-sent events out of what arrives, however it was cut on the way.
struct EventReader {
    private var rest: [UInt8] = []

    /// The data of the events that are whole now.
    mutating func read(_ bytes: ByteBuffer) -> [String] {
        rest += bytes.readableBytesView
        var events: [String] = []
        while let end = rest.firstRange(of: [10, 10]) {
            let lines = rest[..<end.lowerBound].split(separator: 10).map { String(decoding: $0, as: UTF8.self) }
            let data = lines.filter { $0.hasPrefix("data: ") }.map { $0.dropFirst("data: ".count) }
            if !data.isEmpty { events.append(data.joined(separator: "\n")) }
            rest.removeSubrange(..<end.upperBound)
        }
        return events
    }
}
