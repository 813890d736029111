import Foundation
import Glibc
import Testing

extension EndToEnd {
    /// Groups of unmodified clients, while the node under them ends and comes back.
    @Suite("Groups over restarts")
    struct GroupTests {
        private struct Rebalances: Decodable {
            var calls: [[Call]]
            var ownerChanges: Int
            var readByOthers: [Int]
            var errors: [String]

            /// A number, a word, or numbers: only shown.
            struct Call: Decodable, CustomStringConvertible {
                var description: String

                init(from decoder: any Decoder) throws {
                    let container = try decoder.singleValueContainer()
                    if let number = try? container.decode(Int.self) {
                        description = "member \(number)"
                    } else if let word = try? container.decode(String.self) {
                        description = word
                    } else {
                        description = "\(try container.decode([Int].self))"
                    }
                }
            }
        }

        private struct Outcome: Decodable {
            var visible: [String]
            var failures: [String]
        }

        @Test(
            "twenty members and five open transactions notice nothing of a restart within five seconds",
            .timeLimit(.minutes(3)), arguments: ["classic", "consumer"])
        func restart(_ groupProtocol: String) throws {
            var node = try NodeProcess()
            defer { node.removeFolder() }
            _ = try Program.weir("topic", "create", "shared", "--partitions", "40", "--bootstrap", node.kafka)
            _ = try Program.weir("topic", "create", "paid", "--partitions", "3", "--bootstrap", node.kafka)
            // A member of a KIP-848 group hears what it is to have every five seconds, the classic one every second.
            let quiet = groupProtocol == "classic" ? "2" : "7"
            let members = try Script(
                "group_members.py",
                [node.kafka, "shared", "team", "--members", "20", "--protocol", groupProtocol, "--quiet-s", quiet])
            try members.wait(for: "stable")
            let transactions = try Script("open_transactions.py", [node.kafka, "paid", "--count", "5"])
            try transactions.wait(for: "open")
            let before = try DescribedGroup("team", at: node)
            #expect(before.members.count == 20)
            #expect(before.owners.count == 40)
            #expect(before.type == groupProtocol)

            let begin = monotonicSeconds()
            #expect(node.stop().status == 0)
            #expect(try node.exitReport().verdict == "clean")
            node = try NodeProcess(folder: node.folder, kafkaPort: node.kafkaPort)
            #expect(monotonicSeconds() - begin < 5)
            members.goOn()
            transactions.goOn()

            let rebalances = try members.finish(Rebalances.self)
            #expect(rebalances.calls.isEmpty, "\(rebalances.calls)")
            #expect(rebalances.ownerChanges == 0)
            #expect(rebalances.readByOthers.isEmpty)
            let outcome = try transactions.finish(Outcome.self)
            #expect(outcome.failures.isEmpty, "\(outcome.failures)")
            #expect(outcome.visible.count == 33)
            #expect(try committedValues(in: "paid", of: node) == outcome.visible)
            #expect(node.stop().status == 0)
        }

        @Test(
            "after a restart the coordinator has the same members with the same partitions", .timeLimit(.minutes(2)),
            arguments: ["classic", "consumer"])
        func membersStay(_ groupProtocol: String) throws {
            var node = try NodeProcess()
            defer { node.removeFolder() }
            _ = try Program.weir("topic", "create", "shared", "--partitions", "12", "--bootstrap", node.kafka)
            let members = try Script(
                "group_members.py",
                [
                    node.kafka, "shared", "team", "--members", "4", "--protocol", groupProtocol, "--quiet-s",
                    groupProtocol == "classic" ? "2" : "7",
                ])
            try members.wait(for: "stable")
            let before = try DescribedGroup("team", at: node)
            for signal in [SIGTERM, SIGKILL] {
                node.stop(signal)
                node = try NodeProcess(folder: node.folder, kafkaPort: node.kafkaPort)
                let after = try DescribedGroup("team", at: node)
                #expect(after.owners == before.owners)
                #expect(after.epoch == before.epoch)
                #expect(Set(after.members.map(\.memberID)) == Set(before.members.map(\.memberID)))
            }
            members.goOn()
            let rebalances = try members.finish(Rebalances.self)
            #expect(rebalances.calls.isEmpty, "\(rebalances.calls)")
            #expect(node.stop().status == 0)
        }

        private struct Commits: Decodable {
            var acknowledged: [String: Int64]
            var tried: [String: Int64]
            var commits: Int
            var rebalances: Int
        }

        @Test("offsets that were acknowledged are there after each of five SIGKILLs", .timeLimit(.minutes(2)))
        func commitsSurvive() throws {
            var node = try NodeProcess()
            defer { node.removeFolder() }
            _ = try Program.weir("topic", "create", "read", "--partitions", "4", "--bootstrap", node.kafka)
            let member = try Script("group_commits.py", [node.kafka, "read", "reader"])
            try member.wait(for: "started")
            for _ in 0..<5 {
                try member.wait(for: "committed", times: 2)
                #expect(node.stop(SIGKILL).status == -SIGKILL)
                node = try NodeProcess(folder: node.folder, kafkaPort: node.kafkaPort)
            }
            try member.wait(for: "committed", times: 2)
            let commits = try member.finish(Commits.self)
            #expect(commits.rebalances == 1)
            #expect(commits.acknowledged.count == 4)
            let found = try DescribedGroup("reader", at: node)
            for (partition, acknowledged) in commits.acknowledged {
                let row = try #require(found.partitions.first { "\($0.partition)" == partition })
                let tried = try #require(commits.tried[partition])
                // What was tried last may have been written without an answer.
                #expect((acknowledged...max(acknowledged, tried)).contains(row.currentOffset ?? -1), "\(row)")
            }
            #expect(node.stop().status == 0)
        }

        @Test(
            "weir group moves offsets of a group that is not in use, and refuses those of one that is",
            .timeLimit(.minutes(1)))
        func commands() throws {
            let node = try NodeProcess()
            defer { node.removeFolder() }
            _ = try Program.weir("topic", "create", "read", "--partitions", "4", "--bootstrap", node.kafka)
            let member = try Script("group_commits.py", [node.kafka, "read", "reader"])
            try member.wait(for: "committed")
            let weir = try Program.weir()
            func run(_ words: String) throws -> (status: Int32, output: String, errors: String) {
                try ChildProcess.result(
                    of: weir, words.split(separator: " ").map(String.init) + ["--bootstrap", node.kafka])
            }
            let refused = try run("group reset-offsets reader --topic read --to-earliest")
            #expect(refused.status == 1)
            #expect(refused.errors.contains("stop its consumers"))
            #expect(try run("group delete reader").status == 1)
            _ = try member.finish(Commits.self)

            #expect(try run("group list --state Empty").output.contains("reader"))
            #expect(try !run("group list --state Stable").output.contains("reader"))
            #expect(try run("group reset-offsets reader --topic read:1 --to-earliest --dry-run").status == 0)
            let before = try DescribedGroup("reader", at: node)
            #expect(before.partitions.allSatisfy { ($0.currentOffset ?? 0) > 0 })
            #expect(try run("group reset-offsets reader --topic read:1 --to-earliest").status == 0)
            let after = try DescribedGroup("reader", at: node)
            #expect(after.partitions.map { $0.currentOffset == 0 } == [false, true, false, false])
            #expect(try run("group delete reader --topic read:0").status == 0)
            #expect(try DescribedGroup("reader", at: node).partitions.count == 3)
            #expect(try run("group delete reader").status == 0)
            #expect(try run("group describe reader").status == 1)
            #expect(node.stop().status == 0)
        }
    }
}
