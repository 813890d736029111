import WeirRuntime

/// The files of one log: whole-file reads and writes, off the loops.
struct LogFolder: Sendable {
    let disk: any Disk
    let path: String
    let identity: LogIdentity

    func file(_ name: String) -> String { "\(path)/\(name)" }

    func logFile(_ baseOffset: Int64) -> String { file(FileNames.stem(baseOffset) + FileNames.logSuffix) }
    func offsetIndexFile(_ baseOffset: Int64) -> String {
        file(FileNames.stem(baseOffset) + FileNames.offsetIndexSuffix)
    }
    func timeIndexFile(_ baseOffset: Int64) -> String {
        file(FileNames.stem(baseOffset) + FileNames.timeIndexSuffix)
    }

    /// The bytes of a file; nil where there is none.
    func readAll(_ path: String) throws(DiskError) -> [UInt8]? {
        do throws(DiskError) {
            let file = try disk.open(path, .existing)
            let size = Int(try file.size())
            var bytes = [UInt8](repeating: 0, count: size)
            var count = 0
            var failure: DiskError?
            bytes.withUnsafeMutableBytes { buffer in
                do throws(DiskError) { count = try file.read(at: 0, into: buffer) } catch { failure = error }
            }
            if let failure { throw failure }
            return Array(bytes.prefix(count))
        } catch {
            if error.code == .notFound { return nil }
            throw error
        }
    }

    /// Writes all of `bytes` at `position`.
    static func write(_ bytes: [UInt8], to file: any DiskFile, at position: Int64) throws(DiskError) {
        var done = 0
        while done < bytes.count {
            var count = 0
            var failure: DiskError?
            bytes.withUnsafeBytes { buffer in
                let rest = UnsafeRawBufferPointer(rebasing: buffer[done...])
                do throws(DiskError) { count = try file.write(at: position + Int64(done), [rest]) } catch {
                    failure = error
                }
            }
            if let failure { throw failure }
            done += count
        }
    }

    /// Puts the entries into a sparse index file at their places, and cuts what lay behind them. Durable when it
    /// returns.
    func writeIndex(
        _ path: String, _ entries: ArraySlice<some SparseIndexEntry>, baseOffset: Int64
    ) throws(DiskError) {
        try draftIndex(path, entries, baseOffset: baseOffset).sync()
    }

    /// The same, durable once the file is synced.
    func draftIndex(
        _ path: String, _ entries: ArraySlice<some SparseIndexEntry>, baseOffset: Int64
    ) throws(DiskError) -> any DiskFile {
        let file = try disk.open(path, .createIfMissing)
        let size = Int64(SparseIndexFile.entrySizeBytes)
        try Self.write(
            SparseIndexFile.encode(entries, baseOffset: baseOffset), to: file, at: Int64(entries.startIndex) * size)
        let end = Int64(entries.endIndex) * size
        if try file.size() != end { try file.truncate(to: end) }
        return file
    }

    /// The indexes of a sealed segment; nil where they are missing, damaged or not its own.
    func readIndexes(_ summary: SegmentSummary, intervalBytes: Int) throws(DiskError) -> SegmentIndex? {
        guard let offsetBytes = try readAll(offsetIndexFile(summary.baseOffset)),
            let timeBytes = try readAll(timeIndexFile(summary.baseOffset)),
            let offsets = decode(offsetBytes, summary.baseOffset, OffsetIndexEntry.self),
            let times = decode(timeBytes, summary.baseOffset, TimeIndexEntry.self)
        else { return nil }
        let index = SegmentIndex(summary, intervalBytes: intervalBytes, offsets: offsets, times: times)
        let isWhole = index.isSealed(as: summary) && (times.last?.maxTimestamp ?? -1) == summary.maxTimestamp
        return isWhole ? index : nil
    }

    func decode<Entry: SparseIndexEntry>(_ bytes: [UInt8], _ baseOffset: Int64, _ type: Entry.Type) -> [Entry]? {
        bytes.withUnsafeBytes { SparseIndexFile.decode($0, baseOffset: baseOffset, as: type) }
    }

    /// Replaces the checkpoint in one step. Durable when it returns.
    func writeCheckpoint(_ bytes: [UInt8]) throws(DiskError) {
        try draftCheckpoint(bytes).sync()
        try installCheckpoint()
        try disk.syncDirectory(path)
    }

    /// Writes what is to be the checkpoint once the file is synced.
    func draftCheckpoint(_ bytes: [UInt8]) throws(DiskError) -> any DiskFile {
        let out = try disk.open(file(FileNames.checkpointDraft), .createIfMissing)
        try out.truncate(to: 0)
        try Self.write(bytes, to: out, at: 0)
        return out
    }

    /// Puts the synced draft in the checkpoint's place. Durable once the folder is synced; until then a power cut
    /// leaves this checkpoint or the one before, and either is right.
    func installCheckpoint() throws(DiskError) {
        try disk.rename(file(FileNames.checkpointDraft), to: file(FileNames.checkpoint))
    }

    /// Removes the files of a segment.
    func removeSegment(_ baseOffset: Int64) throws(DiskError) {
        for path in [logFile(baseOffset), offsetIndexFile(baseOffset), timeIndexFile(baseOffset)] {
            try disk.remove(path)
        }
    }
}

extension LogError {
    /// What a failure of the disk means to the log's callers.
    init(_ error: DiskError) {
        self.init(error.code == .full ? .full : .storage, error.description)
    }
}
