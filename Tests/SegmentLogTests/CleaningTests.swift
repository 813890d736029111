import NIOCore
import RecordBatch
import Testing
import WeirRuntime
import WeirSimulation

@testable import SegmentLog

@Suite("Compaction")
struct CleaningTests {
    private func records(_ pairs: [(String?, String?)]) -> [KeyedRecord] { pairs.map { KeyedRecord($0.0, $0.1) } }

    @Test("leaves the last record of each key, at its offset and time", arguments: Codec.allCases)
    func leavesTheLast(codec: Codec) throws {
        let bench = LogBench()
        let log = try bench.create(LogBench.compacted)
        try bench.append(
            makeKeyed(records([("a", "1"), ("b", "1"), ("c", "1")]), codec: codec, timestamp: 100), to: log)
        try bench.append(makeKeyed(records([("a", "2")]), codec: codec, timestamp: 200), to: log)
        try bench.append(makeKeyed(records([("b", "2"), ("d", "1")]), codec: codec, timestamp: 300), to: log)
        try bench.roll(log)
        try bench.append(makeKeyed(records([("c", "2")]), timestamp: 400), to: log)
        let outcome = try bench.clean(log)
        let found = try bench.consumeRecords(log)
        #expect(
            found.map(\.description) == ["2:c=1@102", "3:a=2@200", "4:b=2@300", "5:d=1@301", "6:c=2@400"])
        #expect(outcome.droppedRecords == 2 && outcome.keptRecords == 4 && outcome.cleanOffset == 6)
        let first = try #require(try bench.consumeBatches(log).first)
        #expect(first.header.baseOffset == 0 && first.header.lastOffsetDelta == 2 && first.header.recordCount == 1)
        #expect(first.header.attributes.codec == codec && first.header.maxTimestamp == 102)
        bench.expectWholeFiles(log)
    }

    @Test("leaves records without a key, and the segment that is written to")
    func leavesOthers() throws {
        let bench = LogBench()
        let log = try bench.create(LogBench.compacted)
        try bench.append(makeKeyed(records([(nil, "x"), ("a", "1"), (nil, "y")])), to: log)
        try bench.roll(log)
        try bench.append(makeKeyed(records([("a", "2")])), to: log)
        try bench.append(makeKeyed(records([("a", "3")])), to: log)
        #expect(try bench.clean(log).droppedRecords == 0)
        #expect(
            try bench.consumeRecords(log).map(\.record)
                == records([(nil, "x"), ("a", "1"), (nil, "y"), ("a", "2"), ("a", "3")]))
        try bench.roll(log)
        #expect(try bench.clean(log).droppedRecords == 2)
        #expect(try bench.consumeRecords(log).map(\.record) == records([(nil, "x"), (nil, "y"), ("a", "3")]))
    }

    @Test("makes one segment of small ones, and one batch of emptied ones in a row")
    func joinsSegments() throws {
        var settings = LogBench.compacted
        settings.segmentSizeBytesMax = 4000
        let bench = LogBench()
        let log = try bench.create(settings)
        for number in 0..<30 {
            try bench.append(makeKeyed(records([("a", "\(number)")])), to: log)
            if number % 3 == 2 { try bench.roll(log) }
        }
        let before = bench.loop.perform { (log.segments.count, log.appended) }
        let outcome = try bench.clean(log)
        bench.settle()
        #expect(before.0 == 11 && log.segments.count == 2)
        #expect(outcome.segmentsBefore == 10 && outcome.segmentsAfter == 1)
        #expect(log.appended == before.1)
        #expect(try bench.consumeRecords(log).map(\.description) == ["29:a=29@1000"])
        bench.expectWholeFiles(log)
        let bytes = try #require(bench.disk.contents(of: log.folder.logFile(0)))
        let header = InternalBatch.header(SegmentHeader(log.identity, firstIndex: 1, termBefore: 0))
        let headerSize = header.encoded(offset: 0, epoch: 0).count
        let run = try #require(
            bytes.withUnsafeBytes { StoredBatch(UnsafeRawBufferPointer(rebasing: $0[headerSize...])) })
        #expect(run.isEmptiedRun && run.entryCount == 29 && run.baseOffset == 0 && run.nextOffset == 29)
        #expect(log.segments[0].summary.end == Int64(headerSize + 61 + makeKeyed(records([("a", "29")])).readableBytes))
        #expect(try bench.disk.list(log.folder.path).filter { $0.hasSuffix(".log") }.count == 2)
    }

    @Test("a read at a removed offset goes on with the next record, and never shows nothing while there is one")
    func readsAcrossGaps() throws {
        let bench = LogBench()
        let log = try bench.create(LogBench.compacted)
        for number in 0..<40 { try bench.append(makeKeyed(records([("a", "\(number)")])), to: log) }
        try bench.append(makeKeyed(records([("b", "1")])), to: log)
        for number in 40..<60 { try bench.append(makeKeyed(records([("a", "\(number)")])), to: log) }
        try bench.roll(log)
        try bench.append(makeKeyed(records([("c", "1")])), to: log)
        try bench.clean(log)
        for offset in Int64(0)...61 {
            let found = try batches(try bench.read(log, from: offset, sizeBytesMax: 1).records)
            let expected: Int64 = offset <= 40 ? 40 : offset <= 60 ? 60 : 61
            #expect(found.first?.records.first?.offset == expected, "from \(offset)")
        }
    }

    @Test("where no record follows, a read shows an empty batch that leads to the end")
    func readsToTheEnd() throws {
        let bench = LogBench()
        let log = try bench.create(LogBench.compacted)
        var settings = LogBench.compacted
        settings.deleteRetentionMilliseconds = 0
        bench.loop.perform { log.apply(settings) }
        for number in 0..<20 { try bench.append(makeKeyed(records([("a", "\(number)")])), to: log) }
        try bench.append(makeKeyed(records([("a", nil)])), to: log)
        try bench.roll(log)
        try bench.clean(log)
        try bench.append(makeKeyed(records([("b", "1")])), to: log)
        try bench.append(makeKeyed(records([("b", nil)])), to: log)
        try bench.roll(log)
        try bench.clean(log)
        try bench.append(makeKeyed(records([("b", nil)])), to: log)
        try bench.roll(log)
        bench.simulator.run(for: .milliseconds(10))
        try bench.clean(log)
        #expect(try bench.consumeRecords(log).map(\.record) == records([("b", nil)]))
        let end = bench.loop.perform { log.highWatermark }
        bench.loop.perform { log.advanceLogStart(to: end - 2) { _ in } }
        let shown = try batches(try bench.read(log, from: 0).records)
        #expect(shown.count == 1 && shown[0].records.count == 1)
    }

    @Test("keeps a tombstone from its first pass on for as long as delete.retention.ms says")
    func keepsTombstones() throws {
        var settings = LogBench.compacted
        settings.deleteRetentionMilliseconds = 10_000
        let bench = LogBench()
        let log = try bench.create(settings)
        func pass() throws {
            try bench.append(makeKeyed(records([("z", "\(bench.simulator.clock.wallMilliseconds)")])), to: log)
            try bench.roll(log)
            try bench.clean(log)
        }
        try bench.append(makeKeyed(records([("a", "1"), ("b", "1")]), timestamp: 100), to: log)
        try bench.append(makeKeyed(records([("b", "2"), ("a", nil)]), timestamp: 200), to: log)
        bench.simulator.run(for: .seconds(60))
        try pass()
        let first = bench.simulator.clock.wallMilliseconds
        var found = try bench.consumeBatches(log)
        let marked = try #require(found.first { $0.records.count == 2 })
        #expect(marked.header.attributes.contains(.deleteHorizon))
        #expect(abs(marked.header.baseTimestamp - first - 10_000) < 1000)
        #expect(marked.records.map(\.description) == ["2:b=2@200", "3:a=null@201"], "times stay what they were")
        bench.simulator.run(for: .seconds(8))
        try pass()
        #expect(try bench.consumeRecords(log).contains { $0.record == KeyedRecord("a", nil) })
        bench.simulator.run(for: .seconds(3))
        try pass()
        found = try bench.consumeBatches(log)
        #expect(!found.flatMap(\.records).contains { $0.record.key == "a" })
        #expect(found.flatMap(\.records).first?.description == "2:b=2@200")
        bench.expectWholeFiles(log)
    }

    @Test("keeps the last sequence number of a producer, also when the log is read anew")
    func keepsSequences() throws {
        let bench = LogBench()
        let log = try bench.create(LogBench.compacted)
        let last = makeKeyed(records([("a", "2"), ("b", "2")]), producer: 9, epoch: 3, sequence: 1)
        try bench.append(makeKeyed(records([("a", "1")]), producer: 9, epoch: 3, sequence: 0), to: log)
        try bench.append(last, to: log)
        try bench.append(makeKeyed(records([("a", "3"), ("b", "3")])), to: log)
        try bench.roll(log)
        try bench.clean(log)
        let header = try #require(try bench.consumeBatches(log, sizeBytesMax: 1 << 20).first?.header)
        #expect(header.baseOffset == 3, "it is not shown before records")
        try bench.close(log)
        try bench.disk.remove(log.folder.file(FileNames.checkpoint))
        bench.restart()
        let opened = try bench.open(LogBench.compacted)
        let receipt = try bench.append(last, to: opened)
        #expect(receipt.isDuplicate && receipt.baseOffset == 1 && receipt.lastOffset == 2)
        try bench.append(makeKeyed(records([("a", "4")]), producer: 9, epoch: 3, sequence: 3), to: opened)
        #expect(throws: LogError.self) {
            try bench.append(makeKeyed(records([("a", "5")]), producer: 9, epoch: 3, sequence: 9), to: opened)
        }
        try bench.roll(opened)
        try bench.clean(opened)
        bench.expectWholeFiles(opened)
        let emptied = opened.segments.flatMap { segment -> [StoredBatch] in
            stored(bench.disk.contents(of: opened.folder.logFile(segment.baseOffset)) ?? []).filter(\.isEmptied)
        }
        #expect(emptied.allSatisfy { $0.isEmptiedRun }, "a producer's older batch needs no header of its own")
    }

    @Test("drops what was aborted, then its marker, and names it no more: later records of the producer are seen")
    func dropsAborted() throws {
        var settings = LogBench.compacted
        settings.deleteRetentionMilliseconds = 0
        let bench = LogBench()
        let log = try bench.create(settings)
        func transaction(_ pairs: [(String?, String?)], _ sequence: Int32, isCommit: Bool) throws {
            try bench.append(
                makeKeyed(records(pairs), attributes: .transactional, producer: 5, epoch: 0, sequence: sequence),
                to: log)
            let _: Void = try bench.answer { then in
                let marker = TransactionMarker(
                    producerID: 5, producerEpoch: 0, isCommit: isCommit, coordinatorEpoch: 1, timestamp: 2000)
                do { _ = try log.append(marker, then: then) } catch { Issue.record(error) }
            }
        }
        try bench.append(makeKeyed(records([("a", "1")])), to: log)
        try transaction([("a", "2"), ("b", "2")], 0, isCommit: false)
        try transaction([("c", "3")], 2, isCommit: true)
        for pass in 0..<3 {
            try bench.append(makeKeyed(records([("z", "\(pass)")])), to: log)
            try bench.roll(log)
            bench.simulator.run(for: .milliseconds(5))
            try bench.clean(log)
            let read = try bench.read(log, from: 0, bound: .lastStableOffset)
            let found = try batches(read.records)
            #expect(read.abortedTransactions.count == (pass == 0 ? 1 : 0), "pass \(pass)")
            let kept = found.filter { !$0.header.attributes.contains(.control) }.flatMap(\.records).map(\.description)
            #expect(kept.prefix(2) == ["0:a=1@1000", "4:c=3@1000"], "pass \(pass)")
            let markers = found.filter { $0.header.attributes.contains(.control) }.map(\.header.baseOffset)
            #expect(markers == (pass < 2 ? [3, 5] : [5]), "pass \(pass)")
        }
        bench.expectWholeFiles(log)
    }

    @Test("stops where the map is full, and goes on from there")
    func stopsWhereFull() throws {
        let bench = LogBench()
        let log = try bench.create(LogBench.compacted)
        for round in 0..<3 {
            for key in 0..<20 { try bench.append(makeKeyed(records([("k\(key)", "\(round)")])), to: log) }
        }
        try bench.roll(log)
        var limits = LogBench.limits
        limits.mapSizeBytesMax = 7 * OffsetMap.slotSizeBytes
        var offsets: [Int64] = []
        while bench.loop.perform({ log.cleaning(wallMilliseconds: 0).dirtyBytes > 0 }) {
            offsets.append(try bench.clean(log, limits).cleanOffset)
            if offsets.count > 30 { break }
        }
        #expect(offsets == offsets.sorted() && offsets.first == 6 && offsets.last == 60)
        #expect(try bench.consumeRecords(log).map(\.record) == (0..<20).map { KeyedRecord("k\($0)", "2") })
    }

    @Test("says how dirty a log is: ratio and lags decide whether it is due")
    func saysTheNeed() throws {
        var settings = LogBench.compacted
        settings.minCleanableDirtyRatio = 0.5
        let bench = LogBench()
        let log = try bench.create(settings)
        func need(_ wall: Int64 = 5000) -> CleaningNeed { bench.loop.perform { log.cleaning(wallMilliseconds: wall) } }
        #expect(need() == .none)
        for number in 0..<12 { try bench.append(makeKeyed(records([("k\(number)", "1")])), to: log) }
        try bench.roll(log)
        #expect(need().isDue && need().dirtyRatio == 1 && need().cleanBytes == 0)
        try bench.clean(log)
        let clean = need().cleanBytes
        #expect(clean > 0 && need().dirtyBytes == 0 && !need().isDue)
        for number in 0..<3 { try bench.append(makeKeyed(records([("k\(number)", "2")])), to: log) }
        try bench.roll(log)
        #expect(need().dirtyBytes > 0 && need().dirtyRatio < 0.5 && !need().isDue)
        settings.maxCompactionLagMilliseconds = 3000
        bench.loop.perform { log.apply(settings) }
        #expect(need(3999).isOverdue == false && need(4001).isOverdue && need(4001).isDue)
        settings.minCompactionLagMilliseconds = 2000
        bench.loop.perform { log.apply(settings) }
        #expect(need(2999).dirtyBytes == 0 && need(3000).dirtyBytes > 0)
        settings.compacts = false
        bench.loop.perform { log.apply(settings) }
        #expect(need(4001) == .none)
    }

    @Test("goes no faster than it may, and stops at once while it waits")
    func keepsThePace() throws {
        var settings = LogBench.compacted
        settings.segmentSizeBytesMax = 1 << 20
        let bench = LogBench()
        let log = try bench.create(settings)
        let value = String(repeating: "v", count: 1000)
        for number in 0..<50 {
            try bench.append(makeKeyed(records([("k\(number % 7)", value + "\(number)")])), to: log)
        }
        try bench.roll(log)
        var limits = CleaningLimits(hashKey: HashKey(1, 2), pace: CleaningPace(sizeBytesPerSecondMax: 10_000))
        limits.bufferSizeBytes = 4096
        let outcome = try bench.clean(log, limits)
        let size = outcome.readBytes + outcome.writtenBytes
        #expect(outcome.duration > .milliseconds(size / 10 - 2000) && outcome.duration < .seconds(60))
        for number in 0..<50 {
            try bench.append(makeKeyed(records([("k\(number % 7)", value + "\(number)")])), to: log)
        }
        try bench.roll(log)
        let answer = Slot<CleaningOutcome>()
        bench.loop.perform { log.clean(limits) { answer.value = try? $0.get() } }
        bench.simulator.run(for: .milliseconds(50))
        #expect(answer.value == nil)
        let before = bench.simulator.clock.now
        bench.loop.perform { log.stopCleaning() }
        bench.simulator.run(within: .seconds(60)) { answer.value != nil }
        #expect(answer.value?.wasStopped == true && bench.simulator.clock.now - before < .milliseconds(20))
        #expect(try bench.disk.list(log.folder.path).allSatisfy { !$0.hasSuffix(".cleaned") })
        #expect(try bench.clean(log).droppedRecords > 0)
    }

    @Test("a damaged segment is not compacted, and stays as it is")
    func leavesDamage() throws {
        let bench = LogBench()
        let log = try bench.create(LogBench.compacted)
        for number in 0..<20 { try bench.append(makeKeyed(records([("a", "\(number)")])), to: log) }
        try bench.roll(log)
        let path = log.folder.logFile(0)
        let before = try bench.disk.list(log.folder.path).filter { $0.hasSuffix(".log") }
        try bench.flipBit(8 * 400, of: path)
        #expect(throws: LogError.self) { try bench.clean(log) }
        let after = try bench.disk.list(log.folder.path)
        #expect(after.filter { $0.hasSuffix(".log") } == before && after.allSatisfy { !$0.hasSuffix(".cleaned") })
        #expect(try bench.readEverything(log).unreadable.count == 1)
    }

    private func stored(_ bytes: [UInt8]) -> [StoredBatch] {
        bytes.withUnsafeBytes { bytes in
            var all: [StoredBatch] = []
            var position = 0
            while position + 61 <= bytes.count,
                let batch = StoredBatch(UnsafeRawBufferPointer(rebasing: bytes[position...])), batch.sizeBytes > 61 - 1
            {
                all.append(batch)
                position += batch.sizeBytes
            }
            return all
        }
    }
}

@Suite("The map of keys to offsets")
struct OffsetMapTests {
    @Test(
        "holds what a dictionary holds, while it grows in the memory that it was given",
        arguments: 1..<6 as Range<UInt64>)
    func isADictionary(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let limit = Int.random(in: 4...60_000, using: &random)
        let map = OffsetMap(
            sizeBytesMax: limit * OffsetMap.slotSizeBytes, load: Double.random(in: 0.3...0.95, using: &random))
        var model: [UInt64: Int64] = [:]
        func hash(_ key: UInt64) -> KeyHash {
            withUnsafeBytes(of: key.littleEndian) { KeyHash($0, key: HashKey(seed, 3)) }
        }
        for offset in 0..<Int64(limit) {
            let key = UInt64.random(in: 0..<UInt64(limit * 2), using: &random)
            let fits = model[key] != nil || model.count < map.countMax
            #expect(map.put(hash(key), offset) == fits)
            if fits { model[key] = offset }
        }
        #expect(map.count == model.count)
        for key in 0..<UInt64(limit * 2) { #expect(map.offset(of: hash(key)) == model[key], "seed \(seed)") }
    }

    /// The reference implementation's test vectors of SipHash-2-4-128 (vectors.h): the key 00 01 … 0f, the input 00 01 ….
    @Test(
        "hashes as SipHash's reference does",
        arguments: [
            (0, "a3817f04ba25a8e66df67214c7550293"), (1, "da87c1d86b99af44347659119b22fc45"),
            (8, "3b62a9ba6258f5610f83e264f31497b4"), (15, "5493e99933b0a8117e08ec0f97cfc3d9"),
        ])
    func hashes(count: Int, expected: String) {
        let key = HashKey(0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908)
        let input = (0..<count).map { UInt8($0) }
        let hash = input.withUnsafeBytes { KeyHash($0, key: key) }
        let bytes = withUnsafeBytes(of: (hash.low.littleEndian, hash.high.littleEndian)) { Array($0) }
        #expect(bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() == expected)
    }
}
