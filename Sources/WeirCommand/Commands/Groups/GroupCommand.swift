import ArgumentParser
import KafkaClient
import KafkaWire

/// `weir group`: looks at consumer groups, moves their offsets, removes them.
struct GroupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "group", abstract: "Lists, describes and deletes consumer groups, and resets their offsets.",
        discussion: """
            weir group list --state Stable
            weir group describe billing
            weir group reset-offsets billing --topic orders --to-earliest --dry-run
            weir group delete billing
            """,
        subcommands: [List.self, Describe.self, ResetOffsets.self, Delete.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists the groups.",
            discussion: """
                weir group list
                weir group list --state Stable,Empty --type consumer -o json
                """)

        @Option(help: "Only those in these states, such as Stable,Empty.") var state: String?
        @Option(help: "Only those of these types: classic, consumer.") var type: String?
        @Option(
            name: .customLong("protocol"), help: "Only those with these protocol types, such as consumer,connect.")
        var protocolType: String?
        @OptionGroup var options: BootstrapOptions
        @OptionGroup var output: OutputOptions

        struct Row: Encodable {
            var group: String
            var type: String
            var state: String
            var protocolType: String
            var coordinator: Int32
        }

        /// Kafka's names; another word is a slip, not a filter that nothing passes.
        private static let states = [
            "PreparingRebalance", "CompletingRebalance", "Stable", "Dead", "Empty", "Assigning", "Reconciling",
        ]
        private static let types = ["classic", "consumer"]

        func validate() throws {
            for (option, text, known) in [("--state", state, Self.states), ("--type", type, Self.types)] {
                for word in Self.words(text) where !known.contains(where: { $0.lowercased() == word.lowercased() }) {
                    throw ValidationError("\(option) knows no '\(word)'; it knows \(known.joined(separator: ", "))")
                }
            }
        }

        func run() async throws {
            let filter = GroupFilter(
                states: Self.words(state), types: Self.words(type), protocolTypes: Self.words(protocolType))
            let groups = try await options.withClient { try await GroupAdmin($0).list(filter) }
            let rows = groups.map {
                Row(
                    group: $0.id, type: $0.type, state: $0.state, protocolType: $0.protocolType,
                    coordinator: $0.coordinator.id)
            }
            try output.print(rows) { rows in
                Table(
                    headings: ["GROUP", "TYPE", "STATE", "PROTOCOL", "COORDINATOR"],
                    rows: rows.map { row in
                        [row.group, row.type, row.state, row.protocolType, "\(row.coordinator)"].map(orDash)
                    }, numeric: [4])
            }
        }

        /// The words of a list with commas.
        static func words(_ text: String?) -> Set<String> {
            Set((text ?? "").split(separator: ",").map { $0.filter { !$0.isWhitespace } })
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Deletes groups, or with --topic only what they committed for topics.",
            discussion: """
                weir group delete billing reports
                weir group delete billing --topic orders --topic payments:0,3

                A group with members is not deleted; nor are offsets of a topic that a member subscribes to.
                """)

        @Argument(help: ArgumentHelp("The groups.", valueName: "group")) var groups: [String]
        @Option(
            name: .customLong("topic"),
            help: ArgumentHelp("Only the offsets of this topic; may be repeated.", valueName: "topic[:partition,...]"))
        var topics: [PartitionChoice] = []
        @OptionGroup var options: BootstrapOptions

        func validate() throws {
            if groups.isEmpty { throw ValidationError("Which group? `weir group list` shows them.") }
        }

        func run() async throws {
            try await options.withClient { client in
                let admin = GroupAdmin(client)
                var refusals: [String] = []
                for group in groups {
                    do {
                        try await delete(group, admin)
                    } catch let error as ClientError where error.code == .refused {
                        refusals.append(error.message)
                    } catch let error as UsageError {
                        refusals.append(error.description)
                    }
                }
                // What can go goes, and what cannot is told at the end.
                if !refusals.isEmpty { throw UsageError.failed(refusals.joined(separator: "; ")) }
            }
        }

        private func delete(_ group: String, _ admin: GroupAdmin) async throws {
            guard topics.isEmpty else { return try await deleteOffsets(of: group, admin) }
            try await admin.delete(group)
            StandardOutput.print("deleted \(group)")
        }

        /// Takes the partitions from what is committed, so that offsets of a topic that is gone can go, too.
        private func deleteOffsets(of group: String, _ admin: GroupAdmin) async throws {
            let committed = try await admin.committedOffsets(of: group).keys.filter { partition in
                topics.contains { $0.topic == partition.topic && $0.partitions?.contains(partition.partition) != false }
            }.sorted()
            guard !committed.isEmpty else {
                throw UsageError.failed("group '\(group)' committed nothing for what --topic names")
            }
            let refused = try await admin.deleteOffsets(of: committed, from: group)
            let deleted = committed.filter { refused[$0] == nil }
            if !deleted.isEmpty { StandardOutput.print("deleted the offsets of \(group) for \(deleted.text)") }
            guard let (partition, code) = refused.min(by: { $0.key < $1.key }) else { return }
            throw UsageError.failed(
                code == .groupSubscribedToTopic
                    ? "a member of '\(group)' subscribes to '\(partition.topic)'; stop its consumers and try again"
                    : "\(refused.keys.text) of group '\(group)' refused: \(code.name)")
        }
    }
}

/// The text, or a dash where there is none: a table has no empty cells.
func orDash(_ text: String?) -> String {
    guard let text, !text.isEmpty else { return "-" }
    return text
}
