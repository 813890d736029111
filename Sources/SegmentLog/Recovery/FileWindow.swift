import WeirRuntime

/// Reads a file through a window that is moved forward: a recovery's buffer. One thread at a time.
final class FileWindow {
    private let file: any DiskFile
    /// Where reading stops: the file's end, or an earlier one.
    let end: Int64
    private var buffer: UnsafeMutableRawBufferPointer
    private var start: Int64 = 0
    private var count = 0

    init(_ file: any DiskFile, end: Int64, sizeBytes: Int = 1 << 20) {
        self.file = file
        self.end = end
        buffer = .allocate(byteCount: sizeBytes, alignment: 16)
    }

    deinit {
        buffer.deallocate()
    }

    /// The `count` bytes at `position`; nil where the end comes first. Valid until the next call.
    func bytes(at position: Int64, count wanted: Int) throws(DiskError) -> UnsafeRawBufferPointer? {
        guard wanted >= 0, position >= 0, position <= end, Int64(wanted) <= end - position else { return nil }
        if position < start || position + Int64(wanted) > start + Int64(count) {
            try move(to: position, holding: wanted)
            guard wanted <= count else { return nil }
        }
        let offset = Int(position - start)
        return UnsafeRawBufferPointer(rebasing: buffer[offset..<offset + wanted])
    }

    private func move(to position: Int64, holding wanted: Int) throws(DiskError) {
        if wanted > buffer.count {
            buffer.deallocate()
            buffer = .allocate(byteCount: wanted, alignment: 16)
        }
        count = 0
        start = position
        let size = Int(min(Int64(buffer.count), end - position))
        count = try file.read(at: position, into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<size]))
    }
}

/// Tells the batches of a segment's file from what is none. Runs off the loops.
struct BatchScanner {
    /// What is at a position.
    enum Found {
        /// An intact batch that follows; its bytes are valid until the next call.
        case batch(StoredBatch, UnsafeRawBufferPointer)
        /// No length: nothing was written here, or the file ends.
        case end
        /// Bytes that are no batch, or not the next one.
        case bad
    }

    let window: FileWindow
    /// The latest epoch that a batch can have: the local log's is 0. The epoch lies outside the checksum,
    /// so that a damaged one must be known by what it can be.
    var epochMax: Int32 = 0

    /// What is at `position`, where the batch of `offset` in `epoch` or a later one belongs.
    func look(at position: Int64, offset: Int64, epoch: Int32) throws(DiskError) -> Found {
        guard let header = try window.bytes(at: position, count: StoredBatch.headerSizeBytes),
            let batch = StoredBatch(header)
        else {
            let rest = try window.bytes(at: position, count: Int(max(0, window.end - position)))
            return rest?.allSatisfy { $0 == 0 } ?? true ? .end : .bad
        }
        if batch.sizeBytes == StoredBatch.lengthEnd { return .end }
        guard epoch <= epochMax, batch.follows(offset: offset, epochs: epoch...epochMax),
            let bytes = try window.bytes(at: position, count: batch.sizeBytes), batch.isIntact(bytes)
        else { return .bad }
        return .batch(batch, bytes)
    }

    /// The first intact batch behind damage that began at `position`: its place and its fields.
    ///
    /// One counts where its offset lies in `offsets` and what follows it is its successor, the end of the
    /// window or emptiness: a batch inside of a damaged one's records does not pass for a real one.
    func findNext(
        after position: Int64, offsets: ClosedRange<Int64>, epoch: Int32
    ) throws(DiskError) -> (position: Int64, batch: StoredBatch)? {
        var candidate = position + 1
        // Most damage leaves the length alone: then the next batch is where the damaged one ends.
        if let header = try window.bytes(at: position, count: StoredBatch.headerSizeBytes),
            let batch = StoredBatch(header), batch.hasPlausibleSize,
            let next = try intact(at: position + Int64(batch.sizeBytes), offsets, epoch)
        {
            return (position + Int64(batch.sizeBytes), next)
        }
        while candidate + Int64(StoredBatch.headerSizeBytes) <= window.end {
            let size = Int(min(64 << 10, window.end - candidate))
            guard let bytes = try window.bytes(at: candidate, count: size) else { return nil }
            let places = size - StoredBatch.headerSizeBytes + 1
            let promising = (0..<places).filter { place in
                bytes[place + 16] == 2 && isPromising(bytes, place, offsets)
            }
            for place in promising {
                if let batch = try intact(at: candidate + Int64(place), offsets, epoch) {
                    return (candidate + Int64(place), batch)
                }
            }
            candidate += Int64(places)
        }
        return nil
    }

    private func isPromising(_ bytes: UnsafeRawBufferPointer, _ place: Int, _ offsets: ClosedRange<Int64>) -> Bool {
        let base = Int64(bigEndian: bytes.loadUnaligned(fromByteOffset: place, as: Int64.self))
        return offsets.contains(base)
    }

    /// The batch at `position`, where it is intact and so is what follows it.
    private func intact(
        at position: Int64, _ offsets: ClosedRange<Int64>, _ epoch: Int32
    ) throws(DiskError) -> StoredBatch? {
        guard let header = try window.bytes(at: position, count: StoredBatch.headerSizeBytes),
            let batch = StoredBatch(header), offsets.contains(batch.baseOffset),
            case .batch = try look(at: position, offset: batch.baseOffset, epoch: epoch)
        else { return nil }
        let after = position + Int64(batch.sizeBytes)
        if after == window.end { return batch }
        switch try look(at: after, offset: batch.nextOffset, epoch: batch.epoch) {
        case .batch, .end: return batch
        case .bad: return nil
        }
    }
}
