import Foundation
import Testing

/// A script beside the tests that says on its output how far it is, and is told things on its input.
final class Script {
    private let process: ChildProcess
    private let name: String
    private let errors: URL

    var pid: Int32 { process.pid }

    /// Starts a script with the clients' Python; `python` names another.
    init(_ name: String, _ arguments: [String], python: String? = nil) throws {
        self.name = name
        errors = FileManager.default.temporaryDirectory.appendingPathComponent("weir-test-\(UUID().uuidString).log")
        process = try ChildProcess(
            try python ?? Program.python(), [Program.script(name)] + arguments, errors: errors)
    }

    deinit {
        try? FileManager.default.removeItem(at: errors)
    }

    /// What it wrote on its standard error.
    var complaints: String { (try? String(contentsOf: errors, encoding: .utf8)) ?? "" }

    /// Waits for a line that begins so; what stands behind it.
    @discardableResult
    func wait(for beginning: String) throws -> String {
        while let line = process.readLine() {
            if line.hasPrefix(beginning) { return String(line.dropFirst(beginning.count)) }
        }
        throw Failure("\(name) ended with \(process.wait()) before it said '\(beginning)': \(complaints.suffix(2000))")
    }

    /// Waits for so many lines that begin so.
    func wait(for beginning: String, times: Int) throws {
        for _ in 0..<times { try wait(for: beginning) }
    }

    /// Closes its standard input, which it takes for a word to go on or to end.
    func goOn() {
        process.closeInput()
    }

    func signal(_ number: Int32) {
        process.signal(number)
    }

    /// Waits for its end, and reads the last line that it printed.
    func finish<Answer: Decodable>(_ type: Answer.Type) throws -> Answer {
        process.closeInput()
        let last = process.readToEnd().split(separator: "\n").last.map(String.init) ?? ""
        let status = process.wait()
        guard status == 0, let answer = try? JSONDecoder().decode(Answer.self, from: Data(last.utf8)) else {
            throw Failure("\(name) ended with \(status) and said '\(last)': \(complaints.suffix(2000))")
        }
        return answer
    }

    /// Runs one to its end, and gives what it printed.
    static func run(_ name: String, _ arguments: [String]) throws -> String {
        try ChildProcess.run(try Program.python(), [Program.script(name)] + arguments)
    }
}

/// What a reader of committed records finds in a topic, sorted.
func committedValues(in topic: String, of node: NodeProcess) throws -> [String] {
    try Script.run("read_committed.py", [node.kafka, topic]).split(separator: "\n")
        .map { String($0.split(separator: " ", maxSplits: 2)[2]) }.sorted()
}

/// A group as `weir group describe -o json` prints it, as far as tests look.
struct DescribedGroup: Decodable {
    struct Partition: Decodable {
        var topic: String
        var partition: Int32
        var currentOffset: Int64?
        var memberID: String?
        var clientID: String?
    }

    struct Member: Decodable {
        var memberID: String
        var clientID: String
        var epoch: Int32?
    }

    var state: String
    var type: String
    var epoch: Int32?
    var partitions: [Partition]
    var members: [Member]

    init(_ group: String, at node: NodeProcess) throws {
        let text = try Program.weir("group", "describe", group, "-o", "json", "--bootstrap", node.kafka)
        self = try JSONDecoder().decode(DescribedGroup.self, from: Data(text.utf8))
    }

    /// Who has what: partition → member id.
    var owners: [Int32: String] {
        Dictionary(partitions.compactMap { row in row.memberID.map { (row.partition, $0) } }, uniquingKeysWith: { $1 })
    }
}
