import Coordinators
import KafkaWire
import Logging
import NIOCore
import RecordBatch
import SegmentLog
import WeirRuntime

/// A log that is being replayed into a machine.
struct CoordinatorLoad<Machine: CoordinatorMachine> {
    var machine: Machine
    /// The next offset to be read.
    var offset: Int64
    let began: MonotonicTime
    var recordCount: UInt64 = 0
    /// Records that could not be read.
    var badCount: UInt64 = 0
}

extension CoordinatorShard {
    /// Bytes that are replayed between two other callbacks of the loop.
    private static var chunkSizeBytes: Int { 256 << 10 }
    private static var uncompressedSizeBytesMax: Int { 64 << 20 }
    private static var retryDelayMin: Duration { .milliseconds(100) }
    private static var retryDelayMax: Duration { .seconds(30) }
    /// How long to wait for the commit of a log's last batches before it is looked at again.
    private static var commitDelay: Duration { .milliseconds(20) }

    /// Begins to replay the log; requests are told so until it is done.
    func load() {
        loop.preconditionIsCurrent()
        guard !isStopped, machine == nil, loading == nil else { return }
        retryTimer?.cancel()
        retryTimer = nil
        guard case .success(let log) = partition.leaderLog() else {
            refusal = .moved
            return retryLoad()
        }
        // A log that failed is not said to be loading: that would be believed for ever.
        if failuresInARow == 0 { refusal = .loading }
        turn += 1
        loading = CoordinatorLoad(machine: kind.makeMachine(log), offset: log.logStartOffset, began: loop.now)
        readOn()
    }

    /// Loads again after a while, longer with every failure.
    func retryLoad() {
        guard !isStopped, retryTimer == nil else { return }
        let delay = min(Self.retryDelayMin * (1 << min(failuresInARow, 16)), Self.retryDelayMax)
        failuresInARow += 1
        retryTimer = loop.schedule(after: delay) { [weak self] in
            self?.retryTimer = nil
            self?.load()
        }
    }

    private func readOn() {
        guard let offset = loading?.offset, case .success(let log) = partition.leaderLog() else {
            return giveUpLoad("the partition is not served here", .moved)
        }
        guard offset < log.logEndOffset else { return finishLoad(log) }
        let turn = turn
        log.read(from: offset, sizeBytesMax: Self.chunkSizeBytes, bound: .logEnd) { [weak self] result in
            guard let self else { return }
            // Others of the loop get their turn between two chunks.
            let chunk = result
            loop.execute { [weak self] in
                guard let self, turn == self.turn else { return }
                switch chunk {
                case .success(let read): replay(read.records)
                case .failure(let error): giveUpLoad("\(error)", .unavailable)
                }
            }
        }
    }

    private func replay(_ bytes: ByteBuffer) {
        var rest = bytes
        let from = loading?.offset ?? 0
        do {
            while rest.readableBytes > 0 {
                let header = try BatchHeader(of: rest, at: rest.readerIndex)
                guard let batch = rest.readSlice(length: header.batchSizeBytes) else { break }
                try replay(batch, header)
                advance(to: header.lastOffset + 1)
            }
        } catch {
            return giveUpLoad("a batch of the log cannot be read: \(error)", .unavailable)
        }
        guard let offset = loading?.offset, offset > from else {
            return giveUpLoad("nothing can be read from offset \(from)", .unavailable)
        }
        readOn()
    }

    private func advance(to offset: Int64) {
        guard let loaded = loading?.offset, loaded < offset else { return }
        loading?.offset = offset
    }

    private func replay(_ batch: ByteBuffer, _ header: BatchHeader) throws(BatchError) {
        guard header.recordCount > 0 else { return }
        var reader = try RecordReader(
            batch, header: header, uncompressedSizeBytesMax: Self.uncompressedSizeBytesMax)
        let isTransactional = header.attributes.contains(.transactional) && header.hasProducer
        let producer = isTransactional ? ProducerIdentity(id: header.producerID, epoch: header.producerEpoch) : nil
        while let record = try reader.next() {
            // The first chunks may begin below what was asked for.
            guard header.baseOffset + Int64(record.offsetDelta) >= (loading?.offset ?? 0) else { continue }
            guard let key = record.key else { continue }
            if header.attributes.contains(.control) {
                guard let producer, let end = TransactionEnd(marker: key, of: producer) else { continue }
                loading?.machine.replay(end)
                continue
            }
            loading?.recordCount += 1
            do {
                try loading?.machine.replay(CoordinatorRecord(key: key, value: record.value), of: producer)
            } catch {
                // As Kafka does: one bad record must not take the others with it.
                loading?.badCount += 1
                kind.logger.error(
                    "a coordinator's record cannot be read: \(error)",
                    metadata: [
                        "partition": "\(partition.identity.directoryName)",
                        "offset": "\(header.baseOffset + Int64(record.offsetDelta))",
                    ])
            }
        }
    }

    private func giveUpLoad(_ reason: String, _ refusal: CoordinatorRefusal) {
        kind.logger.error(
            "a coordinator's log cannot be read; it is tried again: \(reason)",
            metadata: ["partition": "\(partition.identity.directoryName)"])
        counts.failures += 1
        loading = nil
        turn += 1
        self.refusal = refusal
        retryLoad()
    }

    /// Everything is replayed: begins to answer, once all of it is committed.
    private func finishLoad(_ log: any ReplicatedLog) {
        guard log.highWatermark >= log.logEndOffset else {
            let turn = turn
            loop.schedule(after: Self.commitDelay) { [weak self] in
                guard let self, turn == self.turn, loading != nil else { return }
                readOn()
            }
            return
        }
        guard let load = loading else { return }
        loading = nil
        counts.loads += 1
        counts.lastLoad = loop.now - load.began
        counts.loadedRecords = load.recordCount
        machine = load.machine
        if load.recordCount > 0 {
            kind.logger.info(
                "a coordinator has read its log",
                metadata: [
                    "partition": "\(partition.identity.directoryName)", "records": "\(load.recordCount)",
                    "milliseconds": "\(counts.lastLoad.milliseconds)",
                ])
        }
        let time = kind.time(on: loop)
        guard let effects = machine?.begin(at: time) else { return }
        perform(effects)
        for request in kind.news(log) { tell(request) }
        // What it appended may fail as it did the last time: the first commit tells.
        if machine != nil, uncommitted.isEmpty { failuresInARow = 0 }
    }
}

extension TransactionEnd {
    /// What a control record says: version (2 bytes), type (2 bytes: 0 abort, 1 commit). Nil: of another type.
    init?(marker key: ByteBuffer, of producer: ProducerIdentity) {
        guard let type = key.getInteger(at: key.readerIndex + 2, as: Int16.self), type == 0 || type == 1 else {
            return nil
        }
        self.init(producer: producer, outcome: type == 1 ? .committed : .aborted)
    }
}
