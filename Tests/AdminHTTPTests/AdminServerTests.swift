import Foundation
import NIOCore
import NIOPosix
import Testing
import WeirRuntime
import WorkTracking

@testable import AdminHTTP

@Suite("The HTTP server")
struct AdminServerTests {
    // MARK: Health

    @Test("a node that runs is alive and ready")
    func ready() async throws {
        try await AdminFixture.with([TestComponent("worker")]) { node in
            let alive = try await node.ask("GET", "/livez")
            #expect(alive.status == 200)
            let ready = try await node.ask("GET", "/readyz")
            #expect(ready.status == 200)
            #expect(ready.body == "ready\n")
        }
    }

    @Test("a drained node is alive, but not ready, and says why; a resumed one is ready")
    func drainedIsNotReady() async throws {
        try await AdminFixture.with([TestComponent("worker")]) { node in
            try node.runtime.drain()
            let answer = try await node.ask("GET", "/readyz")
            #expect(answer.status == 503)
            #expect(answer.body == "not ready: draining\n")
            #expect(try await node.ask("GET", "/livez").status == 200)
            try await node.runtime.resume()
            #expect(try await node.ask("GET", "/readyz").status == 200)
        }
    }

    @Test("a component that failed or is drained makes the node unready; a part of one, or read-only, does not")
    func componentsAndReadiness() async throws {
        let worker = TestComponent("worker")
        let part = TestComponent("worker/part-0")
        try await AdminFixture.with([worker, part]) { node in
            try part.fail()
            #expect(try await node.ask("GET", "/readyz").status == 200)
            try node.runtime.drain("worker", mode: .readOnly)
            #expect(try await node.ask("GET", "/readyz").status == 200)
            try node.runtime.drain("worker")
            try await node.runtime.waitUntilDrained("worker")
            #expect(try await node.ask("GET", "/readyz").body == "not ready: worker is drained\n")
            try await node.runtime.resume("worker")
            try worker.fail()
            let failed = try await node.ask("GET", "/readyz")
            #expect(failed.status == 503)
            #expect(failed.body == "not ready: worker is failed\n")
        }
    }

    // MARK: Metrics

    @Test("metrics are a page on which every family occurs once")
    func metrics() async throws {
        try await AdminFixture.with([TestComponent("a"), TestComponent("b")]) { node in
            _ = try await node.ask("GET", "/livez")
            let answer = try await node.ask("GET", "/metrics")
            #expect(answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
            var types: [String] = []
            for line in answer.body.split(separator: "\n") {
                let words = line.split(separator: " ")
                if line.hasPrefix("# TYPE ") { types.append(String(words[2])) }
                if line.hasPrefix("#") { continue }
                #expect(Double(words.last ?? "") != nil, "\(line)")
                let name = line.prefix { $0 != "{" && $0 != " " }
                #expect(types.last.map { name.hasPrefix($0) } == true, "\(line) stands in its family")
            }
            #expect(Set(types).count == types.count)
            #expect(answer.body.contains("weir_http_requests_total{path=\"/livez\",status=\"200\"} 1\n"))
        }
    }

    // MARK: Work

    @Test("the work of components has exactly the documented members; oldest is null where nothing runs")
    func work() async throws {
        let worker = TestComponent("worker")
        try await AdminFixture.with([worker]) { node in
            let permit = try worker.gate.enter()
            let answer = try await node.ask("GET", "/weir/v1/work")
            permit.end(.succeeded)
            #expect(answer.headers["content-type"] == "application/json")
            let document = try #require(try json(answer.body) as? [String: Any])
            #expect(Set(document.keys) == ["state", "components"])
            #expect(document["state"] as? String == "running")
            let rows = try #require(document["components"] as? [[String: Any]])
            let row = try #require(rows.first { $0["name"] as? String == "worker" })
            #expect(
                Set(row.keys) == [
                    "name", "state", "inFlight", "peak", "started", "succeeded", "failed", "cancelled", "abandoned",
                    "rejected", "sessions", "loops", "oldest",
                ])
            #expect(row["inFlight"] as? Int == 1)
            #expect(row["state"] as? String == "running")
            #expect(answer.body.contains("\"oldest\":null"))
        }
    }

    @Test("refusals are counted by reason")
    func rejections() async throws {
        let worker = TestComponent("worker")
        try await AdminFixture.with([worker]) { node in
            try node.runtime.drain("worker")
            #expect(throws: WorkRejected.self) { try worker.gate.enter().end(.succeeded) }
            let answer = try await node.ask("GET", "/weir/v1/work")
            let document = try JSONDecoder().decode(WorkDocument.self, from: Data(answer.body.utf8))
            #expect(document.components.first { $0.name == "worker" }?.rejected["draining"] == 1)
        }
    }

    @Test("the stream tells the work at once, and again when it changes")
    func stream() async throws {
        let worker = TestComponent("worker")
        try await AdminFixture.with([worker]) { node in
            let connection = try await RawConnection.open(node.port)
            try await connection.send("GET /weir/v1/work/stream HTTP/1.1\r\nHost: t\r\n\r\n")
            var text = ""
            var drained = false
            for await chunk in connection.received {
                text += chunk
                if text.contains("text/event-stream"), text.contains("\"state\":\"running\""), !drained {
                    drained = true
                    try node.runtime.drain("worker")
                }
                if text.contains("\"name\":\"worker\""), text.contains("\"state\":\"drained\"") { break }
            }
            #expect(drained)
            let sessions = node.runtime.snapshot().components.first { $0.name == "http/observe" }?.counts.sessions
            #expect(sessions == 1, "a stream is a session")
            try await connection.channel.close()
        }
    }

    // MARK: Drain

    @Test("a component is drained, looked at and resumed by its name, slashes and escapes included")
    func drainByName() async throws {
        let part = TestComponent("worker/part-0")
        try await AdminFixture.with([TestComponent("worker"), part, TestComponent("other")]) { node in
            let answer = try await node.ask("POST", "/weir/v1/drain/worker%2Fpart-0")
            #expect(answer.status == 202)
            #expect(try names(answer) == ["worker/part-0"])
            try await node.runtime.waitUntilDrained("worker/part-0")
            #expect(try states(await node.ask("GET", "/weir/v1/drain/worker/part-0")) == ["drained"])
            #expect(throws: WorkRejected.self) { try part.gate.enter().end(.succeeded) }
            let resumed = try await node.ask("DELETE", "/weir/v1/drain/worker/part-0")
            #expect(resumed.status == 200)
            #expect(try states(resumed) == ["running"])
            try part.gate.enter().end(.succeeded)
        }
    }

    @Test("a drain concerns what is below the name, too; without a name, all but what observes")
    func drainBelow() async throws {
        let components = ["worker", "worker/part-0", "workers"].map { TestComponent($0) }
        try await AdminFixture.with(components) { node in
            #expect(try names(await node.ask("POST", "/weir/v1/drain/worker")) == ["worker", "worker/part-0"])
            #expect(
                try names(await node.ask("POST", "/weir/v1/drain")) == ["http", "worker", "worker/part-0", "workers"])
            try await node.runtime.waitUntilDrained()
            #expect(try Set(states(await node.ask("GET", "/weir/v1/drain"))) == ["drained"])
            #expect(try Set(states(await node.ask("DELETE", "/weir/v1/drain"))) == ["running"])
        }
    }

    @Test("read-only refuses what writes and admits what reads")
    func readOnly() async throws {
        let worker = TestComponent("worker")
        try await AdminFixture.with([worker]) { node in
            let answer = try await node.ask("POST", "/weir/v1/drain/worker?mode=read-only")
            #expect(try states(answer) == ["read-only"])
            #expect(throws: WorkRejected.self) { try worker.gate.enter(.write).end(.succeeded) }
            try worker.gate.enter(.read).end(.succeeded)
        }
    }

    // MARK: Refusals

    @Test(
        "what cannot be answered is refused with a sentence in JSON",
        arguments: [
            ("GET", "/", 404), ("GET", "/nosuch", 404), ("POST", "/nosuch", 404), ("POST", "/livez", 405),
            ("PUT", "/weir/v1/drain", 405), ("DELETE", "/weir/v1/work", 405), ("GET", "/weir/v1/drain/nosuch", 404),
            ("POST", "/weir/v1/drain/nosuch", 404), ("DELETE", "/weir/v1/drain/nosuch", 404),
            ("POST", "/weir/v1/drain?mode=fast", 400), ("POST", "/weir/v1/drain/http/observe", 404),
        ])
    func refusals(_ method: String, _ path: String, _ status: Int) async throws {
        try await AdminFixture.with([TestComponent("worker")]) { node in
            let answer = try await node.ask(method, path)
            #expect(answer.status == status)
            #expect(answer.headers["content-type"] == "application/json")
            let error = try #require(try json(answer.body) as? [String: String])
            #expect(error.keys.sorted() == ["error"])
            #expect(error["error"]?.isEmpty == false)
            #expect((answer.headers["allow"] != nil) == (status == 405))
            #expect(node.runtime.currentState == .running)
        }
    }

    @Test("HEAD answers as GET does, without the body", arguments: ["/livez", "/weir/v1/work", "/metrics"])
    func head(_ path: String) async throws {
        try await AdminFixture.with { node in
            let answer = try await node.ask("HEAD", path)
            #expect(answer.status == 200)
            #expect(answer.body.isEmpty)
        }
    }

    @Test("a port that is in use is named, with what to do")
    func portInUse() async throws {
        try await AdminFixture.with { node in
            var configuration = RuntimeConfiguration()
            configuration.signals = nil
            // A starved machine must not end the tests.
            configuration.endProcess = { _ in }
            let second = Runtime(configuration)
            try second.register(
                AdminServer(
                    AdminServer.Address(host: "127.0.0.1", port: node.port), runtime: second,
                    group: MultiThreadedEventLoopGroup.singleton))
            let failure = await #expect(throws: ComponentStartFailed.self) { try await second.start() }
            let reason = try #require(failure?.reason as? AdminError)
            #expect(
                reason.description.contains(
                    "127.0.0.1:\(node.port): the port is in use; choose another with --http-port"))
        }
    }

    private func json(_ text: String) throws -> Any {
        try JSONSerialization.jsonObject(with: Data(text.utf8))
    }

    private func rows(_ answer: AdminFixture.Answer) throws -> [WorkDocument.Component] {
        try JSONDecoder().decode(WorkDocument.self, from: Data(answer.body.utf8)).components
    }

    private func names(_ answer: AdminFixture.Answer) throws -> [String] { try rows(answer).map(\.name) }
    private func states(_ answer: AdminFixture.Answer) throws -> [String] { try rows(answer).map(\.state) }
}
