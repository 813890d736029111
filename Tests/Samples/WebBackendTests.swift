import Dispatch
import Foundation
import Synchronization
import Testing

#if canImport(Glibc)
import Glibc
#endif

/// `Samples/WebBackend`, as its users run it.
@Suite("The web back end", .serialized, .timeLimit(.minutes(3)))
struct WebBackendTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    func backEnd(_ environment: String...) throws -> BackEnd { try BackEnd(folder, environment) }

    /// What it says that does not even start.
    func refusal(_ environment: String...) throws -> (status: Program.Status, lastLine: String) {
        let program = try Program("web-backend", environment: ["DATABASE=\(folder.path)/items.sqlite"] + environment)
        let complaints = program.readAll(.error)
        return (program.exitStatus(), complaints.split(separator: "\n").last.map(String.init) ?? "")
    }

    // MARK: The end

    @Test("ends at once where nobody asks anything", arguments: [SIGTERM, SIGINT])
    func idle(_ signal: Int32) throws {
        let server = try backEnd()
        #expect(try server.get("/health/ready").status == 200)
        let work = try server.get("/work")
        #expect(work.body.contains(#""state":"running""#))
        #expect(work.body.contains(#""name":"cache""#))
        #expect(server.end(signal).contains("summary: clean"))
    }

    @Test("has every acknowledged PUT in the database after a SIGTERM in the middle", arguments: ["0.01", "3600"])
    func keepsAcknowledged(_ flushInterval: String) throws {
        let server = try backEnd("CACHE_FLUSH_INTERVAL=\(flushInterval)")
        let acknowledged = Mutex<[String]>([])
        DispatchQueue.concurrentPerform(iterations: 4) { client in
            var number = 0
            while let answer = try? server.put("key-\(client)-\(number)", "\(number)"), answer.status == 200 {
                let count = acknowledged.withLock { acknowledged in
                    acknowledged.append("key-\(client)-\(number)")
                    return acknowledged.count
                }
                number += 1
                // Once: the others go on until they are refused.
                if count == 200 { server.program.signal(SIGTERM) }
            }
        }
        #expect(server.rest().contains("summary: clean"))
        let keys = acknowledged.withLock { $0 }
        #expect(keys.count >= 200)
        let again = try backEnd()
        let items = try again.get("/items").body
        let lost = keys.filter { !items.contains(#"{"key":"\#($0)","value":"\#($0.split(separator: "-")[2])"}"#) }
        #expect(lost.isEmpty)
        #expect(again.end().contains("summary: clean"))
    }

    @Test("refuses what comes during the shutdown, and tells readiness")
    func refuses() throws {
        // A webhook that does not answer holds the shutdown until its own deadline.
        let deaf = try LocalSocket()
        let server = try backEnd(
            "WEBHOOK_URL=http://127.0.0.1:\(deaf.port)/", "SHUTDOWN_BACKGROUND_TIMEOUT=60",
            "SHUTDOWN_GRACEFUL_TIMEOUT=120")
        #expect(try server.put("a", "1").status == 200)
        server.program.signal(SIGTERM)
        // The key is wrong: nothing is changed as long as requests are taken.
        while try server.put("Not_A_Key", "1").status == 400 {}
        #expect(try server.get("/health/ready").status == 503)
        #expect(try server.get("/health/live").status == 200)
        let late = try server.put("b", "1")
        #expect(late.status == 503)
        #expect(late.body == "web refuses work: draining\n")
        let socket = try server.connect(upgrading: true)
        #expect(socket.read().hasPrefix("HTTP/1.1 503"))
        #expect(server.rest().contains("summary: clean"))
        let again = try backEnd()
        #expect(try again.get("/items").body == #"[{"key":"a","value":"1"}]"#)
    }

    @Test("gives up background tasks at their deadline, and still writes the cache to the database")
    func backgroundDeadline() throws {
        let deaf = try LocalSocket()
        let server = try backEnd(
            "WEBHOOK_URL=http://127.0.0.1:\(deaf.port)/", "SHUTDOWN_BACKGROUND_TIMEOUT=0.1", "CACHE_FLUSH_INTERVAL=3600"
        )
        for number in 1...3 { #expect(try server.put("key-\(number)", "\(number)").status == 200) }
        let complaints = server.end(expecting: nil)
        #expect(complaints.contains("2 changes were not handled in time"))
        #expect(complaints.contains("summary: cancelled"))
        let again = try backEnd()
        for number in 1...3 { #expect(try again.get("/items/key-\(number)").body == "\(number)") }
    }

    @Test("does not wait for clients that do nothing")
    func idleClients() throws {
        let server = try backEnd("WEBSOCKET_GRACE=0.05")
        let silent = try server.connect()
        let kept = try server.connect()
        try kept.write("GET /items HTTP/1.1\r\nhost: test\r\n\r\n")
        #expect(kept.read(until: "[]").hasPrefix("HTTP/1.1 200"))
        // It never answers the close.
        let deaf = try server.connect(upgrading: true)
        #expect(deaf.read(until: "connected").hasPrefix("HTTP/1.1 101"))
        #expect(server.end().contains("summary: clean"))
        #expect(silent.read() == "")
        #expect(deaf.read().contains("ServerShutdown"))
    }

    // MARK: WebSockets

    @Test(
        "tells WebSocket clients of every change, then of its end, and closes with 1001",
        .enabled(if: canUseWebSockets()))
    func webSockets() throws {
        let server = try backEnd()
        let client = try Program(
            Self.python,
            ["-c", Self.webSocketClient, "ws://127.0.0.1:\(server.port)/ws", "from-socket=a=b", "nonsense"])
        client.read(until: "say KEY=VALUE")
        #expect(try server.get("/items/from-socket").body == "a=b")
        let count = 300
        for number in 0..<count {
            #expect(try server.request("POST", "/ingest/key-\(number)", "\(number)").status == 202)
        }
        #expect(server.end().contains("summary: clean"))
        let lines = client.readAll().split(separator: "\n").map(String.init)
        #expect(client.exitStatus() == .exited(0))
        #expect(lines.first == #"{"type":"connected"}"#)
        #expect(lines.contains(#"{"key":"from-socket","type":"changed","value":"a=b"}"#))
        #expect(lines.contains(#"{"message":"say KEY=VALUE","type":"error"}"#))
        let changes = (0..<count).map { #"{"key":"key-\#($0)","type":"changed","value":"\#($0)"}"# }
        #expect(lines.filter { $0.contains(#""key":"key-"#) } == changes, "in order, and none is missing")
        #expect(
            lines.suffix(2) == [
                #"{"message":"the server is going down; connect again","type":"ServerShutdown"}"#, "closed 1001",
            ])
    }

    private static let python = ProcessInfo.processInfo.environment["WEIR_TEST_PYTHON"] ?? ""

    /// Prints what it receives; says what the arguments tell it to.
    private static let webSocketClient = """
        import asyncio, sys, websockets

        async def main():
            async with websockets.connect(sys.argv[1], proxy=None) as socket:
                try:
                    print(await socket.recv(), flush=True)
                    for text in sys.argv[2:]:
                        await socket.send(text)
                    while True:
                        print(await socket.recv(), flush=True)
                except websockets.ConnectionClosed as end:
                    print("closed", end.rcvd.code if end.rcvd else None, flush=True)

        asyncio.run(main())
        """

    private static func canUseWebSockets() -> Bool {
        if let program = try? Program(python, ["-c", "import websockets"]), program.exitStatus() == .exited(0) {
            return true
        }
        FileHandle.standardError.write(
            Data("skipped: WEIR_TEST_PYTHON names no Python that has 'websockets'; see scripts/setup\n".utf8))
        return false
    }

    // MARK: Redis

    @Test("writes what is dirty in Redis to the database before it ends", .enabled(if: Redis.isThere()))
    func redisFlush() throws {
        let redis = try Redis(folder)
        let server = try backEnd("REDIS_URL=\(redis.url)", "CACHE_FLUSH_INTERVAL=3600")
        for number in 0..<50 { #expect(try server.put("key-\(number)", "\(number)").status == 200) }
        // Not every byte of a value is a letter.
        #expect(try server.put("zero", "a\u{0}b").status == 200)
        #expect(try server.get("/items/zero").body == "a\u{0}b")
        #expect(try server.get("/items").body == "[]")
        #expect(server.end().contains("items=51"))
        let withoutRedis = try backEnd()
        for number in 0..<50 { #expect(try withoutRedis.get("/items/key-\(number)").body == "\(number)") }
        #expect(try withoutRedis.get("/items/zero").body == "a\u{0}b")
    }

    @Test("writes what a killed one left dirty in Redis", .enabled(if: Redis.isThere()))
    func redisAfterKill() throws {
        let redis = try Redis(folder)
        let environment = ["REDIS_URL=\(redis.url)", "CACHE_FLUSH_INTERVAL=3600"]
        let killed = try BackEnd(folder, environment)
        #expect(try killed.put("gone", "1").status == 200)
        #expect(try killed.request("DELETE", "/items/gone").status == 200)
        for number in 0..<50 { #expect(try killed.put("key-\(number)", "\(number)").status == 200) }
        killed.program.signal(SIGKILL)
        #expect(killed.program.exitStatus() == .killed(SIGKILL))
        let next = try BackEnd(folder, environment)
        #expect(try next.get("/items/key-7").body == "7")
        #expect(try next.get("/items/gone").status == 404)
        #expect(next.end().contains("items=51"))
        let withoutRedis = try backEnd()
        for number in 0..<50 { #expect(try withoutRedis.get("/items/key-\(number)").body == "\(number)") }
        #expect(try withoutRedis.get("/items/gone").status == 404)
    }

    @Test("wants the password of a Redis that has one, and does not print it", .enabled(if: Redis.isThere()))
    func redisPassword() throws {
        let redis = try Redis(folder, ["--requirepass", "sesame open"])
        let address = "127.0.0.1:\(redis.port)"
        let (status, line) = try refusal("REDIS_URL=redis://:sesame@\(address)")
        #expect(status == .exited(70))
        #expect(line.hasPrefix("web-backend: Redis refused AUTH: "))
        #expect(!line.contains("sesame"))
        let server = try backEnd("REDIS_URL=redis://:sesame%20open@\(address)/3")
        #expect(try server.put("a", "1").status == 200)
        #expect(try server.get("/items/a").body == "1")
        #expect(server.end().contains("summary: clean"))
    }

    // MARK: What is wrong

    @Test(
        "says which variable is wrong, and what it must be",
        arguments: [
            ("PORT=99999", "PORT is '99999'; it must be 0 to 65535"),
            ("SHUTDOWN_DB_TIMEOUT=soon", "SHUTDOWN_DB_TIMEOUT is 'soon'; it must be a number of seconds, such as 30"),
            (
                "SHUTDOWN_GRACEFUL_TIMEOUT=5",
                "SHUTDOWN_DB_TIMEOUT is a part of SHUTDOWN_GRACEFUL_TIMEOUT; it must be less, not 5.0 seconds of "
                    + "5.0 seconds"
            ),
            (
                "REDIS_URL=redis://:secret@here:x",
                "REDIS_URL must be redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE], such as redis://localhost"
            ),
            ("WEBHOOK_URL=example.com", "WEBHOOK_URL is 'example.com'; it must begin with http:// or https://"),
        ])
    func wrongSettings(_ setting: String, _ sentence: String) throws {
        let (status, line) = try refusal(setting)
        #expect(status == .exited(78))
        #expect(line == "web-backend: \(sentence)")
    }

    @Test("says that the port is in use")
    func portInUse() throws {
        let other = try LocalSocket()
        let (status, line) = try refusal("PORT=\(other.port)")
        #expect(status == .exited(70))
        #expect(
            line == "web-backend: web did not start: cannot listen on 127.0.0.1:\(other.port): the port is in use; "
                + "set HOST and PORT")
    }

    @Test("refuses keys and values that the database would refuse")
    func refusesRequests() throws {
        let server = try backEnd()
        let key = try server.put("Not_A_Key", "1")
        #expect(key.status == 400)
        #expect(key.body.hasPrefix("the key 'Not_A_Key' must be 1 to 253 small letters"))
        #expect(try server.put("a", String(repeating: "x", count: 65_537)).status == 413)
        #expect(try server.get("/items/a").status == 404)
        #expect(try server.get("/ws").status == 426)
        // Who offers an upgrade that nobody knows is answered all the same.
        let foreign = try server.connect()
        try foreign.write("GET /items HTTP/1.1\r\nhost: test\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n")
        #expect(foreign.read(until: "[]").hasPrefix("HTTP/1.1 200"))
        #expect(server.end().contains("summary: clean"))
    }
}

/// A running back end.
final class BackEnd: Sendable {
    let program: Program
    let port: Int

    init(_ folder: TemporaryFolder, _ environment: [String]) throws {
        program = try Program(
            "web-backend", environment: environment + ["PORT=0", "DATABASE=\(folder.path)/items.sqlite"])
        let line = program.read(until: "\n")
        guard let port = line.split(separator: ":").last.flatMap({ Int($0.dropLast()) }) else {
            Issue.record("it did not start: \(program.readAll(.error))")
            throw LocalSocket.Failed(call: "start")
        }
        self.port = port
    }

    struct Answer {
        let status: Int
        let body: String
    }

    func get(_ path: String) throws -> Answer { try request("GET", path) }

    func put(_ key: String, _ value: String) throws -> Answer { try request("PUT", "/items/\(key)", value) }

    /// Asks on a connection of its own.
    func request(
        _ method: String, _ path: String, _ body: String = ""
    ) throws -> Answer {
        let socket = try LocalSocket(to: port)
        let lines = [
            "\(method) \(path) HTTP/1.1", "host: test", "connection: close", "content-length: \(body.utf8.count)",
        ]
        try socket.write(lines.joined(separator: "\r\n") + "\r\n\r\n" + body)
        let parts = socket.read().split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
        let status = parts[0].split(separator: " ").dropFirst().first.flatMap { Int($0) }
        guard let status, parts.count == 2 else { throw LocalSocket.Failed(call: "request") }
        return Answer(status: status, body: String(parts[1]))
    }

    /// A connection; one that has asked for a WebSocket.
    func connect(upgrading: Bool = false) throws -> LocalSocket {
        let socket = try LocalSocket(to: port)
        if upgrading {
            try socket.write(
                "GET /ws HTTP/1.1\r\nhost: test\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
                    + "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        }
        return socket
    }

    /// Sends the signal and waits for the end; what it wrote to standard error.
    func end(_ signal: Int32 = SIGTERM, expecting status: Program.Status? = .exited(0)) -> String {
        program.signal(signal)
        return rest(expecting: status)
    }

    /// Waits for the end; what it wrote to standard error.
    func rest(expecting status: Program.Status? = .exited(0)) -> String {
        let complaints = program.readAll(.error)
        let ended = program.exitStatus()
        if let status { #expect(ended == status, "\(complaints)") }
        return complaints
    }
}

/// A Redis server of the test's own, without anything on disk.
final class Redis: Sendable {
    let program: Program
    let port: Int
    var url: String { "redis://127.0.0.1:\(port)" }

    init(_ folder: TemporaryFolder, _ options: [String] = []) throws {
        // The program is several, and looks at its name which of them it shall be.
        let name = "\(folder.path)/redis-server"
        if !FileManager.default.fileExists(atPath: name) {
            try FileManager.default.createSymbolicLink(atPath: name, withDestinationPath: Self.path ?? "")
        }
        port = try LocalSocket.freePort()
        program = try Program(
            name, ["--port", "\(port)", "--bind", "127.0.0.1", "--save", "", "--dir", folder.path] + options)
        program.read(until: "Ready to accept connections")
    }

    /// Debian's `redis-tools` has the server under the name of another of its tools, and starts no service.
    private static let path: String? = {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        let names = ["redis-server", "redis-check-rdb"].flatMap { name in folders.map { "\($0)/\(name)" } }
        return names.first { access($0, X_OK) == 0 }
    }()

    static func isThere() -> Bool {
        if path != nil { return true }
        FileHandle.standardError.write(Data("skipped: there is no redis-server on the PATH; see scripts/setup\n".utf8))
        return false
    }
}
