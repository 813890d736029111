import WeirRuntime

/// What says on disk that a cleaned segment takes the place of others (docs/formats/log.md, "Cleaning").
///
/// Once its file is durable the swap happens: at once, or by the next open. It stays until a checkpoint is stored that
/// knows the new segment.
struct SegmentSwap: Equatable, Sendable {
    private static let magic: UInt32 = 0x574C_5357
    private static let version: UInt16 = 1

    var topicID: TopicID
    var partition: Int32
    /// Base offsets of the segments that go; the first one is the new segment's, whose files are replaced.
    var replaced: [Int64]
    /// The new segment.
    var summary: SegmentSummary
    /// Markers of aborted transactions whose data is gone, by their offsets: a fetch names them no more. One that is
    /// named and whose marker is gone too would have a consumer drop all that its producer wrote later.
    var emptyAborts: [Int64]

    init(_ identity: LogIdentity, replaced: [Int64], summary: SegmentSummary, emptyAborts: [Int64]) {
        self.emptyAborts = emptyAborts
        topicID = identity.topicID
        partition = identity.partition
        self.replaced = replaced
        self.summary = summary
    }

    func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.write(Self.magic)
        writer.write(Self.version)
        writer.write(topicID.high)
        writer.write(topicID.low)
        writer.write(partition)
        summary.write(to: &writer)
        writer.write(UInt32(replaced.count))
        for base in replaced { writer.write(base) }
        writer.write(UInt32(emptyAborts.count))
        for offset in emptyAborts { writer.write(offset) }
        return writer.sealed()
    }

    /// The swap in a file's bytes; nil where they are not one, or not whole.
    init?(_ bytes: [UInt8]) {
        guard let decoded = ByteReader.unsealed(bytes, { SegmentSwap(&$0) }) else { return nil }
        self = decoded
    }

    private init?(_ reader: inout ByteReader) {
        guard reader.read(UInt32.self) == Self.magic, reader.read(UInt16.self) == Self.version,
            let high = reader.read(UInt64.self), let low = reader.read(UInt64.self),
            let partition = reader.read(Int32.self), let summary = SegmentSummary(&reader),
            let count = reader.readCount(of: 8)
        else { return nil }
        topicID = TopicID(high: high, low: low)
        self.partition = partition
        self.summary = summary
        replaced = (0..<count).compactMap { _ in reader.read(Int64.self) }
        guard let abortCount = reader.readCount(of: 8) else { return nil }
        emptyAborts = (0..<abortCount).compactMap { _ in reader.read(Int64.self) }
    }

    /// Puts the new segment into a list of segments, in place of those that went.
    func patch(_ segments: inout [SegmentSummary]) {
        let gone = Set(replaced)
        guard let place = segments.firstIndex(where: { gone.contains($0.baseOffset) }) else { return }
        segments.removeAll { gone.contains($0.baseOffset) }
        segments.insert(summary, at: place)
    }
}

extension LogFolder {
    /// How far a swap came.
    enum SwapFailure: Error {
        /// Nothing happened: the old segments are there.
        case before(DiskError)
        /// It is decided and not finished: the next open finishes it.
        case halfway(DiskError)
    }

    private func swapFile(_ baseOffset: Int64) -> String {
        file(FileNames.stem(baseOffset) + FileNames.swapSuffix)
    }

    private func paths(_ baseOffset: Int64) -> [String] {
        [logFile(baseOffset), offsetIndexFile(baseOffset), timeIndexFile(baseOffset)]
    }

    /// Has the cleaned segment, whose files are durable, take the place of those it stands for. Blocking.
    func install(_ swap: SegmentSwap) throws(SwapFailure) {
        let base = swap.summary.baseOffset
        do throws(DiskError) {
            let draft = try disk.open(file(FileNames.swapDraft), .createIfMissing)
            try draft.truncate(to: 0)
            try Self.write(swap.encoded(), to: draft, at: 0)
            try draft.sync()
            // The cleaned files' names are durable before the swap's.
            try disk.syncDirectory(path)
            try disk.rename(file(FileNames.swapDraft), to: swapFile(base))
        } catch {
            throw .before(error)
        }
        do throws(DiskError) {
            try disk.syncDirectory(path)
            try finish(swap)
        } catch {
            throw .halfway(error)
        }
    }

    /// Renames and removes what a decided swap says; what was done before is not done again. Durable when it returns.
    func finish(_ swap: SegmentSwap) throws(DiskError) {
        let base = swap.summary.baseOffset
        for path in paths(base) {
            let cleaned = path + FileNames.cleanedSuffix
            if try disk.kind(of: cleaned) != nil { try disk.rename(cleaned, to: path) }
        }
        for gone in swap.replaced where gone != base { try removeSegment(gone) }
        try disk.syncDirectory(path)
    }

    /// Removes what a pass wrote for a segment that does not take anybody's place.
    func discardCleaned(_ baseOffset: Int64) {
        for path in paths(baseOffset) { try? disk.remove(path + FileNames.cleanedSuffix) }
    }

    /// Forgets swaps that the stored checkpoint knows of. Durable when it returns: one that came back would take what
    /// the next pass has written halfway for its own.
    func forgetSwaps(_ bases: [Int64]) throws(DiskError) {
        if bases.isEmpty { return }
        for base in bases { try disk.remove(swapFile(base)) }
        try disk.syncDirectory(path)
    }

    /// The swap of a segment; nil where its file is damaged.
    func readSwap(_ baseOffset: Int64) throws(DiskError) -> SegmentSwap? {
        guard let bytes = try readAll(swapFile(baseOffset)), let swap = SegmentSwap(bytes),
            swap.topicID == identity.topicID, swap.partition == identity.partition
        else { return nil }
        return swap
    }
}

/// Up to where a log is clean, in a small file that is replaced as a whole.
///
/// Not synced: without it, or with an older one, the next pass reads more than it must.
struct CleaningPoint: Equatable, Sendable {
    private static let magic: UInt32 = 0x574C_434C
    private static let version: UInt16 = 1

    var topicID: TopicID
    var partition: Int32
    /// Below it the log is clean.
    var offset: Int64

    init(_ identity: LogIdentity, offset: Int64) {
        topicID = identity.topicID
        partition = identity.partition
        self.offset = offset
    }

    func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.write(Self.magic)
        writer.write(Self.version)
        writer.write(topicID.high)
        writer.write(topicID.low)
        writer.write(partition)
        writer.write(offset)
        return writer.sealed()
    }

    init?(_ bytes: [UInt8]) {
        let decoded = ByteReader.unsealed(bytes) { reader -> CleaningPoint? in
            guard reader.read(UInt32.self) == Self.magic, reader.read(UInt16.self) == Self.version,
                let high = reader.read(UInt64.self), let low = reader.read(UInt64.self),
                let partition = reader.read(Int32.self), let offset = reader.read(Int64.self), reader.remaining == 0
            else { return nil }
            let identity = LogIdentity(topicID: TopicID(high: high, low: low), topic: "", partition: partition)
            return CleaningPoint(identity, offset: offset)
        }
        guard let decoded else { return nil }
        self = decoded
    }
}

extension LogFolder {
    /// Replaces the cleaning point.
    func writeCleaningPoint(_ offset: Int64) throws(DiskError) {
        let draft = try disk.open(file(FileNames.cleaningPointDraft), .createIfMissing)
        try draft.truncate(to: 0)
        try Self.write(CleaningPoint(identity, offset: offset).encoded(), to: draft, at: 0)
        try disk.rename(file(FileNames.cleaningPointDraft), to: file(FileNames.cleaningPoint))
    }

    /// Up to where the log is clean; nil: nothing is known to be.
    func readCleaningPoint() throws(DiskError) -> Int64? {
        guard let bytes = try readAll(file(FileNames.cleaningPoint)), let point = CleaningPoint(bytes),
            point.topicID == identity.topicID, point.partition == identity.partition
        else { return nil }
        return point.offset
    }
}
