import Foundation
import Testing

extension EndToEnd {
    /// Topics through clients and through objects: the same ones.
    @Suite("Topics")
    struct TopicTests {
        /// What a node holds on to.
        private struct Holdings: Equatable {
            var descriptors: Int
            var folders: [String]
            var objects: [String]
        }

        private func holdings(_ node: NodeProcess) throws -> Holdings {
            let links = "/proc/\(node.pid)/fd"
            let descriptors = try FileManager.default.contentsOfDirectory(atPath: links).filter { number in
                // One may be closed meanwhile. The log of the objects has as many segments as it has.
                let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "\(links)/\(number)")
                return target.map { !$0.contains("@metadata-0") } ?? false
            }
            let folders = try FileManager.default.contentsOfDirectory(
                atPath: node.folder.appendingPathComponent("topics").path)
            var objects: [String] = []
            for kind in ["topics", "partitions"] {
                objects += try Program.weir("get", kind, "-o", "name", "--server", node.server)
                    .split(separator: "\n").map(String.init)
            }
            return Holdings(descriptors: descriptors.count, folders: folders.sorted(), objects: objects)
        }

        private func residentKilobytes(_ node: NodeProcess) throws -> Int {
            let status = try String(contentsOfFile: "/proc/\(node.pid)/status", encoding: .utf8)
            let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
            return try #require(line.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) })
        }

        private func cycle(_ node: NodeProcess, from first: Int, _ count: Int) throws {
            _ = try ChildProcess.run(
                try Program.python(),
                [Program.script("topic_cycles.py"), node.kafka, node.http, "\(first)", "\(count)"])
        }

        /// `WEIR_TEST_CYCLES=10000` for all of them, which takes minutes.
        @Test(
            "after topics were made and deleted over and over, through clients and objects, nothing is left over",
            .timeLimit(.minutes(30)))
        func cycles() throws {
            let count = ProcessInfo.processInfo.environment["WEIR_TEST_CYCLES"].flatMap { Int($0) } ?? 200
            let node = try NodeProcess(arguments: ["--set", "kafka.log.segment.delete.delay.ms=0"])
            defer { node.removeFolder() }
            // What is kept on purpose, like the changes that a watch may ask for, has its limit reached by then.
            let warmUp = count / 4
            try cycle(node, from: 0, warmUp)
            let before = try holdings(node)
            let memoryBefore = try residentKilobytes(node)
            try cycle(node, from: warmUp, count - warmUp)
            // Deleted files are unlinked in the background.
            var after = try holdings(node)
            for _ in 0..<100 where after != before {
                usleep(100_000)
                after = try holdings(node)
            }
            #expect(after == before)
            #expect(after.folders == ["@metadata-0"])
            #expect(after.objects == [])
            let grown = try residentKilobytes(node) - memoryBefore
            #expect(grown < 32 << 10, "the node grew by \(grown) KiB in \(count - warmUp) cycles")
            #expect(node.stop().status == 0)
        }

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
