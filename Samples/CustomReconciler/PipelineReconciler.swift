import Kafka
import NIOCore
import ObjectStore
import Reconciling
import RecordBatch

/// Makes a pipeline's topics, and copies records between them.
struct PipelineReconciler: Sendable {
    /// How long a pipeline rests when it has read all that there is.
    private static let rest = Duration.milliseconds(100)
    /// Records that are read at once.
    private static let batchSize = 1_000
    /// The header that says which record a copy was made of.
    private static let origin = "pipeline-origin"

    let records: LocalRecords

    func reconcile(_ request: ReconcileRequest<Pipeline>) async throws -> ReconcileResult {
        // A pipeline that goes takes its topics with it: they name it as their owner.
        guard let pipeline = request.object, pipeline.metadata.deletionTimestamp == nil else { return .done }
        let position = pipeline.status?.position ?? 0
        let isReady: Bool
        do {
            // Both, before either is waited for.
            let from = try await topic(pipeline.spec.from, of: pipeline, request.client)
            let to = try await topic(pipeline.spec.to, of: pipeline, request.client)
            isReady = [from, to].allSatisfy { $0.status?.phase == "Ready" }
        } catch let error as TopicTaken {
            let failed = Pipeline.Status(phase: "Failed", position: position, message: "\(error)")
            try await write(failed, of: pipeline, request.client)
            throw TerminalError(error)
        }
        guard isReady else {
            try await write(Pipeline.Status(phase: "Pending", position: position), of: pipeline, request.client)
            // Their next change brings the pipeline back.
            return .done
        }
        return try await copy(pipeline, request)
    }

    /// The topic as the pipeline wants it: there, and its own.
    private func topic(_ name: String, of pipeline: Pipeline, _ client: Client) async throws -> Topic {
        // One partition, so that what is written is in the order of what was read.
        try await client.createOrUpdate(Topic(name, Topic.Spec(partitions: 1))) { topic in
            let isNew = topic.metadata.uid.isEmpty
            guard isNew || topic.metadata.isOwned(by: pipeline.metadata) else {
                throw TopicTaken(topic, wantedBy: pipeline)
            }
            if isNew { try topic.setControllerReference(pipeline) }
        }.resource
    }

    /// Copies what is there, a batch at a time; leaves off between two batches where the process ends.
    private func copy(_ pipeline: Pipeline, _ request: ReconcileRequest<Pipeline>) async throws -> ReconcileResult {
        let spec = pipeline.spec
        // Records that are no longer kept are passed over.
        let oldest = try await records.offset(spec.from, partition: 0, of: .oldest)
        var position = max(oldest, try await copied(to: spec.to), pipeline.status?.position ?? 0)
        var isAtEnd = false
        while !isAtEnd, !request.isDraining {
            let read = try await records.consume(
                spec.from, partition: 0, from: .offset(position), countMax: Self.batchSize)
            let copies = read.compactMap { changed($0, spec) }
            if !copies.isEmpty { _ = try await records.produce(copies, to: spec.to, partition: 0) }
            if let last = read.last { position = last.offset + 1 }
            isAtEnd = read.isEmpty
        }
        try await write(Pipeline.Status(phase: "Running", position: position), of: pipeline, request.client)
        return .requeue(after: Self.rest)
    }

    /// The offset behind the one that the last copy was made of.
    ///
    /// It lies in the same batch as the copies: after a crash each record is there once, whatever the status says.
    private func copied(to topic: String) async throws -> Int64 {
        let end = try await records.offset(topic, partition: 0, of: .newest)
        guard end > 0 else { return 0 }
        let last = try await records.consume(topic, partition: 0, from: .offset(end - 1), countMax: 1).last
        let header = last?.headers.first { $0.key == Self.origin }
        guard let value = header?.value, let offset = Int64(String(buffer: value)) else {
            throw TerminalError("somebody else writes to topic '\(topic)': its last record is no copy")
        }
        return offset + 1
    }

    /// The record as it is to be written; nil where it is not.
    private func changed(_ record: LocalRecords.StoredRecord, _ spec: Pipeline.Spec) -> LocalRecords.NewRecord? {
        var text = record.value.map { String(buffer: $0) } ?? ""
        if let wanted = spec.containing, !text.contains(wanted) { return nil }
        if spec.uppercase ?? false { text = text.uppercased() }
        let origin = Record.Header(key: Self.origin, value: ByteBuffer(string: "\(record.offset)"))
        return LocalRecords.NewRecord(
            key: record.key, value: record.value.map { _ in ByteBuffer(string: text) },
            headers: record.headers + [origin])
    }

    /// Says how it is; nothing is written where that is what was said the last time.
    private func write(_ status: Pipeline.Status, of pipeline: Pipeline, _ client: Client) async throws {
        guard pipeline.status != status else { return }
        try await client.updateStatus(Pipeline.self, pipeline.metadata.name, in: pipeline.metadata.namespace) {
            $0.status = status
        }
    }
}

/// A pipeline wants a topic that is there already, and not its own.
struct TopicTaken: Error, CustomStringConvertible {
    var description: String

    init(_ topic: Topic, wantedBy pipeline: Pipeline) {
        let owner = topic.metadata.controller.map { "\($0.kind) '\($0.name)'" } ?? "somebody else"
        description = "topic '\(topic.metadata.name)' belongs to \(owner); name another one, or delete it"
    }
}
