import ObjectStore
import SegmentLog
import Synchronization
import Testing
import WeirRuntime
import WeirSimulation

@testable import ObjectLog

@Suite("Writes to an object log")
struct WritingTests {
    @Test("many callers share batches, and each gets the answer of its place", arguments: [1, 2, 3] as [UInt64])
    func groups(seed: UInt64) throws {
        let bench = ObjectLogBench(seed: seed, limits: ObjectLogLimits())
        let log = try bench.open()
        let versions = try bench.wait {
            try await withThrowingTaskGroup(of: UInt64.self) { group in
                for number in 0..<500 {
                    group.addTask { try await log.create(makeWidget("w\(number)")).version }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
        }
        #expect(versions.sorted() == Array(1...500), "seed \(seed)")
        #expect(versions == versions.sorted(), "answers come in the order of the log; seed \(seed)")
        bench.end(cutsPower: true)
        let again = try bench.open()
        try bench.wait { () async throws in
            #expect(try await allObjects(again).count == 500)
        }
        let batches = again.loopBatchCount(bench)
        #expect(batches < 100, "\(batches) batches for 500 writes; seed \(seed)")
    }

    @Test("no update is lost where many callers change one object", arguments: [1, 2, 3] as [UInt64])
    func noLostUpdates(seed: UInt64) throws {
        let bench = ObjectLogBench(seed: seed)
        let log = try bench.open()
        try bench.wait {
            _ = try await log.create(makeWidget("counter", size: 0))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        for _ in 0..<10 { try await increment(log) }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await log.get(widgetKey("counter"))?.size == 200)
        }
        bench.end(cutsPower: true)
        let again = try bench.open()
        #expect(try bench.wait { try await again.get(widgetKey("counter"))?.size } == 200)
    }

    @Test("of two that make one name, one gets it, and the other is told when that is certain")
    func oneName() throws {
        let bench = ObjectLogBench()
        let log = try bench.open()
        try bench.wait {
            async let first = ObjectError.reason { try await log.create(makeWidget("a", size: 1)) }
            async let second = ObjectError.reason {
                do {
                    return try await log.create(makeWidget("a", size: 2))
                } catch {
                    #expect(try await log.get(widgetKey("a")) != nil, "the other one is visible by then")
                    throw error
                }
            }
            let reasons = await [first, second]
            #expect(reasons.filter { $0 == nil }.count == 1)
            #expect(reasons.contains(.alreadyExists))
        }
    }

    @Test("readers and watchers see nothing before it is on the device")
    func visibility() throws {
        let bench = ObjectLogBench()
        let log = try bench.open()
        var faults = DiskFaults()
        faults.syncLatency = .seconds(5) ... .seconds(5)
        bench.disk.faults = faults
        try bench.wait {
            let stream = try await log.watch(WatchQuery(ObjectSelection()), after: .zero)
            async let event = stream.nextBatch()
            async let made = log.create(makeWidget("a"))
            // Between the write and the end of its sync.
            try await bench.simulator.clock.sleep(for: .seconds(4))
            #expect(try await log.get(widgetKey("a")) == nil)
            #expect(try await log.currentVersion() == .zero)
            _ = try await made
            #expect(try await event?.first?.object?.metadata.name == "a")
            #expect(try await log.get(widgetKey("a")) != nil)
        }
    }

    @Test("a failed sync fails its writes and all behind them; readers keep what was there")
    func failedSync() throws {
        let bench = ObjectLogBench()
        let log = try bench.open()
        try bench.wait {
            _ = try await log.create(makeWidget("old"))
        }
        bench.settle()
        var faults = DiskFaults()
        faults.triggers = [.init(.sync, pathSuffix: ".log")]
        bench.disk.faults = faults
        try bench.wait { () async throws in
            let reasons = await withTaskGroup(of: ObjectError.Reason?.self) { group in
                for number in 0..<50 {
                    group.addTask { await ObjectError.reason { try await log.create(makeWidget("w\(number)")) } }
                }
                group.addTask { await ObjectError.reason { try await log.delete(widgetKey("old"), if: .none) } }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(reasons.allSatisfy { $0 == .unavailable })
            #expect(try await allObjects(log).map(\.metadata.name) == ["old"])
            #expect(try await log.currentVersion() == ResourceVersion(1))
            #expect(await ObjectError.reason { try await log.create(makeWidget("later")) } == .unavailable)
            // What was taken back is no reason for a conflict.
            #expect(await ObjectError.reason { try await log.create(makeWidget("w1")) } == .unavailable)
            #expect(await ObjectError.reason { try await log.create(makeWidget("old")) } == .alreadyExists)
        }
        bench.end(cutsPower: false)
        let again = try bench.open()
        try bench.wait {
            let version = try await again.currentVersion()
            #expect(try await again.create(makeWidget("next")).version > version.value)
        }
    }

    @Test("a full disk refuses writes, and takes them again when there is room")
    func fullDisk() throws {
        let bench = ObjectLogBench(limits: ObjectLogLimits())
        let log = try bench.open()
        try bench.wait { _ = try await log.create(makeWidget("old")) }
        bench.settle()
        bench.disk.capacityBytes = bench.disk.usedBytes
        let refused = try bench.wait {
            var refused = 0
            for number in 0..<20 {
                let reason = await ObjectError.reason {
                    try await log.create(makeWidget("w\(number)", padding: 100_000))
                }
                #expect(reason == nil || reason == .unavailable)
                if reason != nil { refused += 1 }
            }
            return refused
        }
        #expect(refused > 0)
        bench.disk.capacityBytes = 1 << 40
        bench.simulator.run(for: .seconds(1))
        try bench.wait {
            let before = try await allObjects(log).count
            #expect(before == 21 - refused)
            let made = try await log.create(makeWidget("next"))
            #expect(made.version == UInt64(before + 1), "refused writes leave no gap")
        }
        bench.end(cutsPower: true)
        let again = try bench.open()
        #expect(try bench.wait { try await allObjects(again).count } == 22 - refused)
    }

    @Test("more than may wait is refused")
    func waitingLimit() throws {
        var limits = ObjectLogLimits.small
        limits.waitingSizeBytesMax = 10_000
        let bench = ObjectLogBench(limits: limits)
        let log = try bench.open()
        try bench.wait {
            let reasons = await withTaskGroup(of: ObjectError.Reason?.self) { group in
                for number in 0..<100 {
                    group.addTask {
                        await ObjectError.reason { try await log.create(makeWidget("w\(number)", padding: 500)) }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(reasons.contains(.unavailable) && reasons.contains(nil))
            let made = reasons.filter { $0 == nil }.count
            #expect(try await allObjects(log).count == made)
            _ = try await log.create(makeWidget("later"))
        }
    }
}

/// Adds 1 to the counter, as often as somebody was faster.
private func increment(_ log: ObjectLog) async throws {
    while true {
        guard var object = try await log.get(widgetKey("counter")) else { return }
        let seen = object.metadata.resourceVersion
        object.content["spec"] = ["size": .integer((object.size ?? 0) + 1)]
        do {
            _ = try await log.update(object, if: Preconditions(resourceVersion: seen))
            return
        } catch let error as ObjectError where error.reason == .conflict {
            continue
        }
    }
}

extension ObjectLog {
    /// How many batches its log holds, as a test reads them.
    fileprivate func loopBatchCount(_ bench: ObjectLogBench) -> Int {
        let answer = Mutex<Int?>(nil)
        bench.loop.perform {
            log.read(from: 0, sizeBytesMax: 1 << 24, bound: .highWatermark) { result in
                guard case .success(let read) = result else { return }
                answer.withLock { $0 = countBatches(read.records) }
            }
        }
        bench.simulator.run(within: .seconds(60)) { answer.withLock { $0 != nil } }
        return answer.withLock { $0 ?? 0 }
    }
}
