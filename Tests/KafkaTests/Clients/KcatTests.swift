import Foundation
import Testing

@testable import Kafka

@Suite("kcat against a node in this process", .enabled(if: Finished.isInstalled("kcat")), .serialized)
struct KcatTests {
    @Test("lists, produces with every codec, consumes everything in order", .timeLimit(.minutes(1)))
    func wholeWay() async throws {
        try await RealNode.with { node in
            let bootstrap = try node.bootstrap
            let codecs = ["none", "gzip", "snappy", "lz4", "zstd"]
            for codec in codecs {
                let lines = (0..<200).map { "\(codec)-\($0)" }.joined(separator: "\n") + "\n"
                let sent = try await Finished.run(
                    "kcat", ["-b", bootstrap, "-P", "-t", "codecs", "-p", "0", "-z", codec], input: lines)
                #expect(sent.status == 0, "\(sent.errors)")
            }
            let got = try await Finished.run(
                "kcat",
                ["-b", bootstrap, "-C", "-t", "codecs", "-p", "0", "-o", "beginning", "-e", "-q", "-f", "%o %s\n"])
            let expected = codecs.flatMap { codec in (0..<200).map { "\(codec)-\($0)" } }
                .enumerated().map { "\($0.offset) \($0.element)" }
            let lines = got.output.split(separator: "\n").map(String.init)
            #expect(lines.count == expected.count && lines == expected, "\(lines.count) lines; \(got.errors)")
            let list = try await Finished.run("kcat", ["-b", bootstrap, "-L", "-J"])
            #expect(list.output.contains("\"topic\":\"codecs\""), "\(list.output)")
        }
    }

    @Test("an idempotent producer's records are there once and in order", .timeLimit(.minutes(1)))
    func idempotent() async throws {
        try await RealNode.with { node in
            let bootstrap = try node.bootstrap
            let lines = (0..<5000).map { "\($0)" }.joined(separator: "\n") + "\n"
            let sent = try await Finished.run(
                "kcat",
                [
                    "-b", bootstrap, "-P", "-t", "once", "-p", "0", "-X", "enable.idempotence=true", "-X",
                    "batch.num.messages=50",
                ], input: lines)
            #expect(sent.status == 0, "\(sent.errors)")
            let got = try await Finished.run(
                "kcat", ["-b", bootstrap, "-C", "-t", "once", "-p", "0", "-o", "beginning", "-e", "-q"])
            let isSame = got.output == lines
            #expect(isSame, "\(got.output.count) characters; \(got.errors)")
            let asked = try await Finished.run("kcat", ["-b", bootstrap, "-Q", "-t", "once:0:-1"])
            #expect(asked.output.contains("offset 5000"), "\(asked.output) \(asked.errors)")
        }
    }
}
