import ArgumentParser
import KafkaClient

extension GroupCommand {
    struct Describe: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows a group: its offsets and lag by partition, or its members, or its state.",
            discussion: """
                weir group describe billing
                weir group describe billing --members --verbose
                weir group describe billing --state
                weir group describe billing -o json

                CURRENT-OFFSET is what the group reads next; LAG is how many offsets it is behind. JSON and YAML have \
                everything, whichever table is asked for.
                """)

        @Argument(help: "The group.") var group: String
        @Flag(help: "A row a member.") var members = false
        @Flag(help: "One row: state, assignor, coordinator.") var state = false
        @Flag(help: "With --members: what each has and subscribes to.") var verbose = false
        @OptionGroup var options: BootstrapOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            if members, state { throw ValidationError("--members and --state are two tables; ask for one.") }
            if verbose, !members { throw ValidationError("--verbose goes with --members.") }
        }

        func run() async throws {
            let document = try await options.withClient { client in
                let admin = GroupAdmin(client)
                let group = try await admin.describe(group)
                let committed = try await admin.committedOffsets(of: group.id)
                let partitions = Set(committed.keys).union(group.members.flatMap { $0.assignment ?? [] })
                return GroupDocument(
                    group, committed: committed, ends: try await client.offsets(.latest, of: partitions))
            }
            if output.format == .table, !state { StandardOutput.print(document.headline) }
            try output.print(document) { document in
                if state { return document.stateTable }
                if members { return document.memberTable(verbose ? .full : .counts) }
                return document.offsetTable
            }
        }
    }
}
