import Foundation
import Glibc
import Testing

extension EndToEnd {
    /// A topic of keys, cleaned while it is written to and while the node ends at any moment.
    @Suite("Compaction")
    struct CompactionTests {
        private struct Changes: Decodable {
            var written: Int
            var acknowledged: Int
            var read: Int
            var keys: Int
            var wrong: Int
            var keyless: String?
            var failures: [String]
        }

        @Test("over five SIGKILLs a compacted topic shrinks to what was written last", .timeLimit(.minutes(3)))
        func shrinks() throws {
            // Cleaned again at once, so that an end comes in the middle of it more often than not.
            let arguments = ["--set", "kafka.log.cleaner.backoff.ms=10"]
            var node = try NodeProcess(arguments: arguments)
            defer { node.removeFolder() }
            let configuration = [
                "cleanup.policy=compact", "segment.bytes=131072", "min.cleanable.dirty.ratio=0.01",
                "delete.retention.ms=0",
            ]
            _ = try ChildProcess.run(
                try Program.weir(),
                ["topic", "create", "state", "--partitions", "1", "--bootstrap", node.kafka]
                    + configuration.flatMap { ["--config", $0] })
            let script = try Script("keyed_changes.py", [node.kafka, "state"])
            for _ in 0..<5 {
                try script.wait(for: "written")
                usleep(UInt32.random(in: 0..<100_000))
                #expect(node.stop(SIGKILL).status == -SIGKILL)
                node = try NodeProcess(folder: node.folder, arguments: arguments, kafkaPort: node.kafkaPort)
            }
            try script.wait(for: "written")
            let changes = try script.finish(Changes.self)
            #expect(changes.failures.isEmpty, "\(changes.failures)")
            #expect(changes.acknowledged == changes.written)
            #expect(changes.wrong == 0, "\(changes)")
            #expect(changes.read * 10 <= changes.written, "\(changes)")
            #expect(changes.keyless == "INVALID_RECORD")
            #expect(node.stop().status == 0)
        }
    }
}
