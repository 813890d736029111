import Foundation
import Glibc
import Testing

extension EndToEnd {
    /// A stream processor that nobody here wrote, its state in a compacted changelog topic.
    @Suite("Stream processing")
    struct StreamTests {
        private struct Counted: Decodable {
            var words: Int
            var whole: Int
            var counts: Int
            var doubled: Int
            var late: Int
            var starts: Int
        }

        @Test(
            "Quix Streams counts each word exactly once over five SIGKILLs of the node and two of itself",
            .timeLimit(.minutes(6)))
        func wordCount() throws {
            var node = try NodeProcess()
            defer { node.removeFolder() }
            for (topic, partitions) in [("lines", "3"), ("counts", "2")] {
                _ = try Program.weir("topic", "create", topic, "--partitions", partitions, "--bootstrap", node.kafka)
            }
            let state = node.folder.appendingPathComponent("stream-state")
            try FileManager.default.createDirectory(at: state, withIntermediateDirectories: true)
            let driver = try Script(
                "word_count.py", ["drive", node.kafka, state.path], python: try Program.streamsPython())
            for _ in 0..<5 {
                try driver.wait(for: "counted", times: 2)
                #expect(node.stop(SIGKILL).status == -SIGKILL)
                node = try NodeProcess(folder: node.folder, kafkaPort: node.kafkaPort)
            }
            try driver.wait(for: "counted")
            let counted = try driver.finish(Counted.self)
            #expect(counted.words == 8)
            #expect(counted.whole == counted.words, "\(counted)")
            #expect(counted.doubled == 0)
            #expect(counted.late == 0)
            #expect(counted.starts >= 3, "\(counted)")
            #expect(node.stop().status == 0)
        }
    }
}
