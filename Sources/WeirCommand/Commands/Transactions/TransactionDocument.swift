import KafkaClient

/// A transactional id as `weir txn describe` prints it.
struct TransactionDocument: Encodable {
    struct Topic: Encodable {
        var topic: String
        var partitions: [Int32]
    }

    var transactionalID: String
    var state: String
    var producerID: Int64
    var producerEpoch: Int16
    var timeoutMs: Int32
    /// RFC 3339; nil: no transaction is open.
    var startTime: String?
    var openForMs: Int64?
    var coordinator: GroupDocument.Coordinator
    var topics: [Topic]

    init(_ transaction: TransactionDescription, now milliseconds: Int64) {
        (transactionalID, state) = (transaction.id, transaction.state)
        (producerID, producerEpoch) = (transaction.producerID, transaction.producerEpoch)
        timeoutMs = transaction.timeoutMilliseconds
        startTime = transaction.startMilliseconds.map { Moment(milliseconds: $0).text }
        openForMs = transaction.startMilliseconds.map { max(0, milliseconds - $0) }
        coordinator = GroupDocument.Coordinator(
            id: transaction.coordinator.id, address: "\(transaction.coordinator.address)")
        topics = Dictionary(grouping: transaction.partitions, by: \.topic).sorted { $0.key < $1.key }.map {
            Topic(topic: $0.key, partitions: $0.value.map(\.partition).sorted())
        }
    }

    /// What stands above the table.
    var headline: String {
        var first = "\(transactionalID)  \(state), producer \(producerID) epoch \(producerEpoch)"
        first += ", timeout \(timeoutMs) ms, coordinator \(coordinator.id) at \(coordinator.address)"
        guard let startTime, let openForMs else { return first }
        return first + "\n  open since \(startTime), for \(openForMs) ms"
    }

    /// A row a partition.
    var partitionTable: Table {
        Table(
            headings: ["TOPIC", "PARTITION"],
            rows: topics.flatMap { topic in topic.partitions.map { [topic.topic, "\($0)"] } }, numeric: [1])
    }
}
