import NIOCore
import Testing
import WeirRuntime
import WeirSimulation

@testable import SegmentLog

@Suite("A log with transactions")
struct TransactionTests {
    private func data(_ value: String, _ producer: Int64, _ sequence: Int32, timestamp: Int64 = 1000) -> ByteBuffer {
        makeBatch(
            [value], timestamp: timestamp, producer: producer, epoch: 0, sequence: sequence, isTransactional: true)
    }

    private func stable(_ bench: LogBench, _ log: LocalLog) -> Int64 { bench.loop.perform { log.lastStableOffset } }

    private func aborted(_ producer: Int64, _ first: Int64) -> AbortedTransaction {
        AbortedTransaction(producerID: producer, firstOffset: first)
    }

    @Test("shows what is committed up to the first open transaction, and tells when that ends")
    func stableOffset() throws {
        let bench = LogBench()
        let log = try bench.create()
        try bench.append(makeBatch(["plain"]), to: log)
        try bench.append(data("a", 1, 0), to: log)
        try bench.append(data("b", 2, 0), to: log)
        try bench.append(makeBatch(["behind"]), to: log)
        #expect(stable(bench, log) == 1)
        #expect(bench.loop.perform { log.highWatermark } == 4)
        let read = try bench.read(log, from: 0, bound: .lastStableOffset)
        #expect(try values(read.records) == ["plain"])
        #expect((read.lastStableOffset, read.highWatermark) == (1, 4))
        #expect(try bench.read(log, from: 1, bound: .lastStableOffset).records.readableBytes == 0)
        #expect(bench.loop.perform { log.sizeBytesReadable(from: 1, bound: .lastStableOffset) } == 0)
        #expect(
            bench.loop.perform { log.sizeBytesReadable(from: 0, bound: .lastStableOffset) }
                == read.records.readableBytes)
        #expect(try bench.readAll(log).count == 4, "uncommitted readers see all of it")

        var told: [LogChanges] = []
        bench.loop.perform { log.onChange = { told.append($0) } }
        try bench.end(2, isCommit: true, in: log)
        #expect(stable(bench, log) == 1, "the older one is still open")
        #expect(!told.contains { $0.contains(.lastStableOffset) })
        try bench.end(1, isCommit: true, in: log)
        #expect(stable(bench, log) == 6)
        #expect(told.contains { $0.contains(.lastStableOffset) })
    }

    @Test("holds back what a marker ends until the marker is committed")
    func markerCommit() throws {
        let bench = LogBench()
        let log = try bench.create()
        try bench.append(data("a", 1, 0), to: log)
        let answer = Slot<Result<Void, LogError>>()
        let marker = TransactionMarker(
            producerID: 1, producerEpoch: 0, isCommit: true, coordinatorEpoch: 0, timestamp: 1000)
        try bench.loop.perform {
            let receipt = try log.append(marker) { answer.value = $0 }
            #expect(receipt == AppendReceipt(baseOffset: 1, lastOffset: 1))
            #expect(log.openTransaction(of: 1) == nil)
            #expect(log.lastStableOffset == 0)
        }
        bench.simulator.run(within: .seconds(60)) { answer.value != nil }
        #expect(stable(bench, log) == 2)
    }

    @Test("names the aborted transactions that a read overlaps")
    func abortedRanges() throws {
        let bench = LogBench()
        let log = try bench.create()
        try bench.append(data("0", 1, 0), to: log)
        try bench.append(data("1", 2, 0), to: log)
        try bench.end(1, isCommit: false, in: log)  // 0...2
        try bench.append(data("3", 1, 1), to: log)
        try bench.end(1, isCommit: true, in: log)  // 3...4
        try bench.end(2, isCommit: false, in: log)  // 1...5
        try bench.append(data("6", 1, 2), to: log)
        try bench.end(1, isCommit: false, in: log)  // 6...7
        func named(from offset: Int64, sizeBytesMax: Int = 1 << 20) throws -> [AbortedTransaction] {
            try bench.read(log, from: offset, sizeBytesMax: sizeBytesMax, bound: .lastStableOffset).abortedTransactions
        }
        #expect(try named(from: 0) == [aborted(1, 0), aborted(2, 1), aborted(1, 6)])
        #expect(try named(from: 3) == [aborted(2, 1), aborted(1, 6)], "it begins in the middle of one")
        #expect(try named(from: 6) == [aborted(1, 6)])
        #expect(try named(from: 0, sizeBytesMax: 1) == [aborted(1, 0)], "only what the bytes overlap")
        #expect(try named(from: 8).isEmpty)
        #expect(try bench.read(log, from: 0, bound: .highWatermark).abortedTransactions.isEmpty)
        #expect(bench.loop.perform { log.transactions.aborted.isAborted(producerID: 2, offset: 1) })
        #expect(!bench.loop.perform { log.transactions.aborted.isAborted(producerID: 1, offset: 3) })
        #expect(bench.loop.perform { log.transactions.aborted.isAborted(producerID: 1, offset: 6) })
    }

    /// How a log comes back.
    enum Return: CaseIterable {
        case kill
        case powerCut
        case close
        case withoutCheckpoint
    }

    @Test("comes back with its open and its aborted transactions", arguments: Return.allCases)
    func restart(_ way: Return) throws {
        let bench = LogBench()
        var settings = LogSettings()
        settings.segmentSizeBytesMax = 500
        var log = try bench.create(settings)
        try bench.append(data("0", 1, 0), to: log)
        try bench.end(1, isCommit: false, in: log)
        try bench.append(data("2", 2, 0), to: log)
        try bench.append(data("3", 1, 1), to: log)
        for index in 0..<8 { try bench.append(makeBatch(["\(index)"]), to: log) }
        if way == .close || way == .withoutCheckpoint { try bench.close(log) }
        if way == .withoutCheckpoint { try bench.disk.remove("\(log.folder.path)/checkpoint") }
        bench.restart(after: way == .powerCut ? .powerCut : .kill)
        log = try bench.open(settings)
        #expect(stable(bench, log) == 2)
        #expect(bench.loop.perform { log.openTransaction(of: 2) }?.firstOffset == 2)
        #expect(bench.loop.perform { log.openTransaction(of: 1) }?.firstOffset == 3)
        let read = try bench.read(log, from: 0, bound: .lastStableOffset)
        #expect(read.abortedTransactions == [aborted(1, 0)])
        #expect(try values(read.records).first == "0")
        try bench.end(2, isCommit: true, in: log)
        #expect(stable(bench, log) == 3)
        try bench.end(1, isCommit: false, in: log)
        let end = bench.loop.perform { log.logEndOffset }
        #expect(stable(bench, log) == end)
        let descriptions = bench.loop.perform { log.producerDescriptions }
        #expect(descriptions.map(\.id) == [1, 2])
        #expect(descriptions.map(\.lastSequence) == [1, 0])
        #expect(descriptions.allSatisfy { $0.openTransactionOffset == -1 && $0.coordinatorEpoch == 0 })
    }

    @Test("takes a marker back that could not be written")
    func full() throws {
        let bench = LogBench()
        let log = try bench.create()
        try bench.append(data("0", 1, 0), to: log)
        bench.disk.capacityBytes = bench.disk.usedBytes
        // Zeros were written ahead; a batch beyond them finds no room.
        let large = makeBatch([String(repeating: "x", count: 1 << 20)])
        let answers = Slot<[Bool]>()
        answers.value = []
        let marker = TransactionMarker(
            producerID: 1, producerEpoch: 0, isCommit: false, coordinatorEpoch: 3, timestamp: 1000)
        try bench.loop.perform {
            _ = try log.append(large, until: .committed) { answers.value?.append((try? $0.get()) != nil) }
            _ = try log.append(marker) { answers.value?.append((try? $0.get()) != nil) }
        }
        bench.simulator.run(within: .seconds(60)) { answers.value?.count == 2 }
        #expect(answers.value == [false, false])
        #expect(bench.loop.perform { log.openTransaction(of: 1) }?.firstOffset == 0)
        #expect(bench.loop.perform { log.transactions.aborted.isEmpty })
        #expect(stable(bench, log) == 0)
        bench.disk.capacityBytes = 1 << 40
        bench.simulator.run(within: .seconds(60)) { bench.loop.perform { log.refusal } == nil }
        try bench.end(1, isCommit: true, coordinatorEpoch: 2, in: log)
        #expect(stable(bench, log) == 2)
    }

    @Test("keeps the segments of a transaction that is open, whatever their age")
    func retention() throws {
        let bench = LogBench()
        var settings = LogSettings()
        settings.segmentSizeBytesMax = 400
        settings.retentionMilliseconds = 10
        let log = try bench.create(settings)
        for _ in 0..<8 { try bench.append(makeBatch(["old"]), to: log) }
        try bench.append(data("open", 1, 0), to: log)
        for _ in 0..<12 { try bench.append(makeBatch(["more"]), to: log) }
        func enforce() {
            bench.loop.perform { log.enforceRetention(wallMilliseconds: 1_000_000) }
            bench.simulator.run(for: .seconds(1))
        }
        enforce()
        #expect(1...8 ~= bench.loop.perform { log.logStartOffset })
        try bench.end(1, isCommit: true, in: log)
        enforce()
        #expect(bench.loop.perform { log.logStartOffset } == 22)
    }

    @Test("lets DeleteRecords pass an open transaction; stable records begin at the log start then")
    func deleteRecords() throws {
        let bench = LogBench()
        let log = try bench.create()
        try bench.append(data("0", 1, 0), to: log)
        try bench.append(makeBatch(["1", "2", "3"]), to: log)
        let start: Int64 = try bench.answer { log.advanceLogStart(to: 2, then: $0) }
        #expect(start == 2)
        #expect(stable(bench, log) == 2)
        #expect(try bench.read(log, from: 2, bound: .lastStableOffset).records.readableBytes == 0)
        try bench.end(1, isCommit: false, in: log)
        #expect(stable(bench, log) == 5)
        #expect(try bench.read(log, from: 2, bound: .lastStableOffset).abortedTransactions == [aborted(1, 0)])
        let _: Int64 = try bench.answer { log.advanceLogStart(to: 5, then: $0) }
        #expect(bench.loop.perform { log.transactions.aborted.isEmpty }, "nobody can read what it wrote")
    }

    @Test("forgets producers whose last batches were deleted unread, and takes what they send next")
    func deletedBehindCheckpoint() throws {
        let bench = LogBench()
        var settings = LogSettings()
        settings.segmentSizeBytesMax = 400
        var log = try bench.create(settings)
        try bench.append(data("0", 1, 0), to: log)
        try bench.close(log)
        bench.restart()
        // The checkpoint knows of the transaction; its marker is deleted before another checkpoint is stored.
        log = try bench.open(settings)
        try bench.end(1, isCommit: true, in: log)
        try bench.append(data("2", 1, 1), to: log)
        try bench.end(1, isCommit: true, in: log)
        for _ in 0..<12 { try bench.append(makeBatch(["more"]), to: log) }
        let _: Int64 = try bench.answer { log.advanceLogStart(to: nil, then: $0) }
        bench.simulator.run(for: .seconds(1))
        bench.restart(after: .kill)
        log = try bench.open(settings)
        #expect(bench.loop.perform { log.segments[0].baseOffset } > 3)
        #expect(bench.loop.perform { log.openTransaction(of: 1) } == nil)
        #expect(stable(bench, log) == bench.loop.perform { log.highWatermark })
        try bench.append(data("later", 1, 2), to: log)
    }

    @Test("does not find markers by their time")
    func timestamps() throws {
        let bench = LogBench()
        let log = try bench.create()
        try bench.append(data("0", 1, 0, timestamp: 500), to: log)
        try bench.append(data("1", 1, 1, timestamp: 400), to: log)
        try bench.end(1, isCommit: true, timestamp: 9000, in: log)
        let largest: TimestampedOffset? = try bench.answer { log.findLargestTimestamp(then: $0) }
        #expect(largest == TimestampedOffset(offset: 0, timestamp: 500, leaderEpoch: 0))
        let later: TimestampedOffset? = try bench.answer { log.findOffset(timestamp: 501, then: $0) }
        #expect(later == nil)
    }

    @Test("refuses control batches and transactions without a producer")
    func refused() throws {
        let bench = LogBench()
        let log = try bench.create()
        let marker = MarkerBatch.encoded(
            TransactionMarker(producerID: 1, producerEpoch: 0, isCommit: true, coordinatorEpoch: 0, timestamp: 0),
            offset: 0, epoch: 0)
        for batch in [marker, makeBatch(["a"], isTransactional: true)] {
            for origin in [AppendOrigin.client, .coordinator] {
                bench.loop.perform {
                    do throws(LogError) {
                        _ = try log.append(batch, from: origin, until: .written) { _ in }
                        Issue.record("it was taken")
                    } catch {
                        #expect(error.code == .invalidBatch)
                    }
                }
            }
        }
    }
}
