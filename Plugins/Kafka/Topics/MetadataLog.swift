internal import NIOCore
internal import SegmentLog
internal import WeirRuntime

/// The log that the node's own objects are records of: key `kind/namespace/name`, value the object as JSON,
/// no value where it was deleted. Callable from any thread; appends commit in the order they were called.
final class MetadataLog: Sendable {
    /// Its folder is `@metadata-0`: no topic can be called so.
    static let identity = LogIdentity(
        topicID: TopicID(high: 0, low: 1), topic: "@metadata", partition: 0)

    private static let readSizeBytesMax = 1 << 20

    private let log: any ReplicatedLog
    private let clock: any Clock

    private init(_ log: any ReplicatedLog, _ clock: any Clock) {
        self.log = log
        self.clock = clock
    }

    /// Opens the log, or makes it where no log at all is among `existing`.
    ///
    /// It is made before any other. Partitions without it mean that it was lost: what they hold must not
    /// be taken for leftovers, so this throws.
    static func open(
        among existing: [LogIdentity], from provider: any LogProvider, on loop: any Loop, clock: any Clock
    ) async throws -> MetadataLog {
        var settings = LogSettings()
        settings.deletesOldSegments = false
        settings.retentionMilliseconds = nil
        if existing.contains(identity) {
            return MetadataLog(try await provider.open(identity, settings: settings, on: loop), clock)
        }
        guard existing.isEmpty else {
            throw MetadataError(
                "the metadata log (\(identity.directoryName)) is missing, but \(existing.count) partition logs are there; "
                    + "put the folder back, or move the partitions' folders away")
        }
        return MetadataLog(try await provider.create(identity, settings: settings, on: loop), clock)
    }

    /// Every record, from the log's start to its high watermark.
    func replay(_ each: (MetadataRecord) throws -> Void) async throws {
        var (offset, end) = await onLoop { ($0.logStartOffset, $0.highWatermark) }
        while offset < end {
            let from = offset
            let read: LogRead = try await waitOnLoop { log, then in
                log.read(from: from, sizeBytesMax: Self.readSizeBytesMax, bound: .highWatermark, then: then)
            }
            for record in try MetadataRecord.decode(read.records) where record.offset >= from {
                try each(record)
                offset = record.offset + 1
            }
            guard offset > from else { throw MetadataError("the metadata log cannot be read at offset \(from)") }
            end = read.highWatermark
        }
    }

    /// Appends the records as one batch and waits for its commit; returns the offset of the first.
    func append(_ records: [MetadataRecord]) async throws -> Int64 {
        let batch = try MetadataRecord.encode(records, wallMilliseconds: clock.wallMilliseconds)
        return try await waitOnLoop { log, then in
            let receipt = BaseOffset()
            do throws(LogError) {
                receipt.value = try log.append(batch, until: .committed) { then($0.map { receipt.value }) }.baseOffset
            } catch {
                then(.failure(error))
            }
        }
    }

    /// Flushes and closes the log.
    func close() async throws {
        try await waitOnLoop { log, then in log.close(then: then) } as Void
    }

    private func onLoop<Value: Sendable>(_ body: @escaping @Sendable (any ReplicatedLog) -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            log.loop.execute { [log] in continuation.resume(returning: body(log)) }
        }
    }

    private func waitOnLoop<Value: Sendable>(
        _ body: @escaping @Sendable (any ReplicatedLog, @escaping (Result<Value, LogError>) -> Void) -> Void
    ) async throws -> Value {
        let result = await withCheckedContinuation { continuation in
            log.loop.execute { [log] in body(log) { continuation.resume(returning: $0) } }
        }
        return try result.get()
    }

    /// Carries the base offset from an append to its commit; touched only on the log's loop.
    private final class BaseOffset {
        var value: Int64 = -1
    }
}
