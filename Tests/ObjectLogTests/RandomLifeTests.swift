import Glibc
import ObjectStore
import Synchronization
import Testing
import WeirRuntime
import WeirSimulation

@testable import ObjectLog

@Suite("An object log over random lives")
struct RandomLifeTests {
    /// Seeds of one of the four shards; `make soak` asks for more in all.
    static let seedsPerShard = getenv("WEIR_TEST_SEEDS").flatMap { UInt64(String(cString: $0)) }.map { $0 / 4 } ?? 10

    @Test("holds all it acknowledged after kills and power cuts at any moment", arguments: 0..<4 as Range<UInt64>)
    func survives(shard: UInt64) throws {
        var cuts = 0
        for seed in shard * 10_000..<shard * 10_000 + Self.seedsPerShard {
            let life = RandomLife(seed: seed)
            for _ in 0..<4 { try life.live() }
            cuts += life.cutCount
        }
        #expect(cuts > 0, "no life was long enough to see the log cut")
    }
}

/// Callers that each change objects of their own, so that each knows what it was told of them.
private final class RandomLife: Sendable {
    /// What an object may be found as.
    private struct Known {
        /// Nil: not there.
        var size: Int64?
        var version: UInt64 = 0
        /// Somebody's write that was not answered: size, or nil for a removal.
        var inDoubt: Int64??
    }

    private struct Change {
        var name: String
        var kind: WatchEvent.Change
        var version: UInt64
    }

    private struct Model {
        var random: SeededRandom
        var known: [String: Known] = [:]
        /// What was acknowledged.
        var changes: [Change] = []
        var answered = 0
        var killAt = Int.max
        var cutCount = 0
    }

    private let bench: ObjectLogBench
    private let model: Mutex<Model>
    private let seed: UInt64

    init(seed: UInt64) {
        self.seed = seed
        bench = ObjectLogBench(seed: seed)
        model = Mutex(Model(random: bench.simulator.makeRandom()))
    }

    /// How often the log began later than before.
    var cutCount: Int { model.withLock { $0.cutCount } }

    /// One process: opens, checks, works, ends.
    func live() throws {
        let log = try bench.open()
        let start = bench.logStart(log)
        try check(log, start)
        let (ending, at, callers) = model.withLock { model in
            (
                Int.random(in: 0..<3, using: &model.random), Int.random(in: 1...600, using: &model.random),
                Int.random(in: 1...8, using: &model.random)
            )
        }
        var faults = DiskFaults.legal
        if ending == 0 { faults.powerCutAt = at }
        bench.disk.faults = faults
        model.withLock { model in
            model.answered = 0
            model.killAt = ending == 1 ? at / 2 : .max
        }
        try bench.wait { [self] in
            await withTaskGroup(of: Void.self) { group in
                for caller in 0..<callers { group.addTask { await self.work(log, caller) } }
            }
        }
        try watch(log, after: start, upTo: nil)
        if bench.logStart(log) > start { model.withLock { $0.cutCount += 1 } }
        if ending == 2 { try? bench.wait { try await log.close() } }
        if ending != 1 || model.withLock({ $0.answered < $0.killAt }) { bench.end(cutsPower: ending == 0) }
        bench.disk.faults = .legal
        bench.settle()
    }

    // MARK: Working

    private func work(_ log: ObjectLog, _ caller: Int) async {
        for _ in 0..<60 {
            guard await step(log, caller) else { return }
        }
    }

    /// One write. False where it was not answered: what became of it is not known.
    private func step(_ log: ObjectLog, _ caller: Int) async -> Bool {
        let (name, known, size, padding, removes) = model.withLock { model in
            let name = "c\(caller)-\(Int.random(in: 0..<6, using: &model.random))"
            return (
                name, model.known[name] ?? Known(), Int64.random(in: 0..<1_000_000, using: &model.random),
                Int.random(in: 0...600, using: &model.random), Int.random(in: 0..<3, using: &model.random) == 0
            )
        }
        let object = makeWidget(name, size: size, padding: padding)
        let condition = Preconditions(resourceVersion: ResourceVersion(known.version))
        do {
            if known.size == nil {
                answered(name, size, .added, try await log.create(object).version)
            } else if removes {
                answered(name, nil, .deleted, try await log.delete(object.key, if: condition).version)
            } else {
                answered(name, size, .modified, try await log.update(object, if: condition).version)
            }
            return true
        } catch {
            #expect((error as? ObjectError)?.reason == .unavailable, "\(error); seed \(seed)")
            let attempt: Int64? = known.size != nil && removes ? nil : size
            model.withLock { $0.known[name, default: Known()].inDoubt = .some(attempt) }
            return false
        }
    }

    private func answered(_ name: String, _ size: Int64?, _ kind: WatchEvent.Change, _ version: UInt64) {
        let isOver = model.withLock { model in
            model.known[name] = Known(size: size, version: version)
            model.changes.append(Change(name: name, kind: kind, version: version))
            model.answered += 1
            return model.answered == model.killAt
        }
        if isOver { bench.kill() }
    }

    // MARK: Checking

    /// Expects everything that was acknowledged, in state and in history.
    private func check(_ log: ObjectLog, _ start: UInt64) throws {
        let (objects, current) = try bench.wait {
            try await (allObjects(log), log.currentVersion().value)
        }
        let found = Dictionary(uniqueKeysWithValues: objects.map { ($0.metadata.name, $0) })
        model.withLock { model in
            #expect(current >= model.changes.last?.version ?? 0, "the version fell; seed \(seed)")
            for name in Set(model.known.keys).union(found.keys) {
                let known = model.known[name] ?? Known()
                let object = found[name]
                if object?.size == known.size, known.size == nil || object?.version == known.version {
                    model.known[name]?.inDoubt = nil
                    continue
                }
                let attempt = known.inDoubt
                let isAttempt = attempt.map { $0 == object?.size } ?? false
                #expect(
                    isAttempt, "\(name) is \(String(describing: object)), not \(known); seed \(seed)")
                model.known[name] = Known(size: object?.size, version: object?.version ?? 0)
            }
        }
        let after = model.withLock { model in UInt64.random(in: start...max(start, current), using: &model.random) }
        try watch(log, after: after, upTo: current)
    }

    /// Expects a watch to show each acknowledged change once, in order.
    private func watch(_ log: ObjectLog, after version: UInt64, upTo current: UInt64?) throws {
        let expected = model.withLock { model in
            model.changes.sorted { $0.version < $1.version }.filter { $0.version > version }
        }
        guard let last = expected.last else { return }
        let events: [WatchEvent]? = try bench.wait {
            do {
                let stream = try await log.watch(WatchQuery(ObjectSelection()), after: ResourceVersion(version))
                var events: [WatchEvent] = []
                while events.last.map({ $0.resourceVersion.value < last.version }) ?? true {
                    guard let batch = try await stream.nextBatch() else { break }
                    events += batch
                }
                return events
            } catch let error as ObjectError where error.reason == .expired {
                return nil
            }
        }
        guard let events else {
            #expect(expected.count > 200, "a watch from \(version) expired; seed \(seed)")
            return
        }
        let versions = events.map(\.resourceVersion)
        #expect(zip(versions, versions.dropFirst()).allSatisfy { $0 < $1 }, "seed \(seed)")
        let byVersion = Dictionary(uniqueKeysWithValues: events.map { ($0.resourceVersion.value, $0) })
        for change in expected {
            let event = byVersion[change.version]
            #expect(
                event?.change == change.kind && event?.object?.metadata.name == change.name,
                "\(change) was told as \(String(describing: event)); seed \(seed)")
        }
    }
}
