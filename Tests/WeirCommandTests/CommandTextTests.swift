import ArgumentParser
import EmbeddedNode
import KafkaClient
import NIOCore
import Testing

@testable import WeirCommand

@Suite("What commands read and print")
struct CommandTextTests {
    // MARK: Tables

    @Test("columns are as wide as their widest cell; numbers stand to the right; no blanks at the end")
    func table() {
        let table = Table(
            headings: ["NAME", "N", "LAST"], rows: [["a", "1", "x"], ["long name", "1000", ""], ["ü", "22", "yy"]],
            numeric: [1])
        #expect(
            table.text == """
                NAME          N  LAST
                a             1  x
                long name  1000
                ü            22  yy
                """)
    }

    @Test("a table without rows is its headings")
    func emptyTable() {
        #expect(Table(headings: ["A", "B"], rows: []).text == "A  B")
    }

    // MARK: Arguments

    @Test(
        "a place to begin is a word, an offset or a time",
        arguments: [
            ("earliest", .earliest), ("latest", .latest), ("0", .offset(0)), ("42", .offset(42)),
            ("@1700000000000", .timestamp(1_700_000_000_000)), ("@0", .timestamp(0)), ("", nil), ("-1", nil),
            ("@", nil), ("@x", nil), ("@-5", nil), ("first", nil), ("1.5", nil), ("99999999999999999999", nil),
        ] as [(String, OffsetPosition?)])
    func startPosition(_ text: String, _ position: OffsetPosition?) {
        #expect(ConsumeCommand.StartPosition(argument: text)?.position == position)
    }

    @Test("cluster ids are 22 characters that stand for 128 bits, and differ")
    func clusterID() {
        let ids = (0..<200).map { _ in ClusterID.random() }
        #expect(Set(ids).count == ids.count)
        for id in ids {
            #expect(id.count == 22)
            #expect(id.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") })
            #expect("AQgw".contains(id.last ?? "?"), "the last one stands for two bits")
        }
    }

    @Test(
        "names in URLs are escaped, but for their slashes",
        arguments: [("kafka/orders-0", "kafka/orders-0"), ("a b", "a%20b"), ("ü?#%", "%C3%BC%3F%23%25"), ("", "")])
    func escapes(_ name: String, _ escaped: String) {
        #expect(name.addingURLPathEscapes() == escaped)
    }

    @Test(
        "a server is a URL; http:// may be left out",
        arguments: [
            ("http://h:1", "http://h:1"), ("http://h:1/", "http://h:1"), ("https://h//", "https://h"),
            ("127.0.0.1:8080", "http://127.0.0.1:8080"), ("localhost:80", "http://localhost:80"), ("foo", nil),
            ("", nil), ("ftp://h", nil), ("http://", nil),
        ] as [(String, String?)])
    func serverAddress(_ text: String, _ address: String?) throws {
        if let address {
            #expect(try ServerOptions.address(text) == address)
        } else {
            let error = #expect(throws: UsageError.self) { try ServerOptions.address(text) }
            #expect(error?.code == .usage)
        }
    }

    @Test("what is wrong with a call is one line that names the help of its command")
    func usageText() {
        #expect(
            Weir.usageText("No such.\nUsage", ["topic", "create", "x", "list"])
                == "No such. Usage; see `weir topic create --help`")
        #expect(Weir.usageText("Bad", []) == "Bad; see `weir --help`")
        #expect(Weir.usageText("Bad", ["--x", "topic"]) == "Bad; see `weir --help`")
    }

    @Test(
        "calls that are wrong are refused before anything happens",
        arguments: [
            ["serve", "--kafka-port", "70000"], ["serve", "--http-port", "x"], ["consume"],
            ["consume", "t", "--from", "x"], ["consume", "t", "--count", "0"], ["produce", "t", "--codec", "x"],
            ["produce", "t", "--key-separator", ""], ["bench", "produce", "t", "--records", "0"], ["nosuch"],
            ["work", "-o", "xml"], ["drain", "a", "b"],
        ])
    func wrongCalls(_ arguments: [String]) {
        let error = #expect(throws: (any Error).self) { _ = try Weir.parseAsRoot(arguments) }
        if let error { #expect(Weir.exitCode(for: error) == .validationFailure) }
        #expect(ExitCode.validationFailure.rawValue == ExitStatus.usage.rawValue)
    }

    @Test("every command has a sentence about itself")
    func abstracts() {
        var commands: [any ParsableCommand.Type] = [Weir.self]
        while let command = commands.popLast() {
            #expect(command.configuration.abstract.hasSuffix("."), "\(command)")
            commands += command.configuration.subcommands
        }
    }

    // MARK: Events

    @Test("events are the same however they were cut", arguments: 1...12)
    func events(_ size: Int) {
        let text = "data: {\"a\":1}\n\n:\n\nevent: x\ndata: two\ndata: lines ü\n\ndata: half"
        var reader = EventReader()
        var events: [String] = []
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: size) {
            events += reader.read(ByteBuffer(bytes: bytes[start..<min(bytes.count, start + size)]))
        }
        #expect(events == ["{\"a\":1}", "two\nlines ü"])
    }

    // MARK: Bench

    @Test("percentiles are of the latencies, rates of the time")
    func benchResult() {
        let result = BenchCommand.Result(
            records: 1000, bytes: 1_048_576, took: .seconds(2), latencies: (1...100).map { .milliseconds($0) })
        #expect(result.recordsPerSecond == 500)
        #expect(result.mebibytesPerSecond == 0.5)
        #expect(result.latencyMs["max"] == 100)
        #expect(result.latencyMs["p50"] == 50)
        #expect(result.latencyMs["p99"] == 99)
        let none = BenchCommand.Result(records: 0, bytes: 0, took: .zero, latencies: [])
        #expect(none.latencyMs.isEmpty)
        #expect(none.recordsPerSecond == 0)
    }
}
