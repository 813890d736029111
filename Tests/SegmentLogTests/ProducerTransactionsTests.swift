import NIOCore
import Testing

@testable import SegmentLog

@Suite("Producer states and transactions")
struct ProducerTransactionsTests {
    /// What comes to a log, for producer 9.
    enum Step: Sendable {
        /// A client's batch of one record.
        case data(Int16, seq: Int32, inTransaction: Bool)
        /// A coordinator's batch of one record.
        case offsets(Int16, inTransaction: Bool)
        /// A marker.
        case marker(Int16, coordinator: Int32, isCommit: Bool)
    }

    /// What comes of the steps in turn: "+" taken, "open" taken as the first of a transaction, "ends n" a marker for the
    /// one that began at n, "ends" one for none; otherwise an error.
    static let transcripts: [(String, [(Step, String)])] = [
        (
            "a transaction goes from its first batch to its marker",
            [
                (.data(0, seq: 0, inTransaction: true), "open"), (.data(0, seq: 1, inTransaction: true), "+"),
                (.marker(0, coordinator: 0, isCommit: true), "ends 0"),
                (.data(0, seq: 2, inTransaction: true), "open"),
                (.marker(0, coordinator: 0, isCommit: false), "ends 3"),
                (.data(0, seq: 3, inTransaction: false), "+"),
            ]
        ),
        (
            "a batch outside of the open transaction is refused",
            [
                (.data(0, seq: 0, inTransaction: true), "open"),
                (.data(0, seq: 1, inTransaction: false), "invalidTransactionState"),
                (.data(1, seq: 0, inTransaction: false), "invalidTransactionState"),
                (.offsets(0, inTransaction: false), "invalidTransactionState"),
                (.data(0, seq: 1, inTransaction: true), "+"),
            ]
        ),
        (
            "a marker of an older epoch is refused, one of the same is taken",
            [
                (.data(4, seq: 0, inTransaction: true), "open"),
                (.marker(3, coordinator: 0, isCommit: false), "invalidProducerEpoch"),
                (.marker(4, coordinator: 0, isCommit: false), "ends 0"),
                (.marker(4, coordinator: 0, isCommit: false), "ends"),
            ]
        ),
        (
            "an older coordinator is fenced, a newer one is not",
            [
                (.data(0, seq: 0, inTransaction: true), "open"), (.marker(0, coordinator: 7, isCommit: true), "ends 0"),
                (.data(0, seq: 1, inTransaction: true), "open"),
                (.marker(0, coordinator: 6, isCommit: true), "coordinatorFenced"),
                (.marker(0, coordinator: 7, isCommit: true), "ends 2"),
                (.marker(0, coordinator: 8, isCommit: true), "ends"),
            ]
        ),
        (
            "a marker of a higher epoch begins that epoch at sequence 0",
            [
                (.data(0, seq: 0, inTransaction: true), "open"), (.data(0, seq: 1, inTransaction: true), "+"),
                (.marker(1, coordinator: 0, isCommit: true), "ends 0"),
                (.data(0, seq: 2, inTransaction: true), "invalidProducerEpoch"),
                (.data(1, seq: 2, inTransaction: true), "outOfOrderSequence"),
                (.data(1, seq: 0, inTransaction: true), "open"),
            ]
        ),
        (
            "a producer known by a marker alone begins at sequence 0",
            [
                (.marker(2, coordinator: 0, isCommit: true), "ends"),
                (.data(2, seq: 5, inTransaction: true), "outOfOrderSequence"),
                (.data(1, seq: 0, inTransaction: true), "invalidProducerEpoch"),
                (.data(2, seq: 0, inTransaction: true), "open"),
            ]
        ),
        (
            "a coordinator's batches have no sequence, and their epoch counts",
            [
                (.offsets(3, inTransaction: true), "open"), (.offsets(3, inTransaction: true), "+"),
                (.offsets(2, inTransaction: true), "invalidProducerEpoch"),
                (.offsets(4, inTransaction: true), "+"), (.marker(4, coordinator: 0, isCommit: true), "ends 0"),
                (.offsets(4, inTransaction: false), "+"),
            ]
        ),
        (
            "a newer epoch goes on with the open transaction",
            [
                (.data(0, seq: 0, inTransaction: true), "open"), (.data(1, seq: 0, inTransaction: true), "+"),
                (.marker(1, coordinator: 0, isCommit: false), "ends 0"),
            ]
        ),
        (
            "a duplicate opens nothing",
            [
                (.data(0, seq: 0, inTransaction: true), "open"), (.marker(0, coordinator: 0, isCommit: true), "ends 0"),
                (.data(0, seq: 0, inTransaction: true), "duplicate"),
                (.marker(0, coordinator: 0, isCommit: true), "ends"),
            ]
        ),
    ]

    @Test("follow the transcript", arguments: transcripts.map(\.0))
    func transcript(name: String) throws {
        let steps = try #require(Self.transcripts.first { $0.0 == name }).1
        var states = ProducerStates()
        var offset: Int64 = 0
        for (step, expected) in steps { #expect(take(step, &states, &offset).said == expected, "\(step)") }
    }

    @Test("are the same after each step was taken back", arguments: transcripts.map(\.0))
    func undo(name: String) throws {
        let steps = try #require(Self.transcripts.first { $0.0 == name }).1
        var states = ProducerStates()
        var offset: Int64 = 0
        var taken: [(before: [Int64: ProducerStates.Producer], undo: ProducerStates.Undo)] = []
        for (step, _) in steps {
            let before = states.producers
            if let undo = take(step, &states, &offset).undo { taken.append((before, undo)) }
        }
        #expect(!taken.isEmpty)
        while let (before, undo) = taken.popLast() {
            states.revert(undo)
            #expect(states.producers == before)
        }
    }

    private func take(
        _ step: Step, _ states: inout ProducerStates, _ offset: inout Int64
    ) -> (said: String, undo: ProducerStates.Undo?) {
        do throws(LogError) {
            switch step {
            case .data(let epoch, let sequence, let isTransactional):
                let batch = stored(epoch, sequence, isTransactional)
                guard case .new = try states.check(batch) else { return ("duplicate", nil) }
                return advance(batch, &states, &offset)
            case .offsets(let epoch, let isTransactional):
                let batch = stored(epoch, -1, isTransactional)
                try states.checkUnsequenced(batch)
                return advance(batch, &states, &offset)
            case .marker(let epoch, let coordinator, let isCommit):
                let marker = TransactionMarker(
                    producerID: 9, producerEpoch: epoch, isCommit: isCommit, coordinatorEpoch: coordinator, timestamp: 0
                )
                try states.check(marker)
                let ended = states.end(marker, wallMilliseconds: 0)
                offset += 1
                return (ended.firstOffset.map { "ends \($0)" } ?? "ends", ended.undo)
            }
        } catch {
            return (error.code.name, nil)
        }
    }

    private func advance(
        _ batch: StoredBatch, _ states: inout ProducerStates, _ offset: inout Int64
    ) -> (String, ProducerStates.Undo?) {
        let undo = states.advance(batch, baseOffset: offset, wallMilliseconds: 0)
        offset += 1
        return (undo.opensTransaction ? "open" : "+", undo)
    }

    private func stored(_ epoch: Int16, _ sequence: Int32, _ isTransactional: Bool) -> StoredBatch {
        let bytes = makeBatch(
            ["a"], producer: 9, epoch: epoch, sequence: sequence, isTransactional: isTransactional)
        return bytes.withUnsafeReadableBytes { StoredBatch($0)! }
    }

    @Test("remember who has a transaction open, however long ago")
    func expiry() {
        var states = ProducerStates()
        _ = states.advance(stored(0, 0, true), baseOffset: 0, wallMilliseconds: 100)
        states.expire(unusedSince: 1000)
        #expect(states.openTransaction(of: 9)?.startMilliseconds == 100)
        let marker = TransactionMarker(
            producerID: 9, producerEpoch: 0, isCommit: true, coordinatorEpoch: 0, timestamp: 0)
        _ = states.end(marker, wallMilliseconds: 100)
        states.expire(unusedSince: 1000)
        #expect(states.producers.isEmpty)
    }

    @Test("do not take an emptied batch for the beginning of a transaction")
    func cleaned() {
        var states = ProducerStates()
        var batch = stored(0, 0, true)
        batch.lastOffsetDelta = 4
        batch.recordCount = 0
        let undo = states.advance(batch, baseOffset: 0, wallMilliseconds: 0)
        #expect(!undo.opensTransaction)
        #expect(states.producers[9]?.batches.last?.lastSequence == 4, "its sequences were used")
    }
}
