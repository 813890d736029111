import Foundation
import Testing

#if canImport(Glibc)
import Glibc
#endif

/// The sample plugins in the built `weir`, as their READMEs say.
@Suite("The sample plugins", .serialized, .timeLimit(.minutes(3)))
struct PluginTests {
    /// `weir serve` with plugins, on free ports and in a folder of its own.
    private final class Node {
        let folder: URL
        let program: Program
        let kafka: String
        let server: String

        init(_ arguments: [String]) throws {
            folder = FileManager.default.temporaryDirectory.appendingPathComponent(
                "weir-\(UUID().uuidString.prefix(8))")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            program = try Program(
                "weir",
                ["serve", "--data-dir", folder.path, "--kafka-port", "0", "--http-port", "0"] + arguments)
            _ = program.read(until: "http=")
            let ready = program.read(until: "\n")
            let words = ready.split(whereSeparator: \.isWhitespace)
            try #require(words.count == 3, "weir printed '\(ready)'")
            kafka = String(words[1].dropFirst("kafka=".count))
            server = "http://" + words[2].dropFirst("http=".count)
        }

        deinit { try? FileManager.default.removeItem(at: folder) }

        /// Runs a command against the node; gives what it printed.
        func weir(_ arguments: String...) throws -> String {
            let place = ["topic", "consume"].contains(arguments[0]) ? ["--bootstrap", kafka] : ["--server", server]
            let finished = try Program.run("weir", arguments + place)
            try #require(finished.status == .exited(0), "\(arguments): \(finished.complaints)")
            return finished.output
        }

        /// Asks until the answer has all the texts.
        func eventually(_ texts: [String], in arguments: String...) throws {
            let end = Date(timeIntervalSinceNow: 60)
            var last = ""
            repeat {
                let place = arguments[0] == "consume" ? ["--bootstrap", kafka] : ["--server", server]
                let finished = try Program.run("weir", arguments + place)
                last = finished.output + finished.complaints
                if texts.allSatisfy(last.contains) { return }
            } while Date() < end
            Issue.record("\(arguments.joined(separator: " ")) never showed \(texts), but: \(last)")
        }

        func stop() -> Program.Status {
            program.signal(SIGTERM)
            return program.exitStatus()
        }
    }

    /// A library that was built beside the tests.
    private func library(_ name: String) throws -> String {
        let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return URL(fileURLWithPath: tests).deletingLastPathComponent().appendingPathComponent("lib\(name).so").path
    }

    private func sample(_ path: String) -> String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../Samples/\(path)").path
    }

    @Test("in Swift: topics are audited in records and ConfigMaps, and the node ends clean")
    func topicAudit() throws {
        let node = try Node(["--plugin", try library("TopicAuditPlugin")])
        _ = try node.weir("topic", "create", "orders", "--partitions", "2")
        try node.eventually(
            [#"\"event\":\"Ready\""#, #""key":"orders""#], in: "consume", "audit", "--from", "earliest", "--exit",
            "--output", "json")
        try node.eventually(["audit-orders"], in: "get", "configmaps")
        _ = try node.weir("topic", "delete", "orders")
        try node.eventually(
            [#"\"event\":\"deleted\""#], in: "consume", "audit", "--from", "earliest", "--exit", "--output", "json")
        #expect(try node.weir("plugin", "list").contains("topic-audit"))
        #expect(try node.weir("work").contains("plugin/topic-audit"))
        #expect(node.stop() == .exited(0))
    }

    @Test("in C, built by the compiler alone: a kind of its own is reconciled into records")
    func mirror() throws {
        let built = FileManager.default.temporaryDirectory.appendingPathComponent(
            "mirror-\(UUID().uuidString.prefix(8)).so")
        defer { try? FileManager.default.removeItem(at: built) }
        let compiler = Process()
        compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        // The line of its README.
        compiler.arguments = [
            "cc", "-O2", "-std=c11", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-fvisibility=hidden",
            "-I\(sample("../Sources/WeirPluginABI/include"))", "-o", built.path, sample("MirrorPlugin/mirror.c"),
        ]
        try compiler.run()
        compiler.waitUntilExit()
        try #require(compiler.terminationStatus == 0)

        let node = try Node(["--plugin", built.path])
        _ = try node.weir("apply", "-f", sample("MirrorPlugin/mirror.yaml"))
        _ = try node.weir("apply", "-f", sample("MirrorPlugin/example.yaml"))
        try node.eventually(
            [#"\"color\":\"blue\""#, #""key":"settings""#], in: "consume", "mirror-settings", "--from", "earliest",
            "--exit", "--output", "json")
        try node.eventually(["mirroredVersion", "offset: 0"], in: "get", "mirrors", "-o", "yaml")
        #expect(node.stop() == .exited(0))
    }

    @Test("can do only what their configuration grants")
    func grants() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "weir-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("weir.toml").path
        let configuration = """
            [[plugins]]
            path = "\(try library("TopicAuditPlugin"))"
            name = "auditor"
            [plugins.config]
            topic = "trail"
            [[plugins.grants]]
            topics = ["trail"]
            verbs = ["produce"]
            """
        try configuration.write(toFile: file, atomically: true, encoding: .utf8)
        let listed = try Program.run("weir", ["plugin", "list", "--config", file, "--server", "http://127.0.0.1:1"])
        #expect(listed.output.contains("auditor") && listed.output.contains("ok"))

        let node = try Node(["--config", file])
        _ = try node.weir("topic", "create", "orders")
        try node.eventually(
            [#""key":"orders""#], in: "consume", "trail", "--from", "earliest", "--exit", "--output", "json")
        let log = node.program.read(until: "may not get ConfigMap", .error)
        #expect(log.contains("plugin auditor may not get ConfigMap"))
        #expect(node.stop() == .exited(0))
    }

    @Test("are checked before anything runs: 0 with what they ask for, or 78 and one sentence")
    func check() throws {
        let good = try Program.run("weir", ["plugin", "check", try library("MirrorPlugin")])
        #expect(good.status == .exited(0))
        #expect(good.output.contains("Mirror.example.com") && good.output.contains("[[plugins.grants]]"))
        let bad = try Program.run("weir", ["plugin", "check", "/nowhere.so"])
        #expect(bad.status == .exited(78))
        #expect(bad.complaints == "weir: there is no plugin at /nowhere.so; name a shared library (.so)\n")
        let served = try Program.run("weir", ["serve", "--plugin", "/nowhere.so"])
        #expect(served.status == .exited(78))
        #expect(served.complaints.contains("there is no plugin at /nowhere.so"))
    }
}
