internal import NIOCore
internal import ObjectStore
internal import RecordBatch

/// One record of the log: an object as it became, or that it was removed. docs/formats/object-log.md.
struct ObjectRecord {
    /// The newest format of a record that is understood here.
    static let format = 1
    /// The header that names a record's format; without it, 1.
    static let formatHeader = "weir.format"
    /// The header of a record that was written anew: the version that its object has kept.
    static let versionHeader = "weir.version"

    /// `kind/namespace/name`.
    var key: String
    /// The object as JSON; nil: removed.
    var value: ByteBuffer?
    /// What a newer format may add.
    var headers: [Record.Header] = []
    /// Its place in the log.
    var offset: Int64

    /// The version of the change that the record is; of one written anew, the one that it was.
    var version: ResourceVersion { keptVersion ?? ResourceVersion(UInt64(offset) + 1) }

    /// The version of an object that was written anew; nil: the record is a change.
    var keptVersion: ResourceVersion? {
        headers.first { $0.key == Self.versionHeader }?.value.flatMap { ResourceVersion(String(buffer: $0)) }
    }

    /// Whether the record's value can be read here. One that cannot is kept as it is.
    var isUnderstood: Bool {
        let format = headers.first { $0.key == Self.formatHeader }
        if let format, format.value.flatMap({ Int(String(buffer: $0)) }) ?? .max > Self.format { return false }
        return key.utf8.count(where: { $0 == UInt8(ascii: "/") }) >= 2
    }

    /// Bytes that it takes in a batch at most, its lengths and its version header counted as they may become.
    static func sizeBytes(keySizeBytes: Int, _ value: ByteBuffer?) -> Int {
        keySizeBytes + (value?.readableBytes ?? 0) + 64
    }

    /// Bytes that it takes in a batch, about.
    var sizeBytes: Int { Self.sizeBytes(keySizeBytes: key.utf8.count, value) }
}

extension ObjectRecord {
    /// The records of whole batches, one after another, each to `body`.
    ///
    /// Everything is checked once more: the records are few, and all else hangs on them.
    static func forEach(in batches: ByteBuffer, _ body: (ObjectRecord) throws -> Void) throws {
        var rest = batches
        while rest.readableBytes > 0 {
            let size = try BatchHeader(of: rest, at: rest.readerIndex).batchSizeBytes
            guard size >= BatchHeader.sizeBytes, let batch = rest.readSlice(length: size) else {
                throw ObjectError(.internalError, "the object log holds a batch that is cut off")
            }
            let header = try BatchHeader.validated(batch, BatchRules(sizeBytesMax: Int(Int32.max)))
            var reader = try RecordReader(batch, header: header, uncompressedSizeBytesMax: Int(Int32.max))
            while let record = try reader.next() {
                let offset = header.baseOffset + Int64(record.offsetDelta)
                guard let key = record.key.flatMap({ String(validating: $0.readableBytesView, as: UTF8.self) }) else {
                    throw ObjectError(
                        .internalError, "the record at offset \(offset) of the object log has no key, or none in UTF-8")
                }
                try body(ObjectRecord(key: key, value: record.value, headers: record.headers, offset: offset))
            }
        }
    }
}

extension Object {
    /// The object as a record's value. Its version is not in it: that is the record's place.
    func recordValue() -> ByteBuffer {
        var stored = self
        stored.metadata.resourceVersion = nil
        return ByteBuffer(bytes: stored.encoded())
    }

    /// The object of a record.
    ///
    /// - Throws: An error that names the record's key and offset.
    init(_ record: ObjectRecord, _ value: ByteBuffer) throws(ObjectError) {
        let why: String
        do throws(ObjectError) {
            self = try Object(parsing: Array(value.readableBytesView))
            if key.description == record.key {
                metadata.resourceVersion = record.version
                return
            }
            why = "it holds \(key)"
        } catch {
            why = error.message
        }
        throw ObjectError(
            .internalError,
            "the object \(record.key) at offset \(record.offset) of the object log cannot be read: \(why)")
    }
}

extension Object {
    /// What would keep the object from being read again, which would keep the whole log from opening; nil: nothing.
    func fault(in value: ByteBuffer) -> String? {
        if apiVersion.isEmpty { return "it has no apiVersion" }
        // What is read for certain, and nearly every object: no need to try.
        let years: ClosedRange<Int64> = 0...253_402_300_799
        let isSimple =
            metadata.other.isEmpty && metadata.ownerReferences.isEmpty && metadata.deletionTimestamp == nil
            && metadata.creationTimestamp.map { years.contains($0.secondsSince1970) } ?? true
        let isShallow = content.values.allSatisfy { $0.isWithin(levels: 100) }
        if isSimple && isShallow { return nil }
        do throws(ObjectError) {
            let read = try Object(parsing: Array(value.readableBytesView))
            return read.key == key ? nil : "its metadata name another object"
        } catch {
            return error.message
        }
    }
}

extension JSONValue {
    /// Whether no more arrays and objects than that lie in each other.
    fileprivate func isWithin(levels: Int) -> Bool {
        switch self {
        case .array(let elements): levels > 0 && elements.allSatisfy { $0.isWithin(levels: levels - 1) }
        case .object(let members): levels > 0 && members.values.allSatisfy { $0.isWithin(levels: levels - 1) }
        default: true
        }
    }
}

extension ObjectKey {
    /// The keys that stand as `text` in a record: two where the kind may be a core kind or one of Weir's.
    static func keys(of text: String) -> [ObjectKey] {
        let parts = text.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3 else { return [] }
        let groups: [String]
        var kind = parts[0]
        if let dot = kind.firstIndex(of: ".") {
            groups = [String(kind[kind.index(after: dot)...])]
            kind = String(kind[..<dot])
        } else {
            groups = ["weir", ""]
        }
        return groups.map { ObjectKey(ObjectKind(group: $0, name: kind), namespace: parts[1], name: parts[2]) }
    }

    /// The key that stands in a record as this one does; nil: there is none.
    var namesake: ObjectKey? {
        guard kind.group.isEmpty || kind.group == "weir" else { return nil }
        let other = ObjectKind(group: kind.group.isEmpty ? "weir" : "", name: kind.name)
        return ObjectKey(other, namespace: namespace, name: name)
    }

    /// What keeps the key from standing in a record; nil: nothing.
    var fault: String? {
        let (dot, slash) = (UInt8(ascii: "."), UInt8(ascii: "/"))
        if kind.name.isEmpty || name.isEmpty { return "it has no kind, or no name" }
        if kind.name.utf8.contains(dot) { return "the kind's name has a dot" }
        if kind.name.utf8.contains(slash) || kind.group.utf8.contains(slash) || namespace.utf8.contains(slash) {
            return "kind or namespace have a slash"
        }
        return nil
    }
}
