internal import NIOCore
internal import ObjectStore
internal import RecordBatch

/// What the records of an object log add up to.
struct LogReplay {
    private(set) var objects = ObjectIndex()
    /// Records that are not understood, by key.
    private(set) var carried: [String: ObjectRecord] = [:]
    /// The last change.
    private(set) var version: ResourceVersion
    private(set) var liveSizeBytes = 0
    /// Changes since they were taken the last time.
    private var changes: [WatchHub.Change] = []

    /// Nothing, before the record at `startOffset`.
    init(startOffset: Int64) {
        version = ResourceVersion(UInt64(startOffset))
    }

    /// Takes in the next record.
    ///
    /// - Throws: An error that names its key and offset.
    mutating func apply(_ record: ObjectRecord) throws(ObjectError) {
        guard record.isUnderstood else { return carry(record) }
        carried[record.key] = nil
        guard let value = record.value else { return remove(record) }
        let object = try Object(record, value)
        let key = object.key
        let previous = objects[key]
        let size = record.sizeBytes
        liveSizeBytes += size - (previous?.sizeBytes ?? 0)
        objects.set(key, ObjectIndex.Entry(object, sizeBytes: size))
        guard record.keptVersion == nil else { return }
        note(object, previous?.object, record.version)
    }

    private mutating func remove(_ record: ObjectRecord) {
        for key in ObjectKey.keys(of: record.key) {
            guard let previous = objects[key] else { continue }
            liveSizeBytes -= previous.sizeBytes
            objects.remove(key)
            return note(nil, previous.object, record.version)
        }
        // Nothing of that name: the removal of a record that is not understood, which nobody saw.
        version = max(version, record.version)
    }

    private mutating func carry(_ record: ObjectRecord) {
        carried[record.key] = nil
        guard let value = record.value else { return }
        // An object of that name was replaced by somebody who writes a newer format.
        remove(record)
        var kept = record
        // A copy of its own: it must not keep all of what was read in memory.
        kept.value = ByteBuffer(bytes: value.readableBytesView)
        for index in kept.headers.indices {
            kept.headers[index].value = kept.headers[index].value.map { ByteBuffer(bytes: $0.readableBytesView) }
        }
        carried[record.key] = kept
    }

    private mutating func note(_ object: Object?, _ previous: Object?, _ version: ResourceVersion) {
        self.version = version
        changes.append(WatchHub.Change(object: object, previous: previous, version: version))
    }

    /// The changes since the last call, in order.
    mutating func takeChanges() -> [WatchHub.Change] {
        defer { changes = [] }
        return changes
    }
}
