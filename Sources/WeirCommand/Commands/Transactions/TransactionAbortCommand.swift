import ArgumentParser
import KafkaClient
import KafkaWire

extension TransactionCommand {
    struct Abort: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Aborts an open transaction: of a transactional id, or one that hangs in a partition.",
            discussion: """
                weir txn abort payments-1
                weir txn abort --topic orders --partition 0 --start-offset 1200
                weir txn abort --topic orders --partition 0 --producer-id 4711

                With an id the coordinator aborts what is open, everywhere, and the id's producer is refused from then \
                on. The other form writes the marker into one partition, for a transaction that no coordinator knows \
                any more: `weir txn find-hanging` finds those.
                """)

        @Argument(help: "The transactional id.") var id: String?
        @Option(help: "The topic in which a transaction hangs.") var topic: String?
        @Option(help: "The partition in which it hangs.") var partition: Int32?
        @Option(help: "Where it begins.") var startOffset: Int64?
        @Option(name: .customLong("producer-id"), help: "Whose it is.") var producerID: Int64?
        @OptionGroup var options: BootstrapOptions

        func validate() throws {
            let hasPlace = topic != nil || partition != nil || startOffset != nil || producerID != nil
            guard id == nil || !hasPlace else {
                throw ValidationError("Give a transactional id, or a place in a partition, not both.")
            }
            guard id != nil || (topic != nil && partition != nil && (startOffset ?? producerID) != nil) else {
                throw ValidationError(
                    "Which one? Give a transactional id, or --topic, --partition and --start-offset or --producer-id.")
            }
        }

        func run() async throws {
            try await options.withClient { client in
                let admin = TransactionAdmin(client)
                if let id {
                    try await abort(id, admin)
                } else if let topic, let partition {
                    try await abort(in: TopicPartition(topic, partition), client, admin)
                }
            }
        }

        private func abort(_ id: String, _ admin: TransactionAdmin) async throws {
            let found = try await admin.describe(id)
            switch found.state {
            case "Ongoing", "PrepareAbort", "PrepareEpochFence": break
            case "PrepareCommit":
                throw UsageError.failed("the transaction of '\(id)' is being committed; that cannot be undone")
            default:
                throw UsageError.failed("'\(id)' has no open transaction (it is \(found.state)); nothing to abort")
            }
            try await admin.fence(id, timeoutMilliseconds: found.timeoutMilliseconds)
            StandardOutput.print(
                "aborted the transaction of \(id)"
                    + (found.partitions.isEmpty ? "" : " in \(found.partitions.text)")
                    + "; producer \(found.producerID) epoch \(found.producerEpoch) is fenced")
        }

        private func abort(
            in partition: TopicPartition, _ client: KafkaClient, _ admin: TransactionAdmin
        ) async throws {
            try BootstrapOptions.check(
                partition.partition, of: partition.topic, in: try await client.partitions(of: partition.topic))
            let producers = try await admin.producers(of: [partition])[partition] ?? []
            let open = producers.filter { producer in
                producer.transactionStart != nil && (startOffset == nil || producer.transactionStart == startOffset)
                    && (producerID == nil || producer.id == producerID)
            }
            guard let producer = open.first else {
                throw UsageError.failed(
                    "no such transaction is open in \(partition); `weir txn producers \(partition.topic):"
                        + "\(partition.partition)` shows what is")
            }
            if let owner = try await owner(of: producer, in: partition, admin) {
                throw UsageError.failed(
                    "that transaction belongs to '\(owner.id)', which is \(owner.state): its coordinator ends it, "
                        + "or `weir txn abort \(owner.id)`")
            }
            try await admin.abort(OpenTransaction(partition: partition, producer: producer))
            StandardOutput.print(
                "aborted the transaction of producer \(producer.id) in \(partition), open since offset "
                    + "\(producer.transactionStart ?? -1)")
        }

        /// The transactional id whose coordinator still has this transaction.
        private func owner(
            of producer: PartitionProducer, in partition: TopicPartition, _ admin: TransactionAdmin
        ) async throws -> TransactionDescription? {
            for listing in try await admin.list(TransactionFilter(producerIDs: [producer.id])) {
                do {
                    let found = try await admin.describe(listing.id)
                    if found.partitions.contains(partition) { return found }
                } catch let error as ClientError where error.errorCode == .transactionalIdNotFound {
                    // It expired in between.
                }
            }
            return nil
        }
    }
}
