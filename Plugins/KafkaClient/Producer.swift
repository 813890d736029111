import KafkaWire
import NIOCore
import NIOPosix
import Synchronization

/// Sends records to one partition, in order: as batches of its own making, or as the caller's.
///
/// Thread-safe. Batches are pipelined; errors that may pass are tried again at the leader that fresh metadata (or
/// the broker that refused, KIP-951) names, without changing the order. With idempotence a retry doubles nothing.
/// No task runs for a record or a batch; one runs where the leader has to be found.
public final class Producer: Sendable {
    /// What is told of a record: its offset (-1 with acks 0), or why it was not taken. Called on the producer's
    /// loop: must not block.
    public typealias Delivery = @Sendable (Result<Int64, ClientError>) -> Void

    /// How it sends.
    public let settings: ProducerSettings
    private let shell: ProducerShell
    private let loop: any EventLoop
    private let staging = Mutex(Staging())

    /// What callers left for the loop, which is woken once for all of it.
    private struct Staging {
        var inputs: [ProducerShell.Input] = []
        /// The bytes of records that were queued and not told of yet.
        var sizeBytes = 0
    }

    /// A producer to `partition` of `topic`. Connects with the first record.
    public init(
        _ client: KafkaClient, topic: String, partition: Int32, settings: ProducerSettings = ProducerSettings()
    ) {
        self.settings = settings
        loop = MultiThreadedEventLoopGroup.singleton.next()
        shell = ProducerShell(client, topic: topic, partition: partition, settings: settings, loop: loop)
    }

    /// Sends the records as one batch; returns the offset of the first, or -1 with acks 0.
    ///
    /// Calls may overlap: batches go in the order of the calls. Does not look at the queue's limit, since the caller
    /// waits. Throws `ClientError`.
    public func send(_ records: [OutgoingRecord]) async throws -> Int64 {
        precondition(!records.isEmpty, "a batch has at least one record")
        return try await withCheckedThrowingContinuation { continuation in
            stage(.batch(records) { continuation.resume(with: $0) }, sizeBytes: 0)
        }
    }

    /// Queues a record for the next batch, and tells `delivery` what became of it.
    ///
    /// - Returns: Whether there was room; where there was not, `delivery` is not called. `flush` waits for room.
    public func enqueue(_ record: OutgoingRecord, delivery: Delivery? = nil) -> Bool {
        let sizeBytes = record.sizeBytes
        return stage(
            .record(
                record,
                { [self] result in
                    staging.withLock { $0.sizeBytes -= sizeBytes }
                    delivery?(result)
                }), sizeBytes: sizeBytes)
    }

    /// Waits until everything queued before is acknowledged; throws the first failure since the last flush.
    public func flush() async throws {
        _ = try await withCheckedThrowingContinuation { continuation in
            stage(.flush { continuation.resume(with: $0) }, sizeBytes: 0)
        }
    }

    @discardableResult
    private func stage(_ input: ProducerShell.Input, sizeBytes: Int) -> Bool {
        let (isTaken, isFirst) = staging.withLock { staging in
            guard sizeBytes == 0 || staging.sizeBytes + sizeBytes <= settings.queueSizeBytesMax else {
                return (false, false)
            }
            staging.sizeBytes += sizeBytes
            staging.inputs.append(input)
            return (true, staging.inputs.count == 1)
        }
        if isFirst {
            loop.execute { [self] in
                let inputs = staging.withLock { staging in
                    defer { staging.inputs = [] }
                    return staging.inputs
                }
                shell.take(inputs)
            }
        }
        return isTaken
    }
}
