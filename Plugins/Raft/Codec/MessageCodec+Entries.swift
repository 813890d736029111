/// The first byte of an encoded entry: what it is, and which of its parts follow.
private struct EntryHead {
    /// How an entry's term is told; of the forms that fit, the first.
    enum TermForm: UInt8 {
        /// That of the entry before; of a message's first entry, the message's `logTerm`.
        case same = 0
        /// The message's term.
        case ofMessage = 1
        /// Follows.
        case explicit = 2
    }

    /// How an entry's index is told; of the forms that fit, the first.
    enum IndexForm: UInt8 {
        /// One more than the entry before; of a message's first entry, than the message's index.
        case next = 0
        /// 0: it is only proposed.
        case zero = 1
        /// Follows.
        case explicit = 2
    }

    var kind: EntryKind
    var term: TermForm
    var index: IndexForm
    var hasPayload: Bool

    init(of entry: Entry, after before: EntryID, in messageTerm: Term) {
        kind = entry.kind
        term = entry.term == before.term ? .same : entry.term == messageTerm ? .ofMessage : .explicit
        index =
            entry.index.value == before.index.value &+ 1 ? .next : entry.index.value == 0 ? .zero : .explicit
        hasPayload = entry.kind == .normal && entry.payload.byteCount > 0
    }

    /// Nil where the byte has a value without meaning.
    init?(_ byte: UInt8) {
        guard let kind = EntryKind(rawValue: byte & 3), let term = TermForm(rawValue: byte >> 2 & 3),
            let index = IndexForm(rawValue: byte >> 4 & 3), byte < 0x80
        else { return nil }
        self.kind = kind
        self.term = term
        self.index = index
        hasPayload = byte & 0x40 != 0
        guard kind == .normal || !hasPayload else { return nil }
    }

    var byte: UInt8 { kind.rawValue | term.rawValue << 2 | index.rawValue << 4 | (hasPayload ? 0x40 : 0) }
}

extension MessageCodec {
    /// Appends the entry by itself.
    public func encode(_ entry: Entry, into bytes: inout [UInt8], payload: PayloadWriter) {
        bytes.append(Self.version)
        encodeBody(entry, after: EntryID(term: 0, index: 0), in: 0, into: &bytes, payload: payload)
    }

    /// The entry that the bytes are, all of them.
    public func decodeEntry(
        _ bytes: UnsafeRawBufferPointer, payload: PayloadReader
    ) throws(DecodeError) -> Entry {
        var reader = try reader(of: bytes)
        let entry = try decodeEntry(&reader, after: EntryID(term: 0, index: 0), in: 0, payload: payload)
        try reader.end()
        return entry
    }

    func encodeEntries(
        _ entries: [Entry], after id: EntryID, in term: Term, into bytes: inout [UInt8], payload: PayloadWriter
    ) {
        bytes.appendVarint(UInt64(entries.count))
        var before = id
        for entry in entries {
            encodeBody(entry, after: before, in: term, into: &bytes, payload: payload)
            before = entry.id
        }
    }

    func decodeEntries(
        _ reader: inout ByteReader, after id: EntryID, in term: Term, payload: PayloadReader
    ) throws(DecodeError) -> [Entry] {
        let count = try reader.count(.entries, max: limits.entriesMax)
        var entries: [Entry] = []
        entries.reserveCapacity(count)
        var before = id
        for _ in 0..<count {
            let entry = try decodeEntry(&reader, after: before, in: term, payload: payload)
            before = entry.id
            entries.append(entry)
        }
        return entries
    }

    private func encodeBody(
        _ entry: Entry, after before: EntryID, in messageTerm: Term, into bytes: inout [UInt8],
        payload: PayloadWriter
    ) {
        let head = EntryHead(of: entry, after: before, in: messageTerm)
        bytes.append(head.byte)
        if head.term == .explicit { bytes.appendNumber(entry.term.value) }
        if head.index == .explicit { bytes.appendNumber(entry.index.value) }
        if head.hasPayload { encodeBody(entry.payload, into: &bytes, payload: payload) }
        guard let change = entry.configurationChange else { return }
        switch entry.kind {
        case .normal: break
        case .configurationChangeV1: encodeOperation(change.operations[0], into: &bytes)
        case .configurationChange: encodeBody(change, into: &bytes)
        }
    }

    private func decodeEntry(
        _ reader: inout ByteReader, after before: EntryID, in messageTerm: Term, payload: PayloadReader
    ) throws(DecodeError) -> Entry {
        let begin = reader.offset
        guard let head = EntryHead(try reader.byte(.entries)) else {
            throw DecodeError(.unknownValue, .entries, at: begin)
        }
        let term =
            switch head.term {
            case .same: before.term
            case .ofMessage: messageTerm
            case .explicit: Term(try reader.number(.term))
            }
        guard head.term == .same || (term != before.term && (head.term == .ofMessage || term != messageTerm)) else {
            throw DecodeError(.notShortest, .term, at: begin)
        }
        let next = LogIndex(before.index.value + 1)
        let index =
            switch head.index {
            case .next: next
            case .zero: LogIndex(0)
            case .explicit: LogIndex(try reader.nonzeroNumber(.index))
            }
        guard index.value <= UInt64(Int64.max) else { throw DecodeError(.outOfRange, .index, at: begin) }
        guard head.index != .explicit || index != next else { throw DecodeError(.notShortest, .index, at: begin) }
        switch head.kind {
        case .normal:
            guard head.hasPayload else { return Entry(term: term, index: index, payload: .empty) }
            let lengthOffset = reader.offset
            let payload = try decodePayload(&reader, payload: payload)
            guard payload.byteCount > 0 else { throw DecodeError(.notShortest, .payload, at: lengthOffset) }
            return Entry(term: term, index: index, payload: payload)
        case .configurationChangeV1:
            let change = ConfigurationChange([try decodeOperation(&reader)])
            return Entry(term: term, index: index, change: change, form: .configurationChangeV1)
        case .configurationChange:
            return Entry(term: term, index: index, change: try decodeChange(&reader))
        }
    }

    // MARK: Payloads

    func encodeBody(_ payload: Payload, into bytes: inout [UInt8], payload write: PayloadWriter) {
        bytes.appendVarint(UInt64(payload.byteCount))
        guard payload.byteCount > 0 else { return }
        let end = bytes.count + payload.byteCount
        write(payload, &bytes)
        precondition(bytes.count == end, "a payload has as many bytes as it says")
    }

    func decodePayload(_ reader: inout ByteReader, payload make: PayloadReader) throws(DecodeError) -> Payload {
        let count = try reader.number(.payload)
        let range = try reader.range(count: count, .payload)
        guard !range.isEmpty else { return .empty }
        let payload = make(range)
        precondition(payload.byteCount == range.count, "a payload has as many bytes as its range")
        return payload
    }
}
