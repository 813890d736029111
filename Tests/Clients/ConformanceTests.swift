import Foundation
import Testing

extension EndToEnd {
    /// Unmodified Kafka clients against a running node. Serial: each starts processes that use both cores.
    @Suite("Real clients")
    struct ConformanceTests {
        @Test("the three Python clients and librdkafka produce and consume", .timeLimit(.minutes(3)))
        func ownCases() throws {
            let node = try NodeProcess()
            defer { node.removeFolder() }
            let output = try ChildProcess.run(try Program.python(), [Program.script("smoke.py"), node.kafka])
            #expect(output.split(separator: "\n").count == 4)
            #expect(node.stop().status == 0)
        }

        @Test("kcat lists, produces and consumes", .timeLimit(.minutes(1)))
        func kcat() throws {
            let node = try NodeProcess()
            defer { node.removeFolder() }
            let input = FileManager.default.temporaryDirectory.appendingPathComponent(
                "weir-test-\(UUID().uuidString).txt")
            defer { try? FileManager.default.removeItem(at: input) }
            try "one\ntwo\nthree\n".write(to: input, atomically: true, encoding: .utf8)
            _ = try ChildProcess.run(
                "kcat", ["-P", "-b", node.kafka, "-t", "kcat", "-p", "0", "-z", "zstd", "-l", input.path])
            let read = try ChildProcess.run(
                "kcat", ["-C", "-b", node.kafka, "-t", "kcat", "-p", "0", "-o", "beginning", "-e", "-q"])
            #expect(read == "one\ntwo\nthree\n")
            #expect(
                try ChildProcess.run("kcat", ["-L", "-b", node.kafka]).contains("topic \"kcat\" with 1 partitions"))
            #expect(node.stop().status == 0)
        }

        @Test(
            "every case of the conformance folder passes", .timeLimit(.minutes(15)),
            .enabled(if: Program.conformance != nil, "no conformance folder; name one with CONFORMANCE=DIR"))
        func conformanceFolder() throws {
            let node = try NodeProcess()
            defer { node.removeFolder() }
            let script = try #require(Program.conformance) + "/clients/clients_smoke.py"
            let (status, output, errors) = try ChildProcess.result(
                of: try Program.python(),
                [script, "--bootstrap", node.kafka, "--with", "kip848", "-j", "4"])
            let bad = output.split(separator: "\n").filter { $0.hasPrefix("FAIL") || $0.hasPrefix("ERROR") }
            #expect(status == 0, "\(bad.joined(separator: "\n"))\n\(output.suffix(500))\(errors.suffix(2000))")
            #expect(node.stop().status == 0)
        }
    }
}
