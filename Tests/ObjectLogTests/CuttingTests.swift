import ObjectStore
import Synchronization
import Testing
import WeirRuntime
import WeirSimulation

@testable import ObjectLog

@Suite("An object log that is mostly dead")
struct CuttingTests {
    /// Makes and removes widgets, some at once.
    private func cycle(_ log: ObjectLog, _ rounds: Int) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for caller in 0..<4 {
                group.addTask {
                    for round in 0..<rounds / 4 {
                        let object = try await log.create(makeWidget("cycle-\(caller)-\(round)", padding: 200))
                        _ = try await log.delete(object.key, if: .none)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test("is cut: its size is bounded, what lives keeps its versions, and no file is left over")
    func bounded() throws {
        let bench = ObjectLogBench()
        let log = try bench.open()
        let kept = try bench.wait {
            var kept: [Object] = []
            for number in 0..<20 { kept.append(try await log.create(makeWidget("kept-\(number)", padding: 100))) }
            return kept
        }
        var largest: Int64 = 0
        for _ in 0..<25 {
            try bench.wait { try await cycle(log, 200) }
            largest = max(largest, bench.sizeBytes(log))
        }
        bench.settle()
        #expect(largest < 3 * 24 << 10, "the log grew to \(largest) bytes")
        #expect(bench.logStart(log) > 8_000)
        let files = try bench.disk.list("logs/@metadata-0")
        #expect(files.count < 30 && !files.contains { $0.hasSuffix(".deleted") }, "\(files)")
        let before = try bench.wait { try await log.currentVersion() }
        for cutsPower in [false, true] {
            bench.end(cutsPower: cutsPower)
            let again = try bench.open()
            try bench.wait {
                let version = try await again.currentVersion()
                #expect(version == before)
                let found = try await allObjects(again)
                #expect(found == kept.sorted { $0.key < $1.key })
            }
        }
    }

    @Test("ends watches from before its beginning after a restart, and goes on with those from behind it")
    func expiry() throws {
        let bench = ObjectLogBench()
        let log = try bench.open()
        try bench.wait {
            _ = try await log.create(makeWidget("kept"))
            try await cycle(log, 400)
        }
        bench.settle()
        let start = bench.logStart(log)
        #expect(start > 0)
        bench.end(cutsPower: true)
        let again = try bench.open()
        try bench.wait {
            let early = await ObjectError.reason {
                try await again.watch(WatchQuery(ObjectSelection()), after: ResourceVersion(start - 1))
            }
            #expect(early == .expired)
            let current = try await again.currentVersion()
            let stream = try await again.watch(WatchQuery(ObjectSelection()), after: current)
            let made = try await again.create(makeWidget("next"))
            let events = try await stream.nextBatch()
            #expect(events?.map(\.resourceVersion) == [ResourceVersion(made.version)])
        }
    }

    @Test("knows after a restart what a change during the cutting replaced", arguments: 1...8 as ClosedRange<UInt64>)
    func changesWhileCutting(seed: UInt64) throws {
        let bench = ObjectLogBench(seed: seed)
        let log = try bench.open()
        try bench.wait {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<100 {
                    group.addTask { _ = try await log.create(makeWidget("z-\(number)", padding: 100)) }
                }
                try await group.waitForAll()
            }
        }
        // Until the pass has begun, and is not done.
        let isUnderWay = try bench.wait {
            for round in 0..<2000 {
                _ = try await log.update(makeWidget("z-0", size: Int64(round), padding: 100), if: .none)
                if let pass = log.state.withLock({ $0.log.refreshing }), pass.isUnfinished { return true }
            }
            return false
        }
        #expect(isUnderWay, "seed \(seed)")
        let (changed, removed) = try bench.wait {
            async let changed = log.update(makeWidget("z-98", size: 7, padding: 100), if: .none)
            async let removed = log.delete(widgetKey("z-99"), if: .none)
            return try await (changed.version, removed.version)
        }
        bench.simulator.run(within: .seconds(60)) { log.state.withLock { $0.log.refreshing == nil } }
        let start = bench.logStart(log)
        #expect(start > 100 && start < min(changed, removed), "seed \(seed)")
        bench.end(cutsPower: seed.isMultiple(of: 2))
        let again = try bench.open()
        try bench.wait {
            let stream = try await again.watch(WatchQuery(ObjectSelection()), after: ResourceVersion(start))
            var events: [WatchEvent] = []
            while events.last.map({ $0.resourceVersion.value < max(changed, removed) }) ?? true {
                events += try #require(try await stream.nextBatch())
            }
            #expect(events.first { $0.object?.metadata.name == "z-98" }?.change == .modified, "seed \(seed)")
            #expect(events.first { $0.object?.metadata.name == "z-99" }?.change == .deleted, "seed \(seed)")
            #expect(try await allObjects(again).count == 99)
        }
    }
}
