import Logging
import NIOCore
import RecordBatch
import SegmentLog
import WeirRuntime
import WeirSimulation

/// A node's logs on a seeded disk and loop: what most tests of this module drive.
final class LogBench {
    let simulator: Simulator
    let loop: SimulatedLoop
    private(set) var disk: SimulatedDisk
    private(set) var provider: LocalLogProvider
    private let logger: Logger

    init(seed: UInt64 = 1, faults: DiskFaults = DiskFaults()) {
        simulator = Simulator(seed: seed)
        loop = simulator.makeLoop()
        disk = SimulatedDisk(seed: seed, faults: faults, simulator: simulator)
        logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        provider = LocalLogProvider(
            directory: "logs", disk: disk, clock: simulator.clock, nodeID: 1, logger: logger)
    }

    /// How the process ends.
    enum Ending {
        /// SIGKILL: the page cache survives.
        case kill
        /// What was not synced may be lost.
        case powerCut
    }

    /// Ends the process, and gives the next one's provider a look at what is left.
    func restart(after ending: Ending) {
        simulator.discardAll()
        disk = ending == .kill ? disk.kill() : disk.crash()
        restart()
    }

    /// Starts anew on the disk as it is: after a close.
    func restart() {
        provider = LocalLogProvider(
            directory: "logs", disk: disk, clock: simulator.clock, nodeID: 1, logger: logger)
    }

    static let identity = LogIdentity(topicID: TopicID(high: 7, low: 9), topic: "orders", partition: 0)

    func create(_ settings: LogSettings = LogSettings(), _ identity: LogIdentity = identity) throws -> LocalLog {
        let (provider, loop) = (provider, loop)
        return try wait { try await provider.create(identity, settings: settings, on: loop) } as! LocalLog
    }

    func open(_ settings: LogSettings = LogSettings(), _ identity: LogIdentity = identity) throws -> LocalLog {
        let (provider, loop) = (provider, loop)
        return try wait { try await provider.open(identity, settings: settings, on: loop) } as! LocalLog
    }

    /// Runs asynchronous code to its end in the simulator's order.
    func wait<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) throws -> Value {
        try simulator.run(on: loop, body)
    }

    /// Flips a bit of what programs read from a file.
    func flipBit(_ bit: Int64, of path: String) throws {
        let file = try disk.open(path, .existing)
        let byte = disk.contents(of: path)![Int(bit / 8)] ^ UInt8(1 << (bit % 8))
        try withUnsafeBytes(of: byte) { bytes in _ = try file.write(at: bit / 8, [bytes]) }
        try file.sync()
    }

    /// Runs until nothing is left to do now.
    func settle() { simulator.runUntilIdle() }
}

/// A batch as a producer sends it.
func makeBatch(
    _ values: [String], codec: Codec = .none, timestamp: Int64 = 1000, producer: Int64 = -1, epoch: Int16 = -1,
    sequence: Int32 = -1, isTransactional: Bool = false
) -> ByteBuffer {
    var builder = RecordBatchBuilder(
        codec: codec, attributes: isTransactional ? .transactional : [], producerID: producer, producerEpoch: epoch,
        baseSequence: sequence)
    for (index, value) in values.enumerated() {
        builder.append(timestamp: timestamp + Int64(index), key: nil, value: ByteBuffer(string: value))
    }
    do { return try builder.build() } catch { fatalError("a test's batch: \(error)") }
}

/// The values of all records in what a read gave.
func values(_ records: ByteBuffer) throws -> [String] {
    var records = records
    var values: [String] = []
    while records.readableBytes > 0 {
        let header = try BatchHeader(of: records, at: records.readerIndex)
        let batch = records.readSlice(length: header.batchSizeBytes)!
        var reader = try RecordReader(batch, header: header, uncompressedSizeBytesMax: 1 << 24)
        while let record = try reader.next() { values.append(record.value.map { String(buffer: $0) } ?? "") }
    }
    return values
}

/// A value that a callback sets and a test reads, on one thread.
final class Slot<Value>: @unchecked Sendable {
    var value: Value?
}

extension LogBench {
    /// Appends and runs until the answer is there.
    @discardableResult
    func append(
        _ batch: ByteBuffer, to log: LocalLog, until stage: AppendStage = .committed
    ) throws -> AppendReceipt {
        let answer = Slot<Result<Void, LogError>>()
        let receipt = try loop.perform { try log.append(batch, until: stage) { answer.value = $0 } }
        simulator.run(within: .seconds(60)) { answer.value != nil }
        try answer.value?.get()
        return receipt
    }

    /// Appends a marker and runs until it is committed.
    @discardableResult
    func end(
        _ producer: Int64, epoch: Int16 = 0, isCommit: Bool, coordinatorEpoch: Int32 = 0, timestamp: Int64 = 1000,
        in log: LocalLog
    ) throws -> AppendReceipt {
        let marker = TransactionMarker(
            producerID: producer, producerEpoch: epoch, isCommit: isCommit, coordinatorEpoch: coordinatorEpoch,
            timestamp: timestamp)
        let answer = Slot<Result<Void, LogError>>()
        let receipt = try loop.perform { try log.append(marker) { answer.value = $0 } }
        simulator.run(within: .seconds(60)) { answer.value != nil }
        try answer.value?.get()
        return receipt
    }

    /// Reads and runs until the answer is there.
    func read(
        _ log: LocalLog, from offset: Int64, sizeBytesMax: Int = 1 << 20, bound: ReadBound = .highWatermark
    ) throws -> LogRead {
        let answer = Slot<Result<LogRead, LogError>>()
        loop.perform { log.read(from: offset, sizeBytesMax: sizeBytesMax, bound: bound) { answer.value = $0 } }
        simulator.run(within: .seconds(60)) { answer.value != nil }
        return try answer.value!.get()
    }

    /// All values from `offset` to the high watermark.
    func readAll(_ log: LocalLog, from offset: Int64? = nil) throws -> [String] {
        var next = offset ?? loop.perform { log.logStartOffset }
        let end = loop.perform { log.highWatermark }
        var all: [String] = []
        while next < end {
            let read = try read(log, from: next)
            let found = try values(read.records)
            if found.isEmpty { break }
            all += found
            next += Int64(found.count)
        }
        return all
    }

    func close(_ log: LocalLog) throws {
        let answer = Slot<Result<Void, LogError>>()
        loop.perform { log.close { answer.value = $0 } }
        simulator.run(within: .seconds(60)) { answer.value != nil }
        try answer.value!.get()
    }

    /// Waits for what a call on the loop calls back with.
    func answer<Value>(_ call: (@escaping (Result<Value, LogError>) -> Void) -> Void) throws -> Value {
        let answer = Slot<Result<Value, LogError>>()
        loop.perform { call { answer.value = $0 } }
        simulator.run(within: .seconds(60)) { answer.value != nil }
        return try answer.value!.get()
    }
}

/// A batch of one record with any bytes as its value.
func makeBatch(value: ByteBuffer) -> ByteBuffer {
    var builder = RecordBatchBuilder()
    builder.append(timestamp: 1000, key: nil, value: value)
    do { return try builder.build() } catch { fatalError("a test's batch: \(error)") }
}
