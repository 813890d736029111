import Foundation
import Glibc
import Testing

extension EndToEnd {
    @Suite("A real disk")
    struct DiskTests {
        /// A node with a topic of several segments, stopped: 3,000 records of 1,000 bytes, 10 a batch.
        private func filledFolder() throws -> NodeProcess {
            let node = try NodeProcess()
            _ = try Program.weir("topic", "create", "t", "--config", "segment.bytes=500000", "--bootstrap", node.kafka)
            _ = try ChildProcess.run(
                try Program.python(),
                [
                    Program.script("produce_forever.py"), node.kafka, "t", node.folder.path + "/acknowledged",
                    "--count", "3000", "--size", "1000", "--batch-size", "20000",
                ])
            try #require(node.stop().status == 0)
            return node
        }

        private func files(_ node: NodeProcess, _ suffix: String) throws -> [URL] {
            let folder = node.folder.appendingPathComponent("topics/t-0")
            return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
                .filter { $0.lastPathComponent.hasSuffix(suffix) }.sorted { $0.path < $1.path }
        }

        private func overwrite(_ file: URL, at offset: UInt64, with bytes: [UInt8]) throws {
            let handle = try FileHandle(forUpdating: file)
            try handle.seek(toOffset: offset)
            try handle.write(contentsOf: Data(bytes))
            try handle.close()
        }

        private func values(_ node: NodeProcess, from offset: String) throws -> [Int] {
            let read = ["consume", "t", "--from", offset, "--exit", "--bootstrap", node.kafka]
            return try ChildProcess.run(try Program.weir(), read).split(separator: "\n").compactMap {
                Int($0.prefix(12))
            }
        }

        @Test("missing and damaged indexes are made again", .timeLimit(.minutes(1)))
        func indexes() throws {
            let first = try filledFolder()
            defer { first.removeFolder() }
            let indexes = try files(first, ".index")
            #expect(indexes.count > 3)
            try FileManager.default.removeItem(at: indexes[0])
            try overwrite(indexes[1], at: 0, with: Array(repeating: 0xAB, count: 64))
            try FileManager.default.removeItem(at: try files(first, ".timeindex")[1])
            let node = try NodeProcess(folder: first.folder)
            #expect(try values(node, from: "earliest") == Array(0..<3000))
            #expect(try values(node, from: "1234").first == 1234)
            #expect(node.stop().status == 0)
        }

        @Test(
            "damage below the synced end is neither truncated nor served; the rest is served", .timeLimit(.minutes(1)))
        func damage() throws {
            let first = try filledFolder()
            defer { first.removeFolder() }
            let segments = try files(first, ".log")
            let sizes = try segments.map { try $0.resourceValues(forKeys: [.fileSizeKey]).fileSize }
            try overwrite(segments[1], at: 100_000, with: [0xFF, 0x00, 0xFF, 0x00])
            let node = try NodeProcess(folder: first.folder)
            let begin = try #require(Int(segments[1].deletingPathExtension().lastPathComponent))
            // All before the damaged segment.
            let (status, output, errors) = try ChildProcess.result(
                of: "kcat",
                ["-C", "-b", node.kafka, "-t", "t", "-p", "0", "-o", "beginning", "-e", "-q", "-c", "\(begin)"])
            #expect(status == 0, "\(errors)")
            #expect(output.split(separator: "\n").count == begin)
            // Up to the damaged batch, then an error that it says and tries again after: a leader could move.
            let errorFile = first.folder.appendingPathComponent("consumer.log")
            let reader = try ChildProcess(
                try Program.weir(), ["consume", "t", "--from", "\(begin)", "--bootstrap", node.kafka], errors: errorFile
            )
            // 10 records a batch; the pipe would not hold what stands before the damaged one.
            for _ in 0..<90 { _ = reader.readLine() }
            let deadline = monotonicSeconds() + 30
            var said = ""
            while !said.contains("trying again"), monotonicSeconds() < deadline {
                said = (try? String(contentsOf: errorFile, encoding: .utf8)) ?? ""
                _ = try httpBody(node, "/livez")
            }
            #expect(said.contains("KAFKA_STORAGE_ERROR"), "\(said)")
            reader.signal(SIGINT)
            reader.wait()
            let after = try #require(Int(segments[2].deletingPathExtension().lastPathComponent))
            #expect(try values(node, from: "\(after)") == Array(after..<3000))
            let metrics = try httpBody(node, "/metrics")
            #expect(metrics.contains("weir_log_damaged_ranges"))
            #expect(node.stop().status == 0)
            #expect(
                try segments.prefix(2).map { try $0.resourceValues(forKeys: [.fileSizeKey]).fileSize }
                    == Array(sizes.prefix(2)))
        }

        @Test(
            "a full disk refuses writes, serves reads, and takes writes again when there is room",
            .timeLimit(.minutes(2)))
        func full() throws {
            let folder = NodeProcess.temporaryFolder()
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            guard mount("tmpfs", folder.path, "tmpfs", 0, "size=32m") == 0 else {
                print("a full disk: skipped, no file system can be mounted here (errno \(errno))")
                return
            }
            defer { umount2(folder.path, Int32(MNT_DETACH)) }
            let ballast = folder.appendingPathComponent("ballast")
            try Data(repeating: 1, count: 16 << 20).write(to: ballast)
            let node = try NodeProcess(folder: folder.appendingPathComponent("data"))
            let file = NodeProcess.temporaryFolder()
            defer { try? FileManager.default.removeItem(at: file) }
            _ = try Program.weir("topic", "create", "t", "--bootstrap", node.kafka)
            let produce = [Program.script("produce_forever.py"), node.kafka, "t", file.path, "--size", "1000"]
            let full = try ChildProcess.run(
                try Program.python(), produce + ["--count", "40000", "--patience", "4", "--progress", "1000000"])
            let refused = try summary(full)
            #expect(refused.failed > 0)
            #expect(refused.acknowledged > 1000)
            #expect(try values(node, from: "earliest").count >= refused.acknowledged)
            try FileManager.default.removeItem(at: ballast)
            let again = try ChildProcess.run(
                try Program.python(),
                produce + ["--first", "100000", "--count", "2000", "--patience", "20", "--progress", "1000000"])
            #expect(try summary(again).acknowledged == 2000)
            #expect(try values(node, from: "earliest").suffix(2000) == Array(100_000..<102_000)[...])
            #expect(node.stop().status == 0)
        }

        private func summary(_ output: String) throws -> Load.Summary {
            let line = try #require(output.split(separator: "\n").last)
            return try JSONDecoder().decode(Load.Summary.self, from: Data(line.utf8))
        }
    }
}

/// The body of a GET, over a plain socket.
func httpBody(_ node: NodeProcess, _ path: String) throws -> String {
    let port = UInt16(node.http.split(separator: ":").last ?? "") ?? 0
    let connection = try RawConnection(port: port)
    try connection.send(Array("GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8))
    return String(decoding: connection.receiveToEnd(), as: UTF8.self)
}
