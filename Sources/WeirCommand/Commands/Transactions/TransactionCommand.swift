import ArgumentParser
import KafkaClient
import WeirIO

/// `weir txn`: looks at transactions, and ends those that nobody else does.
struct TransactionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "txn", abstract: "Lists, describes and aborts transactions, and finds those that hang.",
        discussion: """
            weir txn list --state Ongoing
            weir txn describe payments-1
            weir txn abort payments-1
            weir txn find-hanging
            """,
        subcommands: [List.self, Describe.self, Producers.self, Abort.self, FindHanging.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists the transactional ids, with the state of their transactions.",
            discussion: """
                weir txn list
                weir txn list --state Ongoing --open-longer-than 5m
                weir txn list --producer-id 4711 -o json
                """)

        @Option(help: "Only those in these states, such as Ongoing,PrepareCommit.") var state: String?
        @Option(
            name: .customLong("producer-id"),
            help: ArgumentHelp("Only those of this producer; may be repeated.", valueName: "id"))
        var producerIDs: [Int64] = []
        @Option(help: ArgumentHelp("Only those that are open for longer, such as 5m.", valueName: "duration"))
        var openLongerThan: TimeSpan?
        @OptionGroup var options: BootstrapOptions
        @OptionGroup var output: OutputOptions

        private struct Row: Encodable {
            var transactionalID: String
            var producerID: Int64
            var state: String
            var coordinator: Int32
        }

        func run() async throws {
            let filter = TransactionFilter(
                states: GroupCommand.List.words(state), producerIDs: Set(producerIDs),
                openLongerThan: openLongerThan.map { .milliseconds($0.milliseconds) })
            let found = try await options.withClient { try await TransactionAdmin($0).list(filter) }
            let rows = found.map {
                Row(
                    transactionalID: $0.id, producerID: $0.producerID, state: $0.state, coordinator: $0.coordinator.id)
            }
            try output.print(rows) { rows in
                Table(
                    headings: ["TRANSACTIONAL-ID", "PRODUCER-ID", "STATE", "COORDINATOR"],
                    rows: rows.map { [$0.transactionalID, "\($0.producerID)", $0.state, "\($0.coordinator)"] },
                    numeric: [1, 3])
            }
        }
    }

    struct Describe: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows a transactional id: its producer, and the transaction with its partitions.",
            discussion: """
                weir txn describe payments-1
                weir txn describe payments-1 -o yaml
                """)

        @Argument(help: "The transactional id.") var id: String
        @OptionGroup var options: BootstrapOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let now = SystemClock().wallMilliseconds
            let found = try await options.withClient { try await TransactionAdmin($0).describe(id) }
            let document = TransactionDocument(found, now: now)
            if output.format == .table { StandardOutput.print(document.headline) }
            try output.print(document) { $0.partitionTable }
        }
    }

    struct Producers: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows the producers that partitions know, and where their open transactions begin.",
            discussion: """
                weir txn producers orders
                weir txn producers orders:0,3 -o json
                """)

        @Argument(help: ArgumentHelp("The partitions.", valueName: "topic[:partition,...]"))
        var choices: [PartitionChoice]
        @OptionGroup var options: BootstrapOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let producers = try await options.withClient { client in
                try await TransactionAdmin(client).producers(
                    of: try await PartitionChoice.resolve(choices, with: client))
            }
            let rows = producers.sorted { $0.key < $1.key }.flatMap { partition, producers in
                producers.map { ProducerRow(partition, $0) }
            }
            try output.print(rows, table: ProducerRow.table)
        }
    }
}

/// A producer in a partition, as commands print it.
struct ProducerRow: Encodable {
    var topic: String
    var partition: Int32
    var producerID: Int64
    var producerEpoch: Int16
    var coordinatorEpoch: Int32?
    var lastSequence: Int32
    var lastWrite: String?
    var transactionStartOffset: Int64?

    init(_ partition: TopicPartition, _ producer: PartitionProducer) {
        (topic, self.partition) = (partition.topic, partition.partition)
        (producerID, producerEpoch) = (producer.id, producer.epoch)
        (coordinatorEpoch, lastSequence) = (producer.coordinatorEpoch, producer.lastSequence)
        lastWrite = producer.lastTimestamp >= 0 ? Moment(milliseconds: producer.lastTimestamp).text : nil
        transactionStartOffset = producer.transactionStart
    }

    static func table(_ rows: [ProducerRow]) -> Table {
        Table(
            headings: [
                "TOPIC", "PARTITION", "PRODUCER-ID", "EPOCH", "COORDINATOR-EPOCH", "LAST-SEQUENCE", "LAST-WRITE",
                "TXN-START-OFFSET",
            ],
            rows: rows.map { row in
                [
                    row.topic, "\(row.partition)", "\(row.producerID)", "\(row.producerEpoch)",
                    orDash(row.coordinatorEpoch.map(String.init)), "\(row.lastSequence)", orDash(row.lastWrite),
                    orDash(row.transactionStartOffset.map(String.init)),
                ]
            }, numeric: [1, 2, 3, 4, 5, 7])
    }
}
