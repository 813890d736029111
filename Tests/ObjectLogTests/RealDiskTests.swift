import Foundation
import Logging
import ObjectStore
import SegmentLog
import Testing
import WeirIO
import WeirRuntime

@testable import ObjectLog

@Suite("An object log on this machine's disk")
struct RealDiskTests {
    /// Runs `body` with a folder that is gone afterwards.
    private func withFolder(_ body: (String) async throws -> Void) async throws {
        let directory = NSTemporaryDirectory() + "weir-objects-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try await body(directory)
    }

    private func withLog(
        _ directory: String, _ limits: ObjectLogLimits = .small, _ body: (ObjectLog) async throws -> Void
    ) async throws {
        let clock = SystemClock()
        let loops = EventLoops(count: 1, clock: clock)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let provider = LocalLogProvider(
            directory: directory, disk: SystemDisk(), clock: clock, nodeID: 1, logger: logger)
        let log = try await ObjectLog.open(
            among: provider.list(), from: provider, on: loops.loops[0], clock: clock, limits: limits)
        try await body(log)
        try await log.close()
        try await loops.shutdown()
    }

    @Test("takes the writes of many threads at once, is cut meanwhile, and has everything after a restart")
    func concurrentCallers() async throws {
        try await withFolder { directory in
            try await withLog(directory) { log in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for caller in 0..<32 {
                        group.addTask {
                            for round in 0..<40 {
                                let object = try await log.create(makeWidget("c\(caller)-\(round)", padding: 50))
                                #expect(try await log.get(object.key) == object)
                                if round.isMultiple(of: 8) { continue }
                                _ = try await log.delete(
                                    object.key, if: Preconditions(resourceVersion: object.metadata.resourceVersion))
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                #expect(try await allObjects(log).count == 160)
            }
            try await withLog(directory) { log async throws in
                #expect(try await allObjects(log).count == 160)
                #expect(try await log.currentVersion().value > 2000)
            }
        }
    }

    @Test("a watcher on another thread sees every change once, in order, while callers write")
    func watching() async throws {
        try await withFolder { directory in
            try await withLog(directory, ObjectLogLimits()) { log in
                let stream = try await log.watch(WatchQuery(ObjectSelection()), after: .zero)
                async let seen: [UInt64] = {
                    var seen: [UInt64] = []
                    while seen.count < 2000, let events = try await stream.nextBatch() {
                        seen += events.map(\.resourceVersion.value)
                    }
                    return seen
                }()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for caller in 0..<20 {
                        group.addTask {
                            for round in 0..<100 { _ = try await log.create(makeWidget("c\(caller)-\(round)")) }
                        }
                    }
                    try await group.waitForAll()
                }
                #expect(try await seen == Array(1...2000))
            }
        }
    }
}
