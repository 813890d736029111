import Foundation
import Glibc
import Testing

extension EndToEnd {
    /// Transactions of unmodified clients: exactly once, whatever ends in the middle.
    @Suite("Transactions")
    struct TransactionTests {
        private struct Transformed: Decodable {
            var transactions: Int
            var aborted: Int
            var producers: Int
            var errors: [String: Int]
        }

        @Test(
            "what is consumed, transformed and produced over five SIGKILLs is there exactly once",
            .timeLimit(.minutes(4)))
        func exactlyOnce() throws {
            var node = try NodeProcess()
            defer { node.removeFolder() }
            let count = 3000
            for (topic, partitions) in [("numbers", "4"), ("doubled", "4")] {
                _ = try Program.weir("topic", "create", topic, "--partitions", partitions, "--bootstrap", node.kafka)
            }
            let text = (0..<count).map { "\($0)\n" }.joined()
            let input = node.folder.appendingPathComponent("numbers.txt")
            try text.write(to: input, atomically: true, encoding: .utf8)
            _ = try ChildProcess.run("kcat", ["-P", "-b", node.kafka, "-t", "numbers", "-l", input.path])
            // Without rebootstrapping: a node that ends in the middle of a transaction and is back at once may leave
            // librdkafka 2.16 waiting for a coordinator that it has forgotten.
            let transform = try Script(
                "transform.py",
                [node.kafka, "numbers", "doubled", "doublers", "\(count)", "--patience", "150", "--recovery", "none"])
            var generator = SystemRandomNumberGenerator()
            for _ in 0..<5 {
                try transform.wait(for: "transformed", times: 4)
                // At any moment of the next transaction, not always right after one.
                usleep(UInt32.random(in: 0..<150_000, using: &generator))
                #expect(node.stop(SIGKILL).status == -SIGKILL)
                node = try NodeProcess(folder: node.folder, kafkaPort: node.kafkaPort)
            }
            let stats = try transform.finish(Transformed.self)
            let expected = (0..<count).map { "\($0 * 2)" }.sorted()
            let found = try committedValues(in: "doubled", of: node)
            #expect(found.count == count, "\(stats)")
            #expect(found == expected)
            #expect(node.stop().status == 0)
        }

        private struct Second: Decodable {
            var seconds: Double
        }

        @Test(
            "a producer with its client's own settings goes on after a restart", .timeLimit(.minutes(2)),
            arguments: [SIGTERM, SIGKILL])
        func goesOn(_ signal: Int32) throws {
            var node = try NodeProcess()
            defer { node.removeFolder() }
            for topic in ["numbers", "doubled"] {
                _ = try Program.weir("topic", "create", topic, "--bootstrap", node.kafka)
            }
            let producer = try Script("two_transactions.py", [node.kafka, "numbers", "doubled", "doublers"])
            try producer.wait(for: "first")
            node.stop(signal)
            node = try NodeProcess(folder: node.folder, kafkaPort: node.kafkaPort)
            _ = try producer.finish(Second.self)
            #expect(try committedValues(in: "doubled", of: node) == ["1", "2"])
            #expect(try DescribedGroup("doublers", at: node).partitions.map(\.currentOffset) == [2])
            #expect(node.stop().status == 0)
        }

        private struct Fenced: Decodable {
            var zombie: [Part]

            struct Part: Decodable {
                var text: String

                init(from decoder: any Decoder) throws {
                    let container = try decoder.singleValueContainer()
                    if let word = try? container.decode(String.self) {
                        text = word
                    } else {
                        text = "\(try container.decode(Bool.self))"
                    }
                }
            }
        }

        @Test("a producer whose id another has taken gets nothing through", .timeLimit(.minutes(1)))
        func zombie() throws {
            let node = try NodeProcess()
            defer { node.removeFolder() }
            _ = try Program.weir("topic", "create", "owned", "--bootstrap", node.kafka)
            let outcome = try Script("zombies.py", ["fenced", node.kafka, "owned"]).finish(Fenced.self)
            #expect(outcome.zombie.first?.text == "_FENCED", "\(outcome.zombie)")
            #expect(try committedValues(in: "owned", of: node) == ["second"])
            #expect(node.stop().status == 0)
        }

        @Test(
            "a transaction whose producer was killed is aborted after its timeout, and readers go on",
            .timeLimit(.minutes(2)))
        func abandoned() throws {
            let node = try NodeProcess()
            defer { node.removeFolder() }
            _ = try Program.weir("topic", "create", "owned", "--bootstrap", node.kafka)
            let producer = try Script("zombies.py", ["hang", node.kafka, "owned"])
            try producer.wait(for: "open")
            producer.signal(SIGKILL)
            let input = node.folder.appendingPathComponent("later.txt")
            try "later\n".write(to: input, atomically: true, encoding: .utf8)
            _ = try ChildProcess.run("kcat", ["-P", "-b", node.kafka, "-t", "owned", "-p", "0", "-l", input.path])
            #expect(try Program.weir("txn", "list", "--bootstrap", node.kafka).contains("Ongoing"))
            // Waits while the transaction is open, for at most twenty seconds.
            #expect(try committedValues(in: "owned", of: node) == ["later"])
            #expect(try Program.weir("txn", "list", "--bootstrap", node.kafka).contains("CompleteAbort"))
            #expect(node.stop().status == 0)
        }

        private struct Outcome: Decodable {
            var visible: [String]
            var failures: [String]
        }

        @Test("weir txn shows an open transaction, aborts it and fences its producer", .timeLimit(.minutes(1)))
        func commands() throws {
            let node = try NodeProcess()
            defer { node.removeFolder() }
            _ = try Program.weir("topic", "create", "owned", "--bootstrap", node.kafka)
            let producers = try Script("open_transactions.py", [node.kafka, "owned", "--count", "1"])
            try producers.wait(for: "open")
            let described = try Program.weir("txn", "describe", "open-0", "--bootstrap", node.kafka)
            #expect(described.contains("Ongoing"))
            #expect(described.contains("owned"))
            let known = try Program.weir("txn", "producers", "owned", "-o", "json", "--bootstrap", node.kafka)
            #expect(known.contains("\"transactionStartOffset\" : 0"))
            // It is open, but not left alone: nothing to be ended behind its coordinator's back.
            let hanging = try Program.weir(
                "txn", "find-hanging", "--max-transaction-timeout", "0s", "-o", "json", "--bootstrap", node.kafka)
            #expect(hanging.filter { !$0.isWhitespace } == "[]")
            let place = ["--topic", "owned", "--partition", "0", "--start-offset", "0"]
            let refused = try ChildProcess.result(
                of: try Program.weir(), ["txn", "abort", "--bootstrap", node.kafka] + place)
            #expect(refused.status == 1)
            #expect(refused.errors.contains("`weir txn abort open-0`"))
            #expect(
                try Program.weir("txn", "abort", "open-0", "--bootstrap", node.kafka)
                    .hasPrefix("aborted the transaction of open-0 in owned:0"))
            let outcome = try producers.finish(Outcome.self)
            #expect(outcome.visible.isEmpty)
            #expect(outcome.failures.count == 1)
            #expect(try committedValues(in: "owned", of: node).isEmpty)
            let again = try ChildProcess.result(
                of: try Program.weir(), ["txn", "abort", "open-0", "--bootstrap", node.kafka])
            #expect(again.status == 1)
            #expect(again.errors.contains("nothing to abort"))
            #expect(node.stop().status == 0)
        }
    }
}
