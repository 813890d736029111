import AdminHTTP
import ArgumentParser
import AsyncHTTPClient
import FoundationEssentials
import NIOCore
import NIOHTTP1

/// Where the node's HTTP server is.
struct ServerOptions: ParsableArguments {
    @Option(help: "The node's HTTP address (or WEIR_SERVER; default http://127.0.0.1:8080).")
    var server: String?

    /// Asks the node; the client is closed when `body` is done.
    func withClient<Answer>(_ body: (ServerClient) async throws -> Answer) async throws -> Answer {
        let address = server ?? ProcessEnvironment.value("WEIR_SERVER") ?? "http://127.0.0.1:8080"
        let client = HTTPClient(eventLoopGroupProvider: .singleton)
        do {
            let answer = try await body(ServerClient(client: client, address: address))
            try await client.shutdown()
            return answer
        } catch {
            try? await client.shutdown()
            throw error
        }
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
        let response = try await execute(method, path, timeout: .seconds(30))
        let body = try await response.body.collect(upTo: 64 << 20)
        let bytes = Data(body.readableBytesView)
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

    /// The counts again and again, as the server sends them; ends when the node closes the stream.
    func watchWork(_ body: (WorkDocument) throws -> Void) async throws {
        let response = try await execute(.GET, "/weir/v1/work/stream", timeout: .hours(24))
        guard response.status == .ok else {
            throw UsageError.failed("\(address)/weir/v1/work/stream answered \(response.status)")
        }
        var text = ""
        for try await chunk in response.body {
            text += String(buffer: chunk)
            while let end = text.firstRange(of: "\n\n") {
                let event = text[..<end.lowerBound]
                let line = event.split(separator: "\n").first { $0.hasPrefix("data: ") }
                if let line { try body(try decodeWork(Data(line.dropFirst("data: ".count).utf8))) }
                text.removeSubrange(..<end.upperBound)
            }
        }
    }

    func decodeWork(_ bytes: Data) throws -> WorkDocument {
        do {
            return try JSONDecoder().decode(WorkDocument.self, from: bytes)
        } catch {
            throw UsageError.failed("\(address) did not answer like a weir node; is --server right?")
        }
    }

    private func execute(_ method: HTTPMethod, _ path: String, timeout: TimeAmount) async throws -> HTTPClientResponse {
        var request = HTTPClientRequest(url: address + path)
        request.method = method
        do {
            return try await client.execute(request, timeout: timeout)
        } catch {
            throw UsageError.unavailable(
                "no node answers at \(address) (\(error)); start one with `weir serve`, or name it with --server")
        }
    }
}
