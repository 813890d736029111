import Raft
import WeirRuntime
import WeirSimulation

/// A replica's storage in one file: frames, each with a checksum, appended and never changed.
///
/// Meant to be simple and honest, not fast to recover. The file is written anew when a node starts, so that nothing is
/// believed that only a page cache vouches for. A frame says how much of the file was synced before it: so a bad
/// frame below that mark is damage, and any other the torn end of what was never synced.
final class Journal {
    /// What is stored together.
    struct Write {
        var hardState: HardState?
        var entries: [Entry] = []
        /// A snapshot in place of the log.
        var received: Snapshot?
        /// A snapshot in place of the log's beginning.
        var own: Snapshot?
    }

    /// A sync under way, of the writes up to one.
    struct Flush {
        fileprivate var sync: PendingSync
        var sequence: UInt64
        fileprivate var sizeBytes: Int64
        fileprivate var guardedBytes: Int64
    }

    /// What a file says.
    struct Contents {
        var hardState = HardState()
        var snapshot = Snapshot(last: EntryID(term: 0, index: 0), configuration: ConfigurationState())
        var entries: [Entry] = []
        /// The last write that is in it.
        var sequence: UInt64 = 0
        /// Whether something is missing that was synced.
        var isDamaged = false
    }

    static let path = "/journal"
    private static let newPath = "/journal.new"
    private static let headerWords = 4
    private static let magic: UInt64 = 0x5752_4a4c

    let disk: SimulatedDisk
    private let file: any DiskFile
    private var sizeBytes: Int64 = 0
    private var syncedBytes: Int64 = 0
    private var words: [UInt64] = []
    /// The last write.
    private(set) var sequence: UInt64
    /// Below this, damage is told from a torn end: what the last synced frame knew to be synced.
    private(set) var guardedBytes: Int64 = 0
    private var lastFrameGuards: Int64 = 0

    /// Writes the contents to a new file that takes the place of the old one, durably.
    init(on disk: SimulatedDisk, _ contents: Contents) throws(DiskError) {
        self.disk = disk
        sequence = contents.sequence
        try disk.remove(Self.newPath)
        file = try disk.open(Self.newPath, .createNew)
        try append(
            Write(hardState: contents.hardState, entries: contents.entries, received: contents.snapshot),
            as: contents.sequence)
        try file.sync()
        syncedBytes = sizeBytes
        try disk.rename(Self.newPath, to: Self.path)
        try disk.syncDirectory("/")
    }

    // MARK: Writing

    /// Appends a write; it is durable after a sync. Returns its number.
    func write(_ write: Write) throws(DiskError) -> UInt64 {
        sequence += 1
        try append(write, as: sequence)
        return sequence
    }

    /// Whether everything that was written is durable.
    var isSynced: Bool { syncedBytes == sizeBytes }

    /// Begins to make durable what was written.
    func beginSync() -> Flush {
        Flush(sync: disk.beginSync([file]), sequence: sequence, sizeBytes: sizeBytes, guardedBytes: lastFrameGuards)
    }

    /// Ends a sync; where it throws, the file must not be believed any more.
    func finishSync(_ flush: Flush) throws(DiskError) {
        try disk.finishSync(flush.sync)[0].get()
        guardedBytes = flush.guardedBytes
        syncedBytes = max(syncedBytes, flush.sizeBytes)
    }

    private func append(_ write: Write, as sequence: UInt64) throws(DiskError) {
        words.removeAll(keepingCapacity: true)
        words.append(0)
        words.append(0)
        words.append(sequence)
        words.append(UInt64(syncedBytes))
        words.encode(write)
        words[0] = Self.magic << 32 | UInt64(words.count - Self.headerWords)
        words[1] = Self.checksum(words[...])
        var done = 0
        let total = words.count * 8
        while done < total {
            let offset = sizeBytes + Int64(done)
            let result: Result<Int, DiskError> = words.withUnsafeBytes { bytes in
                let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
                return Result { () throws(DiskError) in try file.write(at: offset, [rest]) }
            }
            done += try result.get()
        }
        sizeBytes += Int64(total)
        lastFrameGuards = syncedBytes
    }

    // MARK: Reading

    /// What the disk's file says; nil where there is none.
    static func contents(of disk: SimulatedDisk) throws(DiskError) -> Contents? {
        guard try disk.kind(of: path) == .file else { return nil }
        let file = try disk.open(path, .existing)
        let size = Int(try file.size())
        var words = [UInt64](repeating: 0, count: size / 8)
        let result: Result<Int, DiskError> = words.withUnsafeMutableBytes { buffer in
            Result { () throws(DiskError) in try file.read(at: 0, into: buffer) }
        }
        let count = try result.get()
        precondition(count == words.count * 8, "a file is read whole")
        file.close()
        return contents(of: words)
    }

    private static func contents(of words: [UInt64]) -> Contents {
        var contents = Contents()
        var place = 0
        while let end = endOfFrame(words, at: place) {
            contents.sequence = words[place + 2]
            var reader = WordReader(words: words[(place + headerWords)..<end])
            contents.take(reader.write())
            place = end
        }
        // A later frame that knows this place to be synced says that what is missing was there.
        contents.isDamaged = (place..<max(place, words.count)).contains { later in
            endOfFrame(words, at: later) != nil && words[later + 3] > UInt64(place * 8)
        }
        return contents
    }

    private static func endOfFrame(_ words: [UInt64], at place: Int) -> Int? {
        guard place + headerWords <= words.count, words[place] >> 32 == magic else { return nil }
        let end = place + headerWords + Int(words[place] & 0xffff_ffff)
        guard end <= words.count, words[place + 1] == checksum(words[place..<end]) else { return nil }
        return end
    }

    /// Of all words but the second, which holds it.
    private static func checksum(_ frame: ArraySlice<UInt64>) -> UInt64 {
        frame.withUnsafeBufferPointer { frame in
            var sum = mix(magic, frame[0])
            for place in 2..<frame.count { sum = mix(sum, frame[place]) }
            return sum
        }
    }
}

extension Journal.Contents {
    /// Takes over what was stored later.
    fileprivate mutating func take(_ write: Journal.Write) {
        if let state = write.hardState { hardState = state }
        if let snapshot = write.received {
            self.snapshot = snapshot
            entries = []
        }
        if let first = write.entries.first {
            let kept = entries.prefix { $0.index < first.index }.count
            entries.removeSubrange(kept...)
            entries.append(contentsOf: write.entries)
        }
        if let snapshot = write.own {
            entries.removeAll { $0.index <= snapshot.last.index }
            self.snapshot = snapshot
        }
        // A commit index is stored when there is a reason to sync; a snapshot knows of one by itself.
        hardState.commit = max(hardState.commit, snapshot.last.index)
    }
}
