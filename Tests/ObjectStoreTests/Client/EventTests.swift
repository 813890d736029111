import Logging
import Synchronization
import Testing
import WeirRuntime
import WeirSimulation
import WorkTracking

@testable import ObjectStore

@Suite("The queue of an event recorder")
struct EventQueueTests {
    let start = MonotonicTime(nanoseconds: 0)
    let time = Timestamp(secondsSince1970: 1_700_000_000)

    func key(_ name: String, _ reason: String = "Created") -> EventKey {
        EventKey(
            object: ObjectReference(kind: "Gadget", name: name), severity: .normal, reason: reason, message: "m")
    }

    func limits(_ change: (inout EventLimits) -> Void = { _ in }) -> EventLimits {
        var limits = EventLimits()
        change(&limits)
        return limits
    }

    /// A queue that can be changed inside of an expectation.
    final class Queue {
        var value: EventQueue
        init(limits: EventLimits) { value = EventQueue(limits: limits) }
        var pendingCount: Int { value.pendingCount }
        var droppedCount: UInt64 { value.droppedCount }
        var recordedCount: UInt64 { value.recordedCount }
        func record(_ key: EventKey, at time: Timestamp, now: MonotonicTime) -> Bool {
            value.record(key, at: time, now: now)
        }
        func next(now: MonotonicTime?) -> EventQueue.Write? { value.next(now: now) }
        func wrote(_ write: EventQueue.Write, as event: ObjectKey, count: Int32, first: Timestamp) {
            value.wrote(write, as: event, count: count, first: first)
        }
        func forget(_ key: EventKey) { value.forget(key) }
        func putBack(_ write: EventQueue.Write) { value.putBack(write) }
    }

    @Test("hands events out in the order they happened, the same one once with its count")
    func joins() {
        let queue = Queue(limits: limits())
        #expect(queue.record(key("a"), at: time, now: start))
        #expect(queue.record(key("b"), at: time, now: start))
        let later = Timestamp(secondsSince1970: 1_700_000_009)
        #expect(!queue.record(key("a"), at: later, now: start), "it waits already")
        let first = queue.next(now: start)
        #expect(first?.key == key("a"))
        #expect(first?.count == 2)
        #expect(first?.first == time && first?.last == later)
        #expect(queue.next(now: start)?.key == key("b"))
        #expect(queue.next(now: start) == nil)
        #expect(queue.recordedCount == 3)
    }

    @Test("counts on top of what was written, until that is gone")
    func countsUp() throws {
        let queue = Queue(limits: limits())
        _ = queue.record(key("a"), at: time, now: start)
        let first = try #require(queue.next(now: start))
        let event = ObjectKey(Event.definition.kind, namespace: "default", name: "a.1")
        queue.wrote(first, as: event, count: 1, first: time)
        _ = queue.record(key("a"), at: time, now: start)
        let second = try #require(queue.next(now: start))
        #expect(second.known == EventQueue.Known(event: event, count: 1, first: time))
        queue.forget(key("a"))
        _ = queue.record(key("a"), at: time, now: start)
        #expect(queue.next(now: start)?.known == nil)
    }

    @Test("is bounded: the next different event is dropped, the same ones are counted")
    func bounded() {
        let queue = Queue(limits: limits { $0.pendingMax = 2 })
        for name in ["a", "b", "c", "a"] { _ = queue.record(key(name), at: time, now: start) }
        #expect(queue.pendingCount == 2)
        #expect(queue.droppedCount == 1)
        #expect(queue.next(now: start)?.count == 2)
        #expect(queue.record(key("c"), at: time, now: start), "there is room again")
    }

    @Test("remembers a bounded number of written events")
    func boundedMemory() {
        let queue = Queue(limits: limits { $0.knownMax = 2 })
        for name in ["a", "b", "c"] {
            _ = queue.record(key(name), at: time, now: start)
            let write = queue.next(now: start)!
            queue.wrote(
                write, as: ObjectKey(Event.definition.kind, namespace: "", name: name), count: 1, first: time)
        }
        let isKnown = ["a", "b", "c"].map { name in
            _ = queue.record(key(name), at: time, now: start)
            return queue.next(now: start)?.known != nil
        }
        #expect(isKnown == [false, true, true])
    }

    @Test("of one object it takes a burst, then one each interval; what happens again is counted meanwhile")
    func limited() throws {
        let queue = Queue(limits: limits { $0.burstMax = 3 })
        for reason in ["A", "B", "C", "D"] { _ = queue.record(key("a", reason), at: time, now: start) }
        #expect(queue.droppedCount == 1, "the fourth")
        #expect(queue.record(key("other"), at: time, now: start), "others have their own")
        while let write = queue.next(now: start) {
            queue.wrote(
                write, as: ObjectKey(Event.definition.kind, namespace: "", name: write.key.reason), count: 1,
                first: time)
        }
        for _ in 0..<5 { #expect(!queue.record(key("a", "B"), at: time, now: start)) }
        #expect(queue.next(now: start) == nil)
        #expect(queue.next(now: start + .seconds(299)) == nil)
        let write = try #require(queue.next(now: start + .seconds(300)))
        #expect(write.count == 5)
        #expect(write.known?.count == 1)
        #expect(queue.droppedCount == 1, "none of what happened again is lost")
    }

    @Test("gives out everything at the end, also what had to wait")
    func takesRest() {
        let queue = Queue(limits: limits { $0.burstMax = 1 })
        _ = queue.record(key("a"), at: time, now: start)
        let write = queue.next(now: start)!
        queue.wrote(write, as: ObjectKey(Event.definition.kind, namespace: "", name: "a"), count: 1, first: time)
        _ = queue.record(key("a"), at: time, now: start)
        #expect(queue.next(now: start) == nil)
        #expect(queue.next(now: nil)?.count == 1)
    }

    @Test("what could not be written goes back to the front, with what happened meanwhile")
    func putsBack() {
        let queue = Queue(limits: limits())
        for name in ["a", "b"] { _ = queue.record(key(name), at: time, now: start) }
        let write = queue.next(now: start)!
        queue.putBack(write)
        #expect(queue.next(now: start)?.key == key("a"))
        _ = queue.record(key("a"), at: time, now: start)
        queue.putBack(write)
        let counts = [queue.next(now: start), queue.next(now: start)].map { $0?.count }
        #expect(counts == [1, 2])
    }
}

@Suite("An event recorder", .timeLimit(.minutes(1)))
struct EventRecorderTests {
    let clock = SimulatedClock()
    let objects = ObjectsComponent(MemoryStorage(), collection: .off, clock: SimulatedClock())

    func runtime() -> Runtime {
        var configuration = RuntimeConfiguration()
        configuration.signals = nil
        return Runtime(configuration, clock: clock, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    func recorder(_ limits: EventLimits = EventLimits()) -> EventRecorder {
        EventRecorder(objects.access, source: "tests", limits: limits, clock: clock, randomBits: { 0xab })
    }

    func events() async throws -> [Event] { try await Client(objects.access).list(Event.self).items }

    @Test("writes an event of an object, and counts it up when it happens again")
    func writes() async throws {
        let runtime = runtime()
        let recorder = recorder()
        try runtime.addObjects(objects)
        try runtime.register(recorder)
        let report = try await runtime.run {
            var gadget = Gadget("w", in: "blue")
            gadget.metadata.uid = "uid-w"
            recorder.normal(gadget, "Created", "3 parts were made")
            await until { recorder.counts.written == 1 }
            let event = try await events()[0]
            #expect(event.metadata.name == "w.00000000000000ab")
            #expect(event.metadata.namespace == "blue")
            #expect(
                event.involvedObject
                    == ObjectReference(
                        apiVersion: "example.com/v1", kind: "Gadget", namespace: "blue", name: "w", uid: "uid-w"))
            #expect([event.type, event.reason, event.message] == ["Normal", "Created", "3 parts were made"])
            #expect(event.source?.component == "tests")
            #expect(event.count == 1)
            clock.advance(by: .seconds(5))
            gadget.metadata.resourceVersion = ResourceVersion(77)
            recorder.normal(gadget, "Created", "3 parts were made")
            await until { recorder.counts.written == 2 }
            let again = try await events()
            #expect(again.map(\.count) == [2])
            #expect(again[0].firstTimestamp == event.firstTimestamp)
            #expect(
                again[0].lastTimestamp?.secondsSince1970 == (event.lastTimestamp?.secondsSince1970 ?? 0) + 5)
            runtime.beginShutdown()
        }
        #expect(report.exitCode == 0)
    }

    @Test("writes what is in the queue when it drains, also of those that record while they drain")
    func drains() async throws {
        let runtime = runtime()
        let recorder = recorder()
        try runtime.addObjects(objects)
        try runtime.register(recorder)
        try runtime.host("worker", dependsOn: ["events", "objects"]) { scope in
            await scope.stopRequested()
            for index in 0..<40 { recorder.warning(Gadget("w\(index)"), "Ended", "while draining") }
        }
        let counted = Mutex(0)
        runtime.addHook(
            .levelDrained { [store = objects.store] names in
                guard names.contains("objects") else { return }
                let count = try? await Client(store).list(Event.self).count
                counted.withLock { $0 = count ?? -1 }
            })
        let report = try await runtime.run { runtime.beginShutdown() }
        #expect(report.exitCode == 0)
        #expect(counted.withLock { $0 } == 40)
        #expect(recorder.counts == EventCounts(recorded: 40, written: 40, dropped: 0, pending: 0))
    }

    @Test("counts what comes after its drain as dropped")
    func late() async throws {
        let runtime = runtime()
        let recorder = EventRecorder(objects.access, dependencies: ["objects", "below"], clock: clock)
        try runtime.addObjects(objects)
        try runtime.register(recorder)
        try runtime.host("below") { scope in
            await scope.stopRequested()
            await until { runtime.workRegistry.snapshot().component(named: "events")?.isSealed == true }
            recorder.normal(Gadget("late"), "Late", "nobody writes it")
        }
        let report = try await runtime.run { runtime.beginShutdown() }
        #expect(report.exitCode == 0)
        #expect(recorder.counts == EventCounts(recorded: 1, written: 0, dropped: 1, pending: 0))
    }

    @Test("waits for a store that does not take events, and tries again")
    func retries() async throws {
        let store = anyStore()
        let failures = Mutex(2)
        let failing = HookedAccess(wrapped: store) { call in
            guard call == .create else { return }
            let fails = failures.withLock { left in
                left -= 1
                return left >= 0
            }
            if fails { throw ObjectError(.unavailable, "not now") }
        }
        let recorder = EventRecorder(failing, dependencies: [], clock: clock)
        let runtime = runtime()
        try runtime.register(recorder)
        let report = try await runtime.run {
            recorder.normal(Gadget("w"), "Created", "once")
            // In small steps: after an hour the event would be removed again.
            while recorder.counts.written == 0 {
                clock.advance(by: .milliseconds(50))
                await Task.yield()
            }
            runtime.beginShutdown()
        }
        #expect(report.exitCode == 0)
        #expect(recorder.counts == EventCounts(recorded: 1, written: 1, dropped: 0, pending: 0))
        #expect(try await Client(store).list(Event.self).count == 1)
    }

    @Test("removes events that did not happen for an hour, and keeps the others")
    func removesOld() async throws {
        let runtime = runtime()
        let recorder = recorder()
        try runtime.addObjects(objects)
        try runtime.register(recorder)
        let report = try await runtime.run {
            recorder.normal(Gadget("old"), "Created", "long ago")
            await until { recorder.counts.written == 1 }
            await clock.sleepers(atLeast: 2)
            clock.advance(by: .seconds(3_595))
            recorder.normal(Gadget("new"), "Created", "just now")
            await until { recorder.counts.written == 2 }
            await clock.sleepers(atLeast: 2)
            clock.advance(by: .seconds(600))
            var names: [String?] = []
            while names != ["new"] { names = try await events().map(\.involvedObject.name) }
            runtime.beginShutdown()
        }
        #expect(report.exitCode == 0)
    }
}
