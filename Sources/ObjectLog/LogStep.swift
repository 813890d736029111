internal import NIOCore
internal import ObjectStore
internal import RecordBatch

/// What a caller asks for, with its record's bytes: made by the caller, so that the loop has nothing to do with JSON.
struct ObjectWrite: Sendable {
    enum Verb: Sendable {
        case create(Object)
        case update(Object, if: Preconditions)
        case delete(if: Preconditions)
    }

    let verb: Verb
    let key: ObjectKey
    let recordKey: ByteBuffer
    let value: ByteBuffer?

    init(_ verb: Verb, key: ObjectKey, value: ByteBuffer? = nil) {
        self.verb = verb
        self.key = key
        self.value = value
        recordKey = ByteBuffer(string: key.description)
    }

    /// Bytes of key and object.
    var objectSizeBytes: Int { recordKey.readableBytes + (value?.readableBytes ?? 0) }

    /// Bytes of its record in a batch, about.
    var sizeBytes: Int { ObjectRecord.sizeBytes(keySizeBytes: recordKey.readableBytes, value) }
}

/// Who waits for what became of a write.
typealias Answer = CheckedContinuation<Object, any Error>

/// Something on its way through the log, in its order: accepted, then appended, then committed or failed.
///
/// A class, because it is handed from queue to batch to answer: each costs one reference.
final class LogStep: Sendable {
    enum Content: Sendable {
        /// An object as it becomes (nil: it is removed), as it was, and its record's key and value.
        case change(object: Object?, previous: Object?, ByteBuffer, ByteBuffer?)
        /// An object as it is, once more.
        case refresh(Object)
        /// A record that is not understood, once more.
        case carry(ObjectRecord)
        /// A write that was refused because of steps before it: it has no record.
        case refusal(ObjectError)
    }

    let key: ObjectKey
    /// Its place: the offset and 1.
    let version: ResourceVersion
    let content: Content
    /// Bytes of the record, about.
    let sizeBytes: Int
    let answer: Answer?

    init(key: ObjectKey, version: ResourceVersion, content: Content, sizeBytes: Int, answer: Answer?) {
        self.key = key
        self.version = version
        self.content = content
        self.sizeBytes = sizeBytes
        self.answer = answer
    }

    /// What its caller is told once it is committed.
    var outcome: Result<Object, any Error> {
        switch content {
        case .change(let object?, _, _, _): return .success(object)
        case .change(nil, var previous?, _, _):
            previous.metadata.resourceVersion = version
            return .success(previous)
        case .refusal(let error): return .failure(error)
        case .change, .refresh, .carry: preconditionFailure("nobody waits for what is no write")
        }
    }

    var hasRecord: Bool { if case .refusal = content { false } else { true } }
}

/// Steps that are appended as one batch.
struct LogBatch: Sendable {
    let id: UInt64
    var steps: [LogStep] = []
    var sizeBytes = 0

    /// What becomes of its objects, made before the lock is taken: the objects as they are kept (nil: removed), and
    /// what watchers are told.
    func outcome() -> (entries: [ObjectIndex.Entry?], changes: [WatchHub.Change]) {
        var entries: [ObjectIndex.Entry?] = []
        var changes: [WatchHub.Change] = []
        entries.reserveCapacity(steps.count)
        changes.reserveCapacity(steps.count)
        for step in steps {
            guard case .change(let object, let previous, _, _) = step.content else { continue }
            entries.append(object.map { ObjectIndex.Entry($0, sizeBytes: step.sizeBytes) })
            changes.append(WatchHub.Change(object: object, previous: previous, version: step.version))
        }
        return (entries, changes)
    }

    /// The place of its first record; nil: it has none.
    var firstVersion: ResourceVersion? { steps.first { $0.hasRecord }?.version }

    /// The batch's bytes.
    func encoded(wallMilliseconds: Int64) throws -> ByteBuffer {
        var builder = RecordBatchBuilder()
        for step in steps {
            switch step.content {
            case .change(_, _, let key, let value):
                builder.append(timestamp: wallMilliseconds, key: key, value: value)
            case .refresh(let object):
                let kept = object.metadata.resourceVersion ?? .zero
                builder.append(
                    timestamp: wallMilliseconds, key: ByteBuffer(string: step.key.description),
                    value: object.recordValue(), headers: [Self.header(kept)])
            case .carry(let record):
                let others = record.headers.filter { $0.key != ObjectRecord.versionHeader }
                builder.append(
                    timestamp: wallMilliseconds, key: ByteBuffer(string: record.key), value: record.value,
                    headers: others + [Self.header(record.version)])
            case .refusal:
                break
            }
        }
        return try builder.build()
    }

    private static func header(_ kept: ResourceVersion) -> Record.Header {
        Record.Header(key: ObjectRecord.versionHeader, value: ByteBuffer(string: kept.description))
    }
}
