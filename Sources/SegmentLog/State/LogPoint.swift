/// A place between two batches of a log: what was there before it, and where what follows goes.
struct LogPoint: Equatable, Sendable {
    /// The base offset of the segment it lies in.
    var segment: Int64
    /// The byte in that segment's file.
    var position: Int64
    /// The offset of the next record.
    var nextOffset: Int64
    /// The Raft index of the next entry.
    var nextIndex: Int64

    /// Whether it lies before a byte of a segment.
    func isBefore(segment other: Int64, position otherPosition: Int64) -> Bool {
        segment < other || (segment == other && position < otherPosition)
    }

    static let sizeBytes = 32

    func write(to writer: inout ByteWriter) {
        writer.write(segment)
        writer.write(position)
        writer.write(nextOffset)
        writer.write(nextIndex)
    }

    init?(_ reader: inout ByteReader) {
        guard let segment = reader.read(Int64.self), let position = reader.read(Int64.self),
            let nextOffset = reader.read(Int64.self), let nextIndex = reader.read(Int64.self)
        else { return nil }
        self.init(segment: segment, position: position, nextOffset: nextOffset, nextIndex: nextIndex)
    }

    init(segment: Int64, position: Int64, nextOffset: Int64, nextIndex: Int64) {
        self.segment = segment
        self.position = position
        self.nextOffset = nextOffset
        self.nextIndex = nextIndex
    }
}

/// What follows from a log's batches up to a point: replaying them gives it again.
struct LogState: Sendable {
    /// The offset of the next record.
    var nextOffset: Int64
    /// The Raft index of the next entry.
    var nextIndex: Int64
    /// The epoch of the last batch.
    var epoch: Int32 = 0
    /// The first offset that may be read.
    var logStart: Int64
    /// Where epochs began.
    var epochs = EpochCache()
    /// What idempotent producers wrote.
    var producers = ProducerStates()
    /// What is open and what was aborted.
    var transactions = LogTransactions()

    init(nextOffset: Int64, nextIndex: Int64, logStart: Int64) {
        self.nextOffset = nextOffset
        self.nextIndex = nextIndex
        self.logStart = logStart
    }

    /// Takes in the next batch, an intact one that is at `position` in `segment`.
    mutating func replay(
        _ batch: StoredBatch, _ bytes: UnsafeRawBufferPointer, segment: Int64, position: Int64, wallMilliseconds: Int64
    ) {
        epoch = batch.epoch
        if batch.isInternal {
            switch InternalBatch(bytes) {
            case .header(let header):
                // Not an entry; what damage before it made uncertain is certain again.
                nextIndex = max(nextIndex, header.firstIndex)
                return
            case .logStart(let offset):
                logStart = max(logStart, offset)
            case .empty, .configuration, nil:
                break
            }
        } else {
            epochs.note(epoch: batch.epoch, at: batch.baseOffset)
            if batch.producerID >= 0 {
                let point = LogPoint(
                    segment: segment, position: position, nextOffset: batch.baseOffset, nextIndex: nextIndex)
                replayProducer(batch, bytes, at: point, wallMilliseconds)
            }
        }
        nextIndex += batch.entryCount
        nextOffset = batch.nextOffset
    }

    /// Recovery checks nothing: what is there is there.
    private mutating func replayProducer(
        _ batch: StoredBatch, _ bytes: UnsafeRawBufferPointer, at point: LogPoint, _ wallMilliseconds: Int64
    ) {
        guard batch.isControl else {
            let undo = producers.advance(batch, baseOffset: batch.baseOffset, wallMilliseconds: wallMilliseconds)
            if undo.opensTransaction {
                transactions.open(batch.producerID, at: point)
                producers.noteTransactionStart(of: batch.producerID, noLaterThan: batch.maxTimestamp)
            }
            return
        }
        guard let marker = MarkerBatch.decode(batch, bytes) else { return }
        let ended = producers.end(marker, wallMilliseconds: wallMilliseconds)
        guard let first = ended.firstOffset else { return }
        transactions.end(first, with: batch.baseOffset, isCommit: marker.isCommit)
        transactions.commit(below: batch.nextOffset)
    }
}
