import Foundation
import Testing

/// An idempotent librdkafka producer that runs until it is told to end, and wrote down every acknowledgement.
final class Load {
    struct Summary: Decodable {
        var produced: Int
        var acknowledged: Int
        var left: Int
        var failed: Int
        var firstFailure: String?
    }

    private let process: ChildProcess
    private let file: URL
    private let errors: URL

    init(on node: NodeProcess, topic: String, first: Int = 0, file: URL, patience: Int = 60) throws {
        self.file = file
        errors = file.appendingPathExtension("stderr")
        process = try ChildProcess(
            try Program.python(),
            [
                Program.script("produce_forever.py"), node.kafka, topic, file.path, "--first", "\(first)",
                "--patience", "\(patience)",
            ],
            errors: errors)
        try #require(process.readLine() == "started")
    }

    /// Waits until `count` more progress lines (2,000 acknowledgements each) came.
    func waitForProgress(_ count: Int = 1) throws {
        for _ in 0..<count {
            guard let line = process.readLine(), line.hasPrefix("acknowledged") else {
                throw Failure("the producer ended: \((try? String(contentsOf: errors, encoding: .utf8)) ?? "")")
            }
        }
    }

    /// Ends the producer after what is in flight.
    func finish() throws -> Summary {
        process.closeInput()
        var last = ""
        while let line = process.readLine() { last = line }
        process.wait()
        guard let summary = try? JSONDecoder().decode(Summary.self, from: Data(last.utf8)) else {
            throw Failure("the producer said '\(last)': \((try? String(contentsOf: errors, encoding: .utf8)) ?? "")")
        }
        return summary
    }

    /// What was acknowledged: sequence → offset.
    func acknowledged() throws -> [Int: Int64] {
        var offsets: [Int: Int64] = [:]
        for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
            let words = line.split(separator: " ")
            let offset: Int64 = try #require(Int64(words[1]))
            offsets[try #require(Int(words[0]))] = offset
        }
        return offsets
    }
}

/// Reads the partition whole and holds it against what was acknowledged: each of them exactly once, at its offset,
/// all in order, nothing twice.
func expectExactlyOnce(_ acknowledged: [Int: Int64], in topic: String, of node: NodeProcess) throws {
    let output = try ChildProcess.run(try Program.python(), [Program.script("read_all.py"), node.kafka, topic])
    var found: [Int: Int64] = [:]
    var last = -1
    var outOfOrder = 0
    var doubled = 0
    for line in output.split(separator: "\n") {
        let words = line.split(separator: " ", maxSplits: 2)
        let sequence = try #require(Int(words[1]))
        if found.updateValue(try #require(Int64(words[0])), forKey: sequence) != nil { doubled += 1 }
        if sequence <= last { outOfOrder += 1 }
        last = max(last, sequence)
    }
    let lost = acknowledged.filter { found[$0.key] == nil }
    let moved = acknowledged.filter { entry in found[entry.key].map { $0 != entry.value } ?? false }
    #expect(lost.isEmpty, "\(lost.count) acknowledged messages are not there: \(lost.prefix(3))")
    #expect(moved.isEmpty, "\(moved.count) messages are at other offsets: \(moved.prefix(3))")
    #expect(doubled == 0)
    #expect(outOfOrder == 0)
}
