import Foundation
import Logging
import ObjectStore
import SegmentLog
import StorageConformance
import Synchronization
import Testing
import WeirIO
import WeirRuntime
import WeirSimulation

@testable import ObjectLog

@Suite("An object log keeps the contract of a storage")
struct ContractTests {
    /// On a seeded disk and loop; storages that are opened again are found by their log.
    private static func simulated(_ seed: UInt64) -> (ObjectLogBench, StorageBackend) {
        let bench = ObjectLogBench(seed: seed, limits: .ofContract)
        let current = Mutex<LocalLogProvider>(bench.makeProvider())
        let open: @Sendable (ObjectLogLimits) async throws -> ObjectLog = { limits in
            let provider = bench.makeProvider()
            current.withLock { $0 = provider }
            return try await ObjectLog.open(
                among: provider.list(), from: provider, on: bench.loop, clock: bench.simulator.clock, limits: limits)
        }
        let backend = StorageBackend(
            "object log on a simulated disk",
            reopen: { storage in
                try await storage.close()
                return try await open(.ofContract)
            },
            makeForgetful: { count in
                var limits = ObjectLogLimits()
                limits.historyMax = count
                return try await open(limits)
            },
            discard: { _ in try await current.withLock { $0 }.delete(ObjectLog.identity) },
            makeStorage: { try await open(.ofContract) })
        return (bench, backend)
    }

    /// Checks that start tasks of their own, which leave the simulation: they run on the real disk only.
    private static let unsimulated: Set<String> = [
        "between a list and the first event of a watch from it nothing is missed or doubled",
        "cancelling a watch ends it, and so does cancelling the task that waits for it",
        "closing ends watches after what is there for them, and refuses everything later",
    ]

    @Test("in the simulator", arguments: StorageContract.checks.filter { !unsimulated.contains($0.name) })
    func simulated(_ check: ContractCheck) throws {
        let (bench, backend) = Self.simulated(1)
        try bench.wait { try await check.run(on: backend) }
    }

    @Test("on this machine's disk", .timeLimit(.minutes(5)), arguments: StorageContract.checks)
    func real(_ check: ContractCheck) async throws {
        try await Self.onDisk { try await check.run(on: $0) }
    }

    @Test("the store keeps its rules over a log", .timeLimit(.minutes(5)), arguments: ObjectStoreContract.checks)
    func rules(_ check: ContractCheck) async throws {
        try await Self.onDisk { try await check.run(on: $0) }
    }

    @Test("random steps over a log agree with a small model", .timeLimit(.minutes(30)), arguments: [1] as [UInt64])
    func model(_ seed: UInt64) async throws {
        let test = ModelTest(steps: ModelTest.steps(usually: 2_000), seed: seed, reopenEvery: 500)
        try await Self.onDisk { try await test.run(on: $0) }
    }

    /// A backend in a folder of its own.
    private static func onDisk(_ body: (StorageBackend) async throws -> Void) async throws {
        let directory = NSTemporaryDirectory() + "weir-contract-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let clock = SystemClock()
        let loops = EventLoops(count: 1, clock: clock)
        let open: @Sendable (ObjectLogLimits) async throws -> ObjectLog = { limits in
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let provider = LocalLogProvider(
                directory: directory, disk: SystemDisk(), clock: clock, nodeID: 1, logger: logger)
            return try await ObjectLog.open(
                among: provider.list(), from: provider, on: loops.loops[0], clock: clock, limits: limits)
        }
        let backend = StorageBackend(
            "object log",
            reopen: { storage in
                try await storage.close()
                return try await open(.ofContract)
            },
            makeForgetful: { count in
                var limits = ObjectLogLimits()
                limits.historyMax = count
                return try await open(limits)
            },
            discard: { _ in try? FileManager.default.removeItem(atPath: directory) },
            makeStorage: { try await open(.ofContract) })
        try await body(backend)
        try await loops.shutdown()
    }
}

extension ObjectLogLimits {
    /// A log that is cut often, and takes large objects.
    fileprivate static var ofContract: ObjectLogLimits {
        var limits = ObjectLogLimits()
        limits.logSizeBytesMin = 64 << 10
        limits.batchSizeBytesMax = 16 << 10
        return limits
    }
}
