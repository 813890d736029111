import Logging
import NIOCore
import ObjectStore
import RecordBatch
import SegmentLog
import Synchronization
import WeirRuntime
import WeirSimulation

@testable import ObjectLog

/// A node's object log on a seeded disk and loop.
final class ObjectLogBench: Sendable {
    let simulator: Simulator
    let loop: SimulatedLoop
    let limits: ObjectLogLimits
    private let current: Mutex<SimulatedDisk>

    init(seed: UInt64 = 1, limits: ObjectLogLimits = .small) {
        simulator = Simulator(seed: seed)
        loop = simulator.makeLoop()
        self.limits = limits
        current = Mutex(SimulatedDisk(seed: seed, simulator: simulator))
    }

    /// The disk as the process of now has it.
    var disk: SimulatedDisk { current.withLock { $0 } }

    /// Ends the process: with the page cache left, or by a power cut. Calls on its disk fail from then on.
    func end(cutsPower: Bool) {
        current.withLock { $0 = cutsPower ? $0.crash() : $0.kill() }
        settle()
    }

    /// Ends the process at this moment, from one of its own callbacks.
    func kill() {
        current.withLock { $0 = $0.kill() }
    }

    func makeProvider() -> LocalLogProvider {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        return LocalLogProvider(directory: "logs", disk: disk, clock: simulator.clock, nodeID: 1, logger: logger)
    }

    /// Opens the object log as a start of the node does.
    func open() throws -> ObjectLog {
        let (provider, loop, clock, limits) = (makeProvider(), loop, simulator.clock, limits)
        return try wait {
            try await ObjectLog.open(among: provider.list(), from: provider, on: loop, clock: clock, limits: limits)
        }
    }

    /// Puts records into the log that the next open finds.
    func append(_ records: [(key: String, value: String?, headers: [Record.Header])]) throws {
        var builder = RecordBatchBuilder()
        for record in records {
            builder.append(
                timestamp: 1000, key: ByteBuffer(string: record.key),
                value: record.value.map { ByteBuffer(string: $0) },
                headers: record.headers)
        }
        let batch = try builder.build()
        let (provider, loop) = (makeProvider(), loop)
        try wait {
            let isThere = try await provider.list().contains(ObjectLog.identity)
            let settings = ObjectLog.settings()
            let log =
                try await isThere
                ? provider.open(ObjectLog.identity, settings: settings, on: loop)
                : provider.create(ObjectLog.identity, settings: settings, on: loop)
            try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
                loop.execute {
                    do throws(LogError) {
                        _ = try log.append(batch, until: .committed) { result in
                            log.close { _ in done.resume(with: result.mapError { $0 as any Error }) }
                        }
                    } catch {
                        done.resume(throwing: error)
                    }
                }
            }
        }
    }

    /// Bytes of the log.
    func sizeBytes(_ log: ObjectLog) -> Int64 { loop.perform { log.log.sizeBytes } }

    /// The first offset that is still there.
    func logStart(_ log: ObjectLog) -> UInt64 { loop.perform { UInt64(log.log.logStartOffset) } }

    /// Runs asynchronous code to its end in the simulator's order.
    func wait<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) throws -> Value {
        try simulator.run(on: loop, body)
    }

    /// Runs until nothing is left to do now.
    func settle() { simulator.runUntilIdle() }
}

extension ObjectLogLimits {
    /// A log that is written anew every few dozen writes.
    static var small: ObjectLogLimits {
        var limits = ObjectLogLimits()
        limits.objectSizeBytesMax = 4096
        limits.logSizeBytesMin = 24 << 10
        limits.batchSizeBytesMax = 2048
        limits.refreshSizeBytesMax = 1024
        limits.historyMax = 256
        return limits
    }
}

/// A widget of a size, which stands for its content.
func makeWidget(_ name: String, size: Int64 = 1, namespace: String = "default", padding: Int = 0) -> Object {
    var content: [String: JSONValue] = ["spec": ["size": .integer(size)]]
    if padding > 0 { content["padding"] = .string(String(repeating: "p", count: padding)) }
    return Object(
        apiVersion: "example.com/v1", kind: "Widget", metadata: ObjectMetadata(name: name, namespace: namespace),
        content: content)
}

extension Object {
    /// What `makeWidget` was given.
    var size: Int64? { spec?["size"]?.integerValue }
    /// The number of its version.
    var version: UInt64 { metadata.resourceVersion?.value ?? 0 }
}

/// The key of a widget.
func widgetKey(_ name: String, namespace: String = "default") -> ObjectKey {
    ObjectKey(ObjectKind(group: "example.com", name: "Widget"), namespace: namespace, name: name)
}

extension ObjectError {
    /// The reason of what `body` throws; nil where it throws none of these.
    static func reason(of body: () async throws -> some Sendable) async -> Reason? {
        do {
            _ = try await body()
            return nil
        } catch let error as ObjectError {
            return error.reason
        } catch {
            return nil
        }
    }
}

/// Everything that the storage lists.
func allObjects(_ storage: any Storage) async throws -> [Object] {
    try await storage.list(ListQuery(ObjectSelection())).objects
}

/// How many batches lie one after another.
func countBatches(_ records: ByteBuffer) -> Int {
    var rest = records
    var count = 0
    while let header = try? BatchHeader(of: rest, at: rest.readerIndex),
        rest.readSlice(length: header.batchSizeBytes) != nil
    {
        count += 1
    }
    return count
}
