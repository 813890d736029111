import Foundation
import Testing

/// The tool, as it is run from a shell.
@Suite struct ProcessTests {
    @Test("two processes give one seed the same trace")
    func sameTraceInTwoProcesses() throws {
        let arguments = ["--seed", "11", "--steps", "3000", "--swarm", "--brief"]
        let first = try run(arguments)
        let second = try run(arguments)
        #expect(first.status == 0 && first.output.hasPrefix("sound "))
        #expect(first.output == second.output)
        let other = try run(["--seed", "12", "--steps", "3000", "--swarm", "--brief"])
        #expect(other.output != first.output)
    }

    @Test("a violation gives its seed, its name, the command that repeats it, a trace, and exit status 1")
    func violationIsTold() throws {
        let result = try run(["--seed", "1", "--steps", "3000", "--sabotage", "doubleApply"])
        #expect(result.status == 1)
        #expect(result.output.contains("seed 1: VIOLATION at event "))
        #expect(result.output.contains("state machine safety, node "))
        #expect(result.output.contains("weir-simulate --seed 1 --steps 3000 --sabotage doubleApply"))
        #expect(result.output.contains(" arrives\n"))
    }

    @Test("minimising leaves out what the violation does not need")
    func minimise() throws {
        let result = try run(["--seed", "1", "--steps", "1500", "--sabotage", "doubleApply", "--minimise"])
        #expect(result.status == 1)
        let lines = result.output.split(separator: "\n").map(String.init)
        let place = try #require(lines.firstIndex { $0.hasPrefix("the smallest of ") })
        #expect(lines[place + 1].contains("--without "))
        #expect(lines[place + 1].contains("partitions"))
    }

    @Test("many seeds end with one line that counts them")
    func manySeeds() throws {
        let result = try run(["--first-seed", "1", "--seeds", "3", "--steps", "500"])
        #expect(result.status == 0)
        let last = try #require(result.output.split(separator: "\n").last)
        #expect(last.hasPrefix("3 seeds from 1 on: no violation, "))
    }

    @Test("arguments that make no sense are refused", arguments: [[], ["--seed", "1", "--without", "rain"]])
    func nonsense(arguments: [String]) throws {
        #expect(try run(arguments).status == 64)
    }

    private func run(_ arguments: [String]) throws -> (status: Int32, output: String) {
        let tool: URL = try #require(Self.tool)
        let process = Process()
        process.executableURL = tool
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, text)
    }

    /// The built tool: next to the test bundle, wherever that was built.
    private static let tool: URL? = {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let bundles = CommandLine.arguments.filter { $0.hasSuffix(".xctest") || $0.contains(".xctest/") }
        let folders =
            bundles.map { URL(fileURLWithPath: String($0.prefix(while: { $0 != " " }))).deletingLastPathComponent() }
            + [Bundle.main.bundleURL, root.appending(path: ".build/debug")]
        return folders.map { $0.appending(path: "weir-simulate") }
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
    }()
}
