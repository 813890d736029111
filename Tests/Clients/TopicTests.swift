import Foundation
import Testing

extension EndToEnd {
    /// Topics through clients and through objects: the same ones.
    @Suite("Topics")
    struct TopicTests {
        @Test("a topic that was applied is one for clients, and the other way round", .timeLimit(.minutes(1)))
        func applied() throws {
            let node = try NodeProcess()
            defer { node.removeFolder() }
            let manifest = node.folder.appendingPathComponent("topic.yaml")
            func apply(partitions: Int, retention: String) throws {
                try """
                apiVersion: weir/v1
                kind: Topic
                metadata:
                  name: orders
                spec:
                  partitions: \(partitions)
                  config:
                    retention.ms: "\(retention)"

                """.write(to: manifest, atomically: true, encoding: .utf8)
                _ = try Program.weir("apply", "-f", manifest.path, "--server", node.server)
            }
            func waitFor(_ wanted: String) throws -> Bool {
                for _ in 0..<200 {
                    let told = try Program.weir("topic", "describe", "orders", "--bootstrap", node.kafka)
                    if told.contains(wanted) { return true }
                    usleep(20_000)
                }
                return false
            }
            try apply(partitions: 2, retention: "60000")
            for _ in 0..<200 where try !Program.weir("topic", "list", "--bootstrap", node.kafka).contains("orders") {
                usleep(20_000)
            }
            #expect(try waitFor("retention.ms=60000"))
            try apply(partitions: 3, retention: "70000")
            #expect(try waitFor("retention.ms=70000"))
            #expect(
                try Program.weir("get", "partitions", "-o", "name", "--server", node.server).split(separator: "\n")
                    .count == 3)
            _ = try Program.weir("topic", "create", "payments", "--bootstrap", node.kafka)
            #expect(try Program.weir("get", "topic", "payments", "--server", node.server).contains("Ready"))
            _ = try Program.weir("topic", "delete", "orders", "--bootstrap", node.kafka)
            #expect(try !Program.weir("get", "topics", "--server", node.server).contains("orders"))
            #expect(node.stop().status == 0)
            // And all of it is there, and as it was, in the next life.
            let again = try NodeProcess(folder: node.folder)
            #expect(try Program.weir("get", "topics", "-o", "name", "--server", again.server).contains("payments"))
            #expect(again.stop().status == 0)
        }
    }
}
