import ArgumentParser
import KafkaClient
import KafkaWire
import WeirIO

extension GroupCommand {
    struct ResetOffsets: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "reset-offsets", abstract: "Moves what a group has committed, while it has no members.",
            discussion: """
                weir group reset-offsets billing --topic orders --to-earliest --dry-run
                weir group reset-offsets billing --topic orders:0,3 --to-offset 1200
                weir group reset-offsets billing --all-topics --to-datetime 2026-03-01T08:00:00Z
                weir group reset-offsets billing --all-topics --by-duration 1h30m
                weir group reset-offsets billing --topic orders --shift-by -100

                Prints the plan and carries it out; --dry-run only prints it. An offset outside the log becomes the \
                nearest inside, with a note. A group that does not exist yet is made.
                """)

        @Argument(help: "The group.") var group: String

        @Option(
            name: .customLong("topic"),
            help: ArgumentHelp(
                "A topic, or some of its partitions; may be repeated.", valueName: "topic[:partition,...]"))
        var topics: [PartitionChoice] = []
        @Flag(help: "Every partition that the group committed something for.") var allTopics = false

        @Flag(help: "To the first record that is there.") var toEarliest = false
        @Flag(help: "To the end.") var toLatest = false
        @Flag(help: "To where it is: only what was never committed moves, to the end.") var toCurrent = false
        @Option(parsing: .unconditional, help: "To this offset.") var toOffset: Int64?
        @Option(
            help: ArgumentHelp(
                "To the first record of that time or later: RFC 3339; without a zone it is UTC.", valueName: "time"))
        var toDatetime: Moment?
        @Option(
            parsing: .unconditional,
            help: ArgumentHelp("To the first record of that long ago: 90s, 1h30m, 2d, PT1H30M.", valueName: "duration"))
        var byDuration: TimeSpan?
        @Option(
            parsing: .unconditional, help: ArgumentHelp("So many records on, or back: -100.", valueName: "count"))
        var shiftBy: Int64?

        @Flag(help: "Print the plan, change nothing.") var dryRun = false
        @OptionGroup var options: BootstrapOptions
        @OptionGroup var output: OutputOptions

        /// Where to; nil unless exactly one place is named.
        func target(now milliseconds: Int64) -> OffsetTarget? {
            var targets: [OffsetTarget] = []
            if toEarliest { targets.append(.earliest) }
            if toLatest { targets.append(.latest) }
            if toCurrent { targets.append(.current) }
            if let toOffset { targets.append(.offset(toOffset)) }
            if let toDatetime { targets.append(.time(toDatetime.milliseconds)) }
            if let byDuration { targets.append(.time(max(0, milliseconds - byDuration.milliseconds))) }
            if let shiftBy { targets.append(.shift(shiftBy)) }
            return targets.count == 1 ? targets[0] : nil
        }

        func validate() throws {
            guard target(now: 0) != nil else {
                throw ValidationError(
                    "Where to? Give one of --to-earliest, --to-latest, --to-current, --to-offset, --to-datetime, "
                        + "--by-duration, --shift-by.")
            }
            guard topics.isEmpty == allTopics else {
                throw ValidationError("Of what? Give --topic (it may be repeated), or --all-topics.")
            }
            if let toOffset, toOffset < 0 { throw ValidationError("--to-offset is \(toOffset); offsets begin at 0.") }
            if let toDatetime, toDatetime.milliseconds < 0 {
                throw ValidationError("--to-datetime is before 1970, where time begins.")
            }
        }

        func run() async throws {
            guard let target = target(now: SystemClock().wallMilliseconds) else { return }
            try await options.withClient { client in
                let admin = GroupAdmin(client)
                let obstacle = try await self.obstacle(admin)
                if let obstacle, !dryRun { throw obstacle }
                let plan = try await plan(target, client, admin)
                var refused: [TopicPartition: String] = [:]
                if !dryRun {
                    let offsets = plan.map {
                        (TopicPartition($0.topic, $0.partition), CommittedOffset(offset: $0.newOffset))
                    }
                    refused = try await admin.commit(Dictionary(uniqueKeysWithValues: offsets), for: group)
                        .mapValues(\.name)
                }
                try print(plan.filter { refused[TopicPartition($0.topic, $0.partition)] == nil })
                StandardOutput.flush()
                if let first = refused.min(by: { $0.key < $1.key }) {
                    throw UsageError.failed("\(refused.keys.text) of group '\(group)' refused: \(first.value)")
                }
                if let obstacle { throw obstacle }
            }
        }

        /// Why a reset is not possible now; nil: it is. A group that is not there is no obstacle.
        private func obstacle(_ admin: GroupAdmin) async throws -> UsageError? {
            do {
                let description = try await admin.describe(group)
                guard !description.members.isEmpty || description.state != "Empty" else { return nil }
                let count = description.members.count
                return UsageError.failed(
                    "group '\(group)' is \(description.state) with \(count) member\(count == 1 ? "" : "s"), which would "
                        + "go on where they are; stop its consumers, or wait for their session timeout, and try again")
            } catch let error as ClientError where error.errorCode == .groupIdNotFound {
                return nil
            }
        }

        private func plan(
            _ target: OffsetTarget, _ client: KafkaClient, _ admin: GroupAdmin
        ) async throws -> [PlannedOffset] {
            let committed = try await admin.committedOffsets(of: group)
            let partitions: [TopicPartition]
            if allTopics {
                partitions = committed.keys.sorted()
                guard !partitions.isEmpty else {
                    throw UsageError.failed("group '\(group)' committed nothing yet; name its topics with --topic")
                }
            } else {
                partitions = try await PartitionChoice.resolve(topics, with: client)
            }
            let earliest = try await client.offsets(.earliest, of: partitions)
            let latest = try await client.offsets(.latest, of: partitions)
            var atTime: [TopicPartition: Int64] = [:]
            if case .time(let time) = target {
                atTime = try await client.offsets(.timestamp(time), of: partitions)
            }
            return try partitions.map { partition in
                guard let first = earliest[partition], let end = latest[partition] else {
                    throw UsageError.failed(
                        "\(partition) is gone, or nobody leads it; leave it out, or forget what was committed for it "
                            + "with `weir group delete \(group) --topic \(partition.topic)`")
                }
                let bounds = OffsetBounds(
                    current: committed[partition]?.offset, earliest: first, latest: end, atTime: atTime[partition])
                guard let planned = PlannedOffset(target, of: partition, bounds) else {
                    throw UsageError.failed(
                        "group '\(group)' committed nothing for \(partition), so that --shift-by has no start")
                }
                return planned
            }
        }

        private func print(_ plan: [PlannedOffset]) throws {
            if output.format == .table {
                StandardOutput.print("\(group)  \(dryRun ? "would read" : "reads") on from NEW-OFFSET")
            }
            let hasNotes = plan.contains { $0.note != nil }
            try output.print(plan) { plan in
                Table(
                    headings: ["TOPIC", "PARTITION", "CURRENT-OFFSET", "NEW-OFFSET", "LAG"]
                        + (hasNotes ? ["NOTE"] : []),
                    rows: plan.map { row in
                        [
                            row.topic, "\(row.partition)", orDash(row.currentOffset.map(String.init)),
                            "\(row.newOffset)", "\(row.lag)",
                        ] + (hasNotes ? [row.note ?? ""] : [])
                    }, numeric: [1, 2, 3, 4])
            }
        }
    }
}
