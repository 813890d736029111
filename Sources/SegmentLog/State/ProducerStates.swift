/// What a log remembers of its producers: a machine, stepped once a batch.
///
/// The rules are those of Kafka's ProducerStateManager (KIP-98): the last five batches of each producer
/// are told from new ones, an older epoch is refused, a new epoch begins at sequence 0, otherwise the
/// sequence goes on where it ended (after Int32.max comes 0). A producer that is not known may begin
/// anywhere: what it wrote before may have expired. Transactions are in ProducerStates+Transactions.swift.
struct ProducerStates: Sendable {
    /// How many batches of a producer are remembered: what a client may have in flight.
    static let batchesMax = 5

    /// A batch that was appended.
    struct Batch: Equatable, Sendable {
        var firstSequence: Int32
        var lastSequence: Int32
        var baseOffset: Int64
        var lastOffset: Int64
    }

    /// One producer.
    struct Producer: Equatable, Sendable {
        var epoch: Int16
        /// Oldest first, at most `batchesMax`.
        var batches: [Batch]
        /// How many sequence numbers in a row, up to the newest batch's last, were seen here.
        var sequencesSeen: Int64
        /// When it last appended, by the log's wall clock.
        var lastUseMilliseconds: Int64
        /// The epoch of the coordinator that wrote its last marker; −1: none.
        var coordinatorEpoch: Int32 = -1
        /// The first offset of its open transaction; −1: none is open.
        var transactionOffset: Int64 = -1
        /// When that was appended, by the log's wall clock.
        var transactionMilliseconds: Int64 = -1
    }

    /// What a batch turned out to be.
    enum Verdict: Equatable, Sendable {
        /// New; appending it must be followed by `advance`.
        case new
        /// Appended before, at these offsets.
        case duplicate(baseOffset: Int64, lastOffset: Int64)
    }

    /// What takes an `advance` back.
    struct Undo: Sendable {
        var producerID: Int64
        var before: Before
        /// Whether the batch is the first of a transaction.
        var opensTransaction = false

        enum Before: Sendable {
            case unknown
            case sameEpoch(evicted: Batch?, count: Int32, lastUse: Int64)
            case other(Producer)
        }
    }

    /// By producer id.
    var producers: [Int64: Producer] = [:]

    /// The last of `count` sequence numbers from `first`; after Int32.max comes 0.
    static func lastSequence(from first: Int32, count: Int32) -> Int32 {
        let (sum, overflow) = first.addingReportingOverflow(count - 1)
        return overflow ? sum &- .min : sum
    }

    /// Whether a client's batch is new; changes nothing.
    func check(_ batch: StoredBatch) throws(LogError) -> Verdict {
        guard batch.baseSequence >= 0, batch.producerEpoch >= 0 else {
            throw LogError(.invalidBatch, "a batch of producer \(batch.producerID) has no sequence number")
        }
        guard let producer = producers[batch.producerID] else { return .new }
        try checkEpoch(of: batch, producer)
        if let duplicate = try checkSequence(of: batch, producer) { return duplicate }
        try checkTransaction(of: batch, producer)
        return .new
    }

    func checkEpoch(of batch: StoredBatch, _ producer: Producer) throws(LogError) {
        if batch.producerEpoch >= producer.epoch { return }
        throw LogError(
            .invalidProducerEpoch,
            "producer \(batch.producerID) has epoch \(producer.epoch); the batch is of \(batch.producerEpoch)")
    }

    /// Nil where the sequence is the next one.
    private func checkSequence(of batch: StoredBatch, _ producer: Producer) throws(LogError) -> Verdict? {
        let first = batch.baseSequence
        if batch.producerEpoch > producer.epoch {
            if first == 0 { return nil }
            throw LogError(
                .outOfOrderSequence,
                "producer \(batch.producerID) begins epoch \(batch.producerEpoch) at sequence \(first), not 0")
        }
        guard let newest = producer.batches.last else {
            // Known by a marker alone, which began the epoch.
            if first == 0 { return nil }
            throw LogError(
                .outOfOrderSequence,
                "producer \(batch.producerID) has written nothing in epoch \(producer.epoch) and begins it at "
                    + "sequence \(first), not 0")
        }
        let last = Self.lastSequence(from: first, count: batch.recordCount)
        for known in producer.batches where known.firstSequence == first && known.lastSequence == last {
            return .duplicate(baseOffset: known.baseOffset, lastOffset: known.lastOffset)
        }
        let expected = Self.lastSequence(from: newest.lastSequence, count: 2)
        if first == expected { return nil }
        if wasSeen(from: first, to: last, by: producer) {
            throw LogError(
                .duplicateSequence,
                "producer \(batch.producerID): sequences \(first) to \(last) were appended more than "
                    + "\(Self.batchesMax) batches ago")
        }
        throw LogError(
            .outOfOrderSequence, "producer \(batch.producerID): sequence \(first) came where \(expected) is next")
    }

    /// Takes in the batch that `check` found new, at the offset it was given.
    mutating func advance(_ batch: StoredBatch, baseOffset: Int64, wallMilliseconds: Int64) -> Undo {
        var undo =
            batch.baseSequence >= 0
            ? advanceSequence(batch, baseOffset, wallMilliseconds) : advanceEpoch(batch, wallMilliseconds)
        if batch.isTransactional {
            undo.opensTransaction = openTransaction(of: batch, at: baseOffset, wallMilliseconds)
        }
        return undo
    }

    private mutating func advanceSequence(
        _ batch: StoredBatch, _ baseOffset: Int64, _ wallMilliseconds: Int64
    ) -> Undo {
        // Not the count of the records: a cleaned batch has fewer.
        let count = batch.lastOffsetDelta + 1
        let entry = Batch(
            firstSequence: batch.baseSequence,
            lastSequence: Self.lastSequence(from: batch.baseSequence, count: count),
            baseOffset: baseOffset, lastOffset: baseOffset + Int64(batch.lastOffsetDelta))
        guard let place = producers.index(forKey: batch.producerID) else {
            var batches: [Batch] = []
            batches.reserveCapacity(Self.batchesMax)
            batches.append(entry)
            producers[batch.producerID] = Producer(
                epoch: batch.producerEpoch, batches: batches, sequencesSeen: Int64(count),
                lastUseMilliseconds: wallMilliseconds)
            return Undo(producerID: batch.producerID, before: .unknown)
        }
        let known = producers.values[place].epoch
        if known != batch.producerEpoch {
            let before = producers.values[place]
            producers.values[place].epoch = batch.producerEpoch
            producers.values[place].batches = [entry]
            producers.values[place].sequencesSeen = Int64(count)
            producers.values[place].lastUseMilliseconds = wallMilliseconds
            return Undo(producerID: batch.producerID, before: .other(before))
        }
        let lastUse = producers.values[place].lastUseMilliseconds
        var evicted: Batch?
        if producers.values[place].batches.count == Self.batchesMax {
            evicted = producers.values[place].batches.removeFirst()
        }
        producers.values[place].batches.append(entry)
        producers.values[place].sequencesSeen += Int64(count)
        producers.values[place].lastUseMilliseconds = wallMilliseconds
        return Undo(
            producerID: batch.producerID,
            before: .sameEpoch(evicted: evicted, count: count, lastUse: lastUse))
    }

    /// Takes back the newest `advance` that was not taken back yet.
    mutating func revert(_ undo: Undo) {
        switch undo.before {
        case .unknown:
            producers[undo.producerID] = nil
        case .other(let before):
            producers[undo.producerID] = before
        case .sameEpoch(let evicted, let count, let lastUse):
            guard let place = producers.index(forKey: undo.producerID) else { return }
            producers.values[place].batches.removeLast()
            producers.values[place].sequencesSeen -= Int64(count)
            if let evicted { producers.values[place].batches.insert(evicted, at: 0) }
            producers.values[place].lastUseMilliseconds = lastUse
            if undo.opensTransaction { producers.values[place].closeTransaction() }
        }
    }

    /// Forgets who has not appended since `wallMilliseconds` and has no transaction open.
    mutating func expire(unusedSince wallMilliseconds: Int64) {
        let expired = producers.lazy.filter { producer in
            producer.value.lastUseMilliseconds < wallMilliseconds && producer.value.transactionOffset < 0
        }.map(\.key)
        for id in Array(expired) { producers[id] = nil }
    }

    /// Whether all of these sequence numbers are among those that were seen, too long ago to be listed.
    private func wasSeen(from first: Int32, to last: Int32, by producer: Producer) -> Bool {
        guard let oldest = producer.batches.first, let newest = producer.batches.last else { return false }
        let unlisted = producer.sequencesSeen - distance(from: oldest.firstSequence, to: newest.lastSequence) - 1
        let back = distance(from: first, to: oldest.firstSequence)
        return back > 0 && back <= unlisted && distance(from: last, to: oldest.firstSequence) <= back
            && last != oldest.firstSequence
    }

    /// How many steps lead from one sequence number to another, on their circle of 2^31.
    private func distance(from first: Int32, to second: Int32) -> Int64 {
        let steps = Int64(second) - Int64(first)
        return steps >= 0 ? steps : steps + (1 << 31)
    }
}

// MARK: Snapshot

extension ProducerStates {
    private static let producerSizeBytes = 8 + 2 + 8 + 8 + 4 + 8 + 8 + 1

    /// Writes everybody, in the order of their ids.
    func write(to writer: inout ByteWriter) {
        writer.write(UInt32(producers.count))
        for (id, producer) in producers.sorted(by: { $0.key < $1.key }) {
            writer.write(id)
            writer.write(producer.epoch)
            writer.write(producer.sequencesSeen)
            writer.write(producer.lastUseMilliseconds)
            writer.write(producer.coordinatorEpoch)
            writer.write(producer.transactionOffset)
            writer.write(producer.transactionMilliseconds)
            writer.write(UInt8(producer.batches.count))
            for batch in producer.batches {
                writer.write(batch.firstSequence)
                writer.write(batch.lastSequence)
                writer.write(batch.baseOffset)
                writer.write(batch.lastOffset)
            }
        }
    }

    /// What `write` wrote; nil where the bytes are not that.
    init?(_ reader: inout ByteReader) {
        guard let count = reader.readCount(of: Self.producerSizeBytes) else { return nil }
        producers.reserveCapacity(count)
        for _ in 0..<count {
            guard let id = reader.read(Int64.self), let epoch = reader.read(Int16.self),
                let seen = reader.read(Int64.self), let lastUse = reader.read(Int64.self),
                let coordinatorEpoch = reader.read(Int32.self), let transactionOffset = reader.read(Int64.self),
                let transactionMilliseconds = reader.read(Int64.self), let batchCount = reader.read(UInt8.self),
                batchCount <= Self.batchesMax
            else { return nil }
            var batches: [Batch] = []
            for _ in 0..<batchCount {
                guard let first = reader.read(Int32.self), let last = reader.read(Int32.self),
                    let baseOffset = reader.read(Int64.self), let lastOffset = reader.read(Int64.self)
                else { return nil }
                batches.append(
                    Batch(firstSequence: first, lastSequence: last, baseOffset: baseOffset, lastOffset: lastOffset))
            }
            producers[id] = Producer(
                epoch: epoch, batches: batches, sequencesSeen: seen, lastUseMilliseconds: lastUse,
                coordinatorEpoch: coordinatorEpoch, transactionOffset: transactionOffset,
                transactionMilliseconds: transactionMilliseconds)
        }
    }
}
