import Foundation
import Glibc
import Testing

extension EndToEnd {
    @Suite("Drain of a process")
    struct DrainTests {
        @Test("an idle node ends within 50 ms of SIGTERM, with a clean report", .timeLimit(.minutes(1)))
        func idle() throws {
            // The fastest of three: what else the machine does is not the node's.
            var fastest = Double.infinity
            for _ in 0..<2 {
                let node = try NodeProcess()
                defer { node.removeFolder() }
                let (status, seconds) = node.stop()
                #expect(status == 0)
                fastest = min(fastest, seconds)
            }
            let node = try NodeProcess()
            defer { node.removeFolder() }
            let (status, seconds) = node.stop()
            #expect(status == 0)
            #expect(min(fastest, seconds) < 0.05)
            let report = try node.exitReport()
            #expect(report.verdict == "clean")
            #expect(report.exitCode == 0)
            #expect(report.signal == "SIGTERM")
            #expect(report.stages.map(\.name) == ["announce", "hand-over", "drain", "flush", "stop"])
            #expect(!FileManager.default.fileExists(atPath: node.folder.appendingPathComponent("endpoints.json").path))
        }

        @Test(
            "a drain under load loses and doubles nothing, and its producer survives the restart",
            .timeLimit(.minutes(3)))
        func underLoad() throws {
            var node = try NodeProcess()
            defer { node.removeFolder() }
            _ = try Program.weir("topic", "create", "load", "--bootstrap", node.kafka)
            let file = node.folder.appendingPathComponent("acknowledged")
            let load = try Load(on: node, topic: "load", file: file)
            for _ in 0..<3 {
                try load.waitForProgress(3)
                let (status, seconds) = node.stop()
                #expect(status == 0)
                #expect(seconds < 1)
                let report = try node.exitReport()
                #expect(report.verdict == "clean")
                for component in report.components {
                    #expect(component.inFlight == 0, "\(component.name)")
                    #expect(component.abandoned == 0, "\(component.name)")
                    #expect(component.started == component.succeeded + component.failed + component.cancelled)
                }
                node = try NodeProcess(folder: node.folder, kafkaPort: node.kafkaPort)
            }
            try load.waitForProgress(1)
            let summary = try load.finish()
            #expect(summary.failed == 0, "\(summary.firstFailure ?? "")")
            #expect(summary.left == 0)
            #expect(summary.acknowledged == summary.produced)
            try expectExactlyOnce(try load.acknowledged(), in: "load", of: node)
            #expect(node.stop().status == 0)
        }

        @Test(
            "parked fetches, idle connections and a client that never reads do not hold the drain up",
            .timeLimit(.minutes(1)))
        func sleepers() throws {
            let node = try NodeProcess()
            defer { node.removeFolder() }
            _ = try Program.weir("topic", "create", "quiet", "--bootstrap", node.kafka)
            let parked = try ChildProcess(
                "kcat", ["-C", "-b", node.kafka, "-t", "quiet", "-X", "fetch.wait.max.ms=60000"])
            let idle = try (0..<100).map { _ in try RawConnection(port: node.kafkaPort) }
            let deaf = try RawConnection(port: node.kafkaPort)
            // Metadata of all topics, asked for again and again; the answers are never read.
            try deaf.send(Array(repeating: RawConnection.metadataRequest, count: 2000).flatMap { $0 })
            try waitUntil("a fetch is parked") { try sessions(of: "kafka/quiet-0", at: node) == 1 }
            let (status, seconds) = node.stop()
            #expect(status == 0)
            #expect(seconds < 1)
            parked.signal(SIGKILL)
            withExtendedLifetime((idle, deaf)) {}
        }

        @Test("fifty SIGKILLs under load lose and double nothing", .timeLimit(.minutes(8)))
        func kills() throws {
            var node = try NodeProcess()
            defer { node.removeFolder() }
            _ = try Program.weir("topic", "create", "load", "--bootstrap", node.kafka)
            let file = node.folder.appendingPathComponent("acknowledged")
            let load = try Load(on: node, topic: "load", file: file, patience: 120)
            var generator = SystemRandomNumberGenerator()
            for _ in 0..<50 {
                try load.waitForProgress()
                // At a random moment of the next burst, not always right after a report.
                usleep(UInt32.random(in: 0..<20_000, using: &generator))
                #expect(node.stop(SIGKILL).status == -SIGKILL)
                node = try NodeProcess(folder: node.folder, kafkaPort: node.kafkaPort)
            }
            let summary = try load.finish()
            #expect(summary.failed == 0, "\(summary.firstFailure ?? "")")
            #expect(summary.left == 0)
            try expectExactlyOnce(try load.acknowledged(), in: "load", of: node)
            #expect(node.stop().status == 0)
        }

        @Test(
            "readiness turns with the first signal, and the second cuts the announcement short", .timeLimit(.minutes(1))
        )
        func signals() throws {
            let node = try NodeProcess(arguments: ["--set", "shutdown.propagation=30s"])
            defer { node.removeFolder() }
            #expect(try httpStatus(node, "/readyz") == 200)
            node.signal(SIGTERM)
            try waitUntil("readiness is gone") { try httpStatus(node, "/readyz") == 503 }
            #expect(try httpStatus(node, "/livez") == 200)
            let (status, seconds) = node.stop(SIGTERM)
            #expect(status == 75)
            #expect(seconds < 5)
            #expect(try node.exitReport().exitCode == 75)
        }
    }
}

/// Asks again and again, for at most ten seconds, until `condition` holds.
func waitUntil(_ what: String, _ condition: () throws -> Bool) throws {
    let deadline = monotonicSeconds() + 10
    while !(try condition()) {
        if monotonicSeconds() > deadline { throw Failure("not within 10 s: \(what)") }
        usleep(5000)
    }
}

/// The status code of a GET, over a plain socket.
func httpStatus(_ node: NodeProcess, _ path: String) throws -> Int {
    let port = UInt16(node.http.split(separator: ":").last ?? "") ?? 0
    let connection = try RawConnection(port: port)
    try connection.send(Array("GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8))
    let answer = String(decoding: connection.receiveToEnd(), as: UTF8.self)
    let words = answer.split(separator: " ", maxSplits: 2)
    return words.count > 1 ? Int(words[1]) ?? 0 : 0
}

/// The open sessions of a component, as `weir work` shows them.
func sessions(of component: String, at node: NodeProcess) throws -> Int? {
    struct Work: Decodable {
        struct Component: Decodable {
            var name: String
            var sessions: Int
        }
        var components: [Component]
    }
    let text = try Program.weir("work", "-o", "json", "--server", node.server)
    return try JSONDecoder().decode(Work.self, from: Data(text.utf8)).components.first { $0.name == component }?
        .sessions
}
