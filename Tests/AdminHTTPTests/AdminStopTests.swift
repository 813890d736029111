import NIOCore
import Testing
import WeirRuntime

@testable import AdminHTTP

/// Clients do what they like; the end of the process does not wait for them.
@Suite("The HTTP server stops promptly")
struct AdminStopTests {
    enum Client: CaseIterable, Sendable {
        case none
        case idle
        case keptAlive
        case halfRequest
        case halfBody
        case stream
        case streamThatIsNotRead
        case manyRequestsNotRead
    }

    /// Generous for a machine that does other things; the grace is 50 ms.
    private static let stopMax = Duration.seconds(2)

    @Test("whatever its clients do", arguments: Client.allCases)
    func stop(_ client: Client) async throws {
        try await AdminFixture.with { node in
            let connections = try await open(client, node)
            let begin = ContinuousClock.now
            let report = await node.runtime.shutdown()
            let took = ContinuousClock.now - begin
            #expect(took < Self.stopMax, "\(client): \(took)")
            #expect(report.verdict == .clean, "\(client): \(report)")
            for connection in connections { try? await connection.channel.close() }
        }
    }

    @Test("a stream that is read ends as HTTP says, after a last event")
    func streamEnds() async throws {
        try await AdminFixture.with { node in
            let connection = try await RawConnection.open(node.port)
            try await connection.send("GET /weir/v1/work/stream HTTP/1.1\r\nHost: t\r\n\r\n")
            var text = ""
            var isStopping = false
            for await chunk in connection.received {
                text += chunk
                if !isStopping, text.contains("data: ") {
                    isStopping = true
                    node.runtime.beginShutdown()
                }
            }
            #expect(text.hasSuffix("\r\n0\r\n\r\n"), "the last chunk is there: \(text.suffix(40).debugDescription)")
        }
    }

    @Test("connections that come while it stops are closed", arguments: 0..<20)
    func connecting(_ round: Int) async throws {
        try await AdminFixture.with { node in
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        // Until nobody listens any more.
                        while let connection = try? await RawConnection.open(node.port) {
                            try? await connection.send("GET /livez HTTP/1.1\r\nHost: t\r\n\r\n")
                            for await _ in connection.received { break }
                            try? await connection.channel.close()
                        }
                    }
                }
                let report = await node.runtime.shutdown()
                #expect(report.verdict == .clean)
            }
        }
    }

    @Test("a connection that is silent for too long is closed")
    func idle() async throws {
        try await AdminFixture.with(limits: AdminLimits(idleMax: .seconds(2))) { node in
            let connection = try await RawConnection.open(node.port)
            try await connection.send("GET /livez HT")
            // Ends only when the server closes.
            for await _ in connection.received {}
        }
    }

    private func open(_ client: Client, _ node: AdminFixture) async throws -> [RawConnection] {
        switch client {
        case .none: return []
        case .idle:
            var all: [RawConnection] = []
            for _ in 0..<50 { all.append(try await RawConnection.open(node.port)) }
            return all
        case .keptAlive: return [try await send("GET /livez HTTP/1.1\r\nHost: t\r\n\r\n", node, awaiting: "ok\n")]
        case .halfRequest: return [try await send("GET /livez HTTP/1.1\r\nHo", node, awaiting: nil)]
        case .halfBody:
            let request = "POST /weir/v1/drain/nosuch HTTP/1.1\r\nHost: t\r\nContent-Length: 100\r\n\r\nabc"
            return [try await send(request, node, awaiting: "404")]
        case .stream:
            return [try await send("GET /weir/v1/work/stream HTTP/1.1\r\nHost: t\r\n\r\n", node, awaiting: "data: ")]
        case .streamThatIsNotRead:
            let connection = try await RawConnection.open(node.port, reading: false)
            try await connection.send("GET /weir/v1/work/stream HTTP/1.1\r\nHost: t\r\n\r\n")
            try await untilObserved(node) { $0.counts.sessions == 1 }
            return [connection]
        case .manyRequestsNotRead:
            let connection = try await RawConnection.open(node.port, reading: false)
            // More answers than the sockets between hold.
            let requests = String(repeating: "GET /metrics HTTP/1.1\r\nHost: t\r\n\r\n", count: 5000)
            try await connection.send(requests)
            try await untilObserved(node) { $0.counts.succeeded > 100 }
            return [connection]
        }
    }

    private func send(_ text: String, _ node: AdminFixture, awaiting: String?) async throws -> RawConnection {
        let connection = try await RawConnection.open(node.port)
        try await connection.send(text)
        guard let awaiting else { return connection }
        var received = ""
        for await chunk in connection.received {
            received += chunk
            if received.contains(awaiting) { break }
        }
        return connection
    }

    private func untilObserved(_ node: AdminFixture, _ condition: (ComponentSnapshot) -> Bool) async throws {
        for await snapshot in node.runtime.snapshots(every: .milliseconds(10)) {
            if let row = snapshot.components.first(where: { $0.name == "http/observe" }), condition(row) { return }
        }
    }
}
