import Raft

// What a write looks like in words of 64 bits: every part with its length before it.
extension [UInt64] {
    mutating func encode(_ write: Journal.Write) {
        append(
            (write.hardState == nil ? 0 : 1) | (write.received == nil ? 0 : 2) | (write.own == nil ? 0 : 4)
                | UInt64(write.entries.count) << 8)
        if let state = write.hardState {
            append(state.term.value)
            append(state.vote.value)
            append(state.commit.value)
        }
        if let snapshot = write.received { encode(snapshot) }
        for entry in write.entries { encode(entry) }
        if let snapshot = write.own { encode(snapshot) }
    }

    private mutating func encode(_ entry: Entry) {
        append(entry.term.value)
        append(entry.index.value)
        guard let change = entry.configurationChange else {
            append(UInt64(entry.payload.byteCount) << 8)
            return append(entry.payload.handle)
        }
        append(
            UInt64(entry.kind.rawValue) | UInt64(change.transition.rawValue) << 8 | UInt64(change.operations.count)
                << 16)
        for operation in change.operations {
            append(UInt64(operation.kind.rawValue) << 32 | operation.replica.value)
        }
    }

    private mutating func encode(_ snapshot: Snapshot) {
        append(snapshot.last.term.value)
        append(snapshot.last.index.value)
        append(snapshot.payload.handle)
        append(UInt64(snapshot.payload.byteCount))
        let state = snapshot.configuration
        append(state.autoLeave ? 1 : 0)
        for list in [state.voters, state.votersOutgoing, state.learners, state.learnersNext] {
            append(UInt64(list.count))
            for id in list { append(id.value) }
        }
    }
}

/// Reads a write back; the checksum has vouched for it.
struct WordReader {
    var words: ArraySlice<UInt64>

    mutating func write() -> Journal.Write {
        var write = Journal.Write()
        let parts = words.removeFirst()
        if parts & 1 != 0 {
            write.hardState = HardState(
                term: Term(words.removeFirst()), vote: ReplicaID(words.removeFirst()),
                commit: LogIndex(words.removeFirst()))
        }
        if parts & 2 != 0 { write.received = snapshot() }
        write.entries = (0..<(parts >> 8)).map { _ in entry() }
        if parts & 4 != 0 { write.own = snapshot() }
        return write
    }

    private mutating func entry() -> Entry {
        let term = Term(words.removeFirst())
        let index = LogIndex(words.removeFirst())
        let shape = words.removeFirst()
        guard let kind = EntryKind(rawValue: UInt8(shape & 0xff)), kind != .normal else {
            return Entry(
                term: term, index: index, payload: Payload(handle: words.removeFirst(), byteCount: Int(shape >> 8)))
        }
        let operations = (0..<(shape >> 16)).map { _ in
            let word = words.removeFirst()
            let kind = ConfigurationChange.Operation.Kind(rawValue: UInt8(word >> 32)) ?? .update
            return ConfigurationChange.Operation(kind, ReplicaID(word & 0xffff_ffff))
        }
        let transition = ConfigurationChange.Transition(rawValue: UInt8(shape >> 8 & 0xff)) ?? .auto
        return Entry(
            term: term, index: index, change: ConfigurationChange(operations, transition: transition), form: kind)
    }

    private mutating func snapshot() -> Snapshot {
        let term = Term(words.removeFirst())
        let index = LogIndex(words.removeFirst())
        let payload = Payload(handle: words.removeFirst(), byteCount: Int(words.removeFirst()))
        let autoLeave = words.removeFirst() == 1
        let lists = (0..<4).map { _ in
            let count = Int(words.removeFirst())
            return (0..<count).map { _ in ReplicaID(words.removeFirst()) }
        }
        let configuration = ConfigurationState(
            voters: lists[0], votersOutgoing: lists[1], learners: lists[2], learnersNext: lists[3],
            autoLeave: autoLeave)
        return Snapshot(last: EntryID(term: term, index: index), configuration: configuration, payload: payload)
    }
}
