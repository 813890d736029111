import Foundation
import Testing

extension EndToEnd {
    /// What is left of topics that are gone: nothing.
    @Suite("Topics that come and go")
    struct TopicCycleTests {
        private static let metadataLog = "@metadata-0"
        /// Bytes that the metadata log may have, however many changes went through it.
        private static let metadataSizeBytesMax = 16 << 20
        /// KiB by which the node may be larger than it was.
        private static let growthKilobytesMax = 16 << 10

        /// What a node holds on to, beside its metadata log.
        private struct Holdings: Equatable {
            var descriptors: Int
            var folders: [String]
            var objects: [String]
        }

        private func holdings(_ node: NodeProcess) throws -> Holdings {
            // The metadata log has a few segments now and one after the next compaction: its own bound holds for it.
            let descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(node.pid)/fd")
                .filter { descriptor in
                    let file = try? FileManager.default.destinationOfSymbolicLink(
                        atPath: "/proc/\(node.pid)/fd/\(descriptor)")
                    return file?.contains("/\(Self.metadataLog)/") != true
                }
            let folders = try FileManager.default.contentsOfDirectory(atPath: topics(of: node).path)
            var objects: [String] = []
            for kind in ["topics", "partitions"] {
                objects += try Program.weir("get", kind, "-o", "name", "--server", node.server)
                    .split(separator: "\n").map(String.init)
            }
            return Holdings(descriptors: descriptors.count, folders: folders.sorted(), objects: objects)
        }

        private func topics(of node: NodeProcess) -> URL { node.folder.appendingPathComponent("topics") }

        private func metadataSizeBytes(_ node: NodeProcess) throws -> Int {
            let folder = topics(of: node).appendingPathComponent(Self.metadataLog)
            return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
                .reduce(0) { sum, file in
                    // One that is being replaced may be gone by now.
                    sum + ((try? FileManager.default.attributesOfItem(atPath: file.path)[.size] as? Int) ?? 0)
                }
        }

        /// Memory of its own: what it allocated, not the program's pages.
        private func memoryKilobytes(_ node: NodeProcess) throws -> Int {
            let status = try String(contentsOfFile: "/proc/\(node.pid)/status", encoding: .utf8)
            let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("RssAnon:") })
            return try #require(line.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) })
        }

        private func cycle(_ node: NodeProcess, from first: Int, _ count: Int) throws {
            _ = try ChildProcess.run(
                try Program.python(),
                [Program.script("topic_cycles.py"), node.kafka, node.http, "\(first)", "\(count)"])
        }

        /// `WEIR_TEST_CYCLES=10000` for all of them, which takes about ten minutes.
        @Test(
            "after topics were made and deleted over and over, through clients and objects, nothing is left over",
            .timeLimit(.minutes(60)))
        func cycles() throws {
            let count = ProcessInfo.processInfo.environment["WEIR_TEST_CYCLES"].flatMap { Int($0) } ?? 50
            let node = try NodeProcess(arguments: ["--set", "kafka.log.segment.delete.delay.ms=0"])
            defer { node.removeFolder() }
            // What is kept on purpose, the last 16,384 changes for who watches, is full after 2,048 cycles.
            let warmUp = max(count / 4, min(count / 2, 2_500))
            try cycle(node, from: 0, warmUp)
            let before = try settled(node) { $0.folders == [Self.metadataLog] }
            let memoryBefore = try memoryKilobytes(node)
            try cycle(node, from: warmUp, count - warmUp)
            let after = try settled(node) { $0 == before }
            #expect(after == before)
            #expect(after.folders == [Self.metadataLog])
            #expect(after.objects == [])
            #expect(try metadataSizeBytes(node) < Self.metadataSizeBytesMax)
            let grown = try memoryKilobytes(node) - memoryBefore
            #expect(grown < Self.growthKilobytesMax, "the node grew by \(grown) KiB in \(count - warmUp) cycles")
            #expect(node.stop().status == 0)
        }

        /// What it holds when that is as wanted, or after ten seconds: deleted files are unlinked in the background.
        private func settled(_ node: NodeProcess, _ isWanted: (Holdings) -> Bool) throws -> Holdings {
            let end = monotonicSeconds() + 10
            var found = try holdings(node)
            while !isWanted(found), monotonicSeconds() < end { found = try holdings(node) }
            return found
        }
    }
}
