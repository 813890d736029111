import Raft
import Testing

@Suite("a log in memory")
struct MemoryStorageTests {
    /// Entries of the terms, the first at `index`, each with a payload that names its term.
    private static func entries(_ terms: [UInt64], at index: UInt64 = 1, byteCount: Int = 0) -> [Entry] {
        terms.enumerated().map { place, term in
            Entry(
                term: Term(term), index: LogIndex(index + UInt64(place)),
                payload: Payload(handle: term, byteCount: byteCount))
        }
    }

    /// A log that begins behind entry 3 of term 3, with entries 4 and 5 of terms 4 and 5.
    private static func sample() -> MemoryStorage {
        let storage = MemoryStorage(start: EntryID(term: 3, index: 3))
        storage.append(entries([4, 5], at: 4))
        return storage
    }

    /// What the body returns, or the error's name.
    private static func outcome<Value>(_ body: () throws(StorageError) -> Value) -> String {
        do throws(StorageError) { return "\(try body())" } catch { return "\(error)" }
    }

    private static func text(_ entries: some Sequence<Entry>) -> String {
        entries.map { "\($0.index.value):\($0.term.value)" }.joined(separator: " ")
    }

    @Test("that is new begins at 1, ends at 0 and knows the term before its first entry")
    func empty() throws {
        let storage = MemoryStorage()
        #expect(storage.firstIndex == 1 && storage.lastIndex == 0)
        #expect(try storage.term(at: 0) == 0)
        #expect(storage.initialState().hardState.isEmpty)
        #expect(try storage.entries(from: 1, to: 1, sizeBytesMax: .max).isEmpty)
    }

    @Test(
        "knows the terms of its entries and of the one before them",
        arguments: [
            (2, "compacted"), (3, "Term(value: 3)"), (4, "Term(value: 4)"), (5, "Term(value: 5)"), (6, "unavailable"),
        ] as [(LogIndex, String)])
    func term(index: LogIndex, expected: String) {
        let storage = Self.sample()
        #expect(Self.outcome { () throws(StorageError) in try storage.term(at: index) }.hasSuffix(expected))
    }

    @Test(
        "gives a range of entries, as many as fit and at least one",
        arguments: [
            (2, 6, Int.max, "compacted"), (3, 4, Int.max, "compacted"), (4, 5, Int.max, "4:4"),
            (4, 6, Int.max, "4:4 5:5"), (4, 6, 0, "4:4"), (4, 6, 7, "4:4"), (4, 6, 8, "4:4 5:5"), (5, 6, 0, "5:5"),
            (4, 4, 0, ""), (6, 6, Int.max, ""), (4, 7, Int.max, "unavailable"),
        ] as [(LogIndex, LogIndex, Int, String)])
    func range(first: LogIndex, end: LogIndex, sizeBytesMax: Int, expected: String) {
        let storage = Self.sample()
        let found = Self.outcome { () throws(StorageError) in
            Self.text(try storage.entries(from: first, to: end, sizeBytesMax: sizeBytesMax))
        }
        #expect(found == expected)
    }

    @Test("counts an entry of 100 bytes as its size on the wire")
    func sizes() throws {
        let storage = MemoryStorage()
        storage.append(Self.entries([1, 1, 1], byteCount: 100))
        #expect(storage.entries.map(\.sizeBytes) == [106, 106, 106])
        #expect(try storage.entries(from: 1, to: 4, sizeBytesMax: 211).count == 1)
        #expect(try storage.entries(from: 1, to: 4, sizeBytesMax: 212).count == 2)
    }

    @Test(
        "takes entries behind its end, and in place of its own, which end there",
        arguments: [
            ([], 4, "4:4 5:5"), ([6], 6, "4:4 5:5 6:6"), ([6, 6], 6, "4:4 5:5 6:6 7:6"), ([5], 5, "4:4 5:5"),
            ([7], 5, "4:4 5:7"), ([7], 4, "4:7"), ([4, 5, 6], 4, "4:4 5:5 6:6"),
        ] as [([UInt64], UInt64, String)])
    func append(terms: [UInt64], index: UInt64, expected: String) {
        let storage = Self.sample()
        storage.append(Self.entries(terms, at: index))
        #expect(Self.text(storage.entries) == expected)
        #expect(storage.lastIndex == LogIndex(3) + storage.entries.count)
    }

    @Test(
        "drops entries up to one of them, and keeps that one's term",
        arguments: [
            (2, "compacted", 4, "4:4 5:5"), (3, "compacted", 4, "4:4 5:5"), (4, "()", 5, "5:5"), (5, "()", 6, ""),
            (6, "unavailable", 4, "4:4 5:5"),
        ] as [(LogIndex, String, LogIndex, String)])
    func compact(index: LogIndex, expected: String, firstIndex: LogIndex, rest: String) throws {
        let storage = Self.sample()
        #expect(Self.outcome { () throws(StorageError) in try storage.compact(to: index) } == expected)
        #expect(storage.firstIndex == firstIndex && storage.lastIndex == 5)
        #expect(Self.text(storage.entries) == rest)
        #expect(try storage.term(at: firstIndex - 1) == Term(firstIndex.value - 1))
    }

    @Test("begins anew after a snapshot, whatever it held")
    func restore() throws {
        let storage = Self.sample()
        let configuration = ConfigurationState(voters: [1, 2])
        storage.restore(Snapshot(last: EntryID(term: 9, index: 40), configuration: configuration))
        #expect(storage.firstIndex == 41 && storage.lastIndex == 40 && storage.entries.isEmpty)
        #expect(try storage.term(at: 40) == 9)
        #expect(Self.outcome { () throws(StorageError) in try storage.term(at: 5) } == "compacted")
        #expect(storage.initialState().configuration == configuration)
        storage.append(Self.entries([9], at: 41))
        #expect(storage.lastIndex == 41)
    }

    @Test("gives the snapshot it was told to, and until then none")
    func snapshot() throws {
        let storage = MemoryStorage()
        #expect(
            Self.outcome { () throws(StorageError) in try storage.snapshot().last.index }
                == "snapshotTemporarilyUnavailable")
        let snapshot = Snapshot(last: EntryID(term: 1, index: 2), configuration: ConfigurationState(voters: [1]))
        storage.snapshotToSend = snapshot
        #expect(try storage.snapshot() === snapshot)
    }
}
