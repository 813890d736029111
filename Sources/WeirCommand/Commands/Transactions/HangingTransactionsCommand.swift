import ArgumentParser
import KafkaClient
import KafkaWire
import WeirIO

extension TransactionCommand {
    struct FindHanging: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Finds transactions that are open in a partition and that no coordinator will end.",
            discussion: """
                weir txn find-hanging
                weir txn find-hanging --topic orders --topic payments:0 --max-transaction-timeout 5m

                They keep readers of committed records waiting at their first offset, and the cleaner before it.
                """)

        @Option(
            name: .customLong("topic"),
            help: ArgumentHelp("Only here; may be repeated. Default: everywhere.", valueName: "topic[:partition,...]"))
        var topics: [PartitionChoice] = []
        @Option(help: "The broker's transaction.max.timeout.ms: what wrote more recently is not looked at.")
        var maxTransactionTimeout = TimeSpan(milliseconds: 900_000)
        @OptionGroup var options: BootstrapOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let border = SystemClock().wallMilliseconds - maxTransactionTimeout.milliseconds
            let found = try await options.withClient { client in
                let partitions: [TopicPartition]
                if topics.isEmpty {
                    partitions = try await client.metadata(topics: nil).topics.flatMap { topic in
                        topic.partitions.map { TopicPartition(topic.name ?? "", $0.partitionIndex) }
                    }
                } else {
                    partitions = try await PartitionChoice.resolve(topics, with: client)
                }
                return try await TransactionAdmin(client).hanging(in: partitions, lastWriteBefore: border)
            }
            try output.print(found.map { ProducerRow($0.partition, $0.producer) }, table: ProducerRow.table)
            guard output.format == .table, let first = found.first, let start = first.producer.transactionStart else {
                return
            }
            StandardOutput.flush()
            StandardError.write(
                "weir: `weir txn abort --topic \(first.partition.topic) --partition \(first.partition.partition) "
                    + "--start-offset \(start)` ends the first")
        }
    }
}

extension TimeSpan {
    /// As the help of a command shows a default.
    var defaultValueDescription: String {
        milliseconds % 60_000 == 0 ? "\(milliseconds / 60_000)m" : "\(milliseconds)ms"
    }
}
