import ObjectStore
import Reconciling
import Testing
import WeirRuntime
import WeirSimulation
import WorkTracking

@Suite("A reconciler that drains", .timeLimit(.minutes(1)))
struct ReconcilerDrainTests {
    @Test("finishes the 100 reconciles that run, with all their writes, and begins nothing new")
    func hundredWriters() async throws {
        let fixture = try Fixture()
        let (journal, door) = (fixture.journal, Door())
        try fixture.runtime.reconcile(Widget.self, .maxConcurrent(100)) { request in
            guard let widget = request.object, widget.status == nil else { return }
            journal.note("began")
            await door.passStubbornly()
            // The component is told a moment after its gate closed.
            while !request.isDraining { await Task.yield() }
            journal.note("draining")
            try await request.client.updateStatus(Widget.self, request.name) { $0.status = .init(size: 1) }
            try await request.client.create(Gadget("of-\(request.name)", widget: request.name))
        }
        // What is there when the last reconcile has ended: the store closes after that.
        let stored = Journal()
        fixture.runtime.addHook(
            .levelDrained { [client = fixture.client] names in
                guard names == ["reconcile/widget"] else { return }
                for widget in (try? await client.list(Widget.self).items) ?? [] {
                    stored.note(widget.status == nil ? "widget" : "written widget")
                }
                for _ in (try? await client.list(Gadget.self).items) ?? [] { stored.note("gadget") }
            })
        fixture.objects.store.register(Gadget.definition)
        for index in 0..<150 { try await fixture.client.create(Widget("w\(index)")) }
        try await fixture.runtime.start()
        await journal.wait(for: "began", count: 100)
        fixture.runtime.beginShutdown()
        while fixture.runtime.snapshot().components.last?.state != .draining { await Task.yield() }
        try await fixture.client.create(Widget("too-late"))
        door.open()
        let report = await fixture.runtime.exitReport()

        #expect(journal.count(of: "began") == 100)
        #expect(journal.count(of: "draining") == 100)
        #expect(stored.count(of: "written widget") == 100)
        #expect(stored.count(of: "widget") == 51)
        #expect(stored.count(of: "gadget") == 100)
        #expect(report.exitCode == 0)
        #expect(report.verdict == .clean)
        let counts = try #require(report.components.first { $0.name == "reconcile/widget" }).counts
        #expect(counts.succeeded == 100 && counts.started == 100 && counts.peak == 100)
        #expect([counts.failed, counts.cancelled, counts.abandoned, counts.loops, counts.inFlight] == [0, 0, 0, 0, 0])
        #expect(fixture.errors == [])
    }

    @Test("a reconcile that never ends is cancelled at its deadline, left behind at the hard one; exit code 75")
    func neverEnds() async throws {
        let deadlines = Deadlines(soft: .seconds(2), cancel: .seconds(3), hard: .seconds(4))
        let fixture = try Fixture()
        let (journal, door) = (fixture.journal, Door())
        try fixture.runtime.reconcile(Widget.self, .drainDeadlines(deadlines), .maxConcurrent(2)) { request in
            journal.note("began \(request.name)")
            if request.name == "heeds" {
                do {
                    try await door.pass()
                } catch {
                    journal.note("heeds at \(request.clock.now.nanoseconds / 1_000_000)")
                    throw error
                }
            } else {
                await withTaskCancellationHandler {
                    await door.passStubbornly()
                } onCancel: {
                    journal.note("told at \((request.deadline?.nanoseconds ?? 0) / 1_000_000)")
                }
            }
        }
        try await fixture.client.create(Widget("heeds"))
        try await fixture.client.create(Widget("never-ends"))
        try await fixture.runtime.start()
        await journal.wait { Set($0) == ["began heeds", "began never-ends"] }
        fixture.runtime.beginShutdown()
        // One second lies between the two deadlines: time stands still before the second until the first was heeded.
        let report = await fixture.ending(pausingAt: .milliseconds(3_500)) {
            journal.entries.contains { $0.hasPrefix("heeds at") }
        }

        let times = journal.entries.compactMap { $0.split(separator: " at ").last.flatMap { Int($0) } }
        #expect(times.count == 2 && times.allSatisfy { $0 >= 3_000 }, "\(journal.entries)")
        #expect(report.exitCode == 75)
        #expect(report.verdict == .abandoned)
        let component = try #require(report.components.first { $0.name == "reconcile/widget" })
        #expect([component.counts.abandoned, component.counts.cancelled, component.counts.failed] == [1, 1, 0])
        #expect(component.slowest.contains { $0.name == "reconcile" && $0.key == "default/never-ends" })
        #expect(!fixture.errors.contains { $0.contains("reconcile failed") })
        door.open()
    }

    @Test("a reconcile that is refused because of the drain is no error")
    func refusedByDrain() async throws {
        let fixture = try Fixture()
        let (journal, door) = (fixture.journal, Door())
        try fixture.runtime.reconcile(Widget.self) { request in
            journal.note("began")
            await door.passStubbornly()
            throw WorkRejected(component: "objects", reason: .draining)
        }
        try await fixture.client.create(Widget("a"))
        try await fixture.runtime.start()
        await journal.wait(for: "began")
        fixture.runtime.beginShutdown()
        while fixture.runtime.snapshot().components.last?.state != .draining { await Task.yield() }
        door.open()
        let report = await fixture.runtime.exitReport()
        #expect(report.exitCode == 0)
        #expect(fixture.errors == [])
        #expect(report.components.last?.counts.cancelled == 1)
    }

    @Test("drained by an operator it drops what waits, and resumed it lists everything again")
    func resume() async throws {
        let fixture = try Fixture()
        let journal = fixture.journal
        try fixture.runtime.reconcile(Widget.self) { request in
            journal.note("\(request.name) \(request.object?.spec.size ?? -1)")
        }
        try await fixture.client.create(Widget("a"))
        try await fixture.runtime.start()
        await journal.wait(for: "a 0")
        try fixture.runtime.drain("reconcile/widget")
        try await fixture.runtime.waitUntilDrained("reconcile/widget")
        await fixture.sessions(0)
        try await fixture.client.update(Widget.self, "a") { $0.spec.size = 1 }
        try await fixture.client.create(Widget("b", size: 2))
        #expect(journal.entries == ["a 0"])
        try await fixture.runtime.resume("reconcile/widget")
        await journal.wait(for: "a 1")
        await journal.wait(for: "b 2")
        try await fixture.client.update(Widget.self, "b") { $0.spec.size = 3 }
        await journal.wait(for: "b 3")
        #expect(await fixture.runtime.shutdown().exitCode == 0)
    }

    @Test("added and removed while everything runs, it leaves nothing behind")
    func removal() async throws {
        let fixture = try Fixture()
        let journal = fixture.journal
        fixture.objects.store.register(Widget.definition)
        try await fixture.client.create(Widget("a"))
        try await fixture.runtime.start()
        // An informer that is refused a watch, because one was just closed, tries again after a while.
        let mover = Task { [clock = fixture.clock] in
            while !Task.isCancelled {
                await Task.yield()
                clock.advance(by: .milliseconds(1))
            }
        }
        defer { mover.cancel() }
        var before: [String] = []
        for round in 1...20 {
            let handle = try fixture.runtime.reconcile(Widget.self, .watches(Gadget.self) { _ in [] }) { request in
                journal.note("\(request.name) \(round)")
            }
            try await handle.started()
            await journal.wait(for: "a \(round)")
            await fixture.sessions(2)
            #expect(try await fixture.runtime.remove(handle.name) == .ok)
            await fixture.sessions(0)
            #expect(
                fixture.runtime.snapshot().components.map(\.name) == [
                    "events", "informers", "objects", "objects/storage",
                ])
            let metrics = await fixture.runtime.metrics.collect().map(\.name)
            if round == 1 { before = metrics }
            #expect(metrics == before && !metrics.contains { $0.hasPrefix("workqueue") })
        }
        #expect(await fixture.runtime.shutdown().exitCode == 0)
        #expect(fixture.errors == [])
    }
}

extension Fixture {
    /// Returns when so many watches are open.
    func sessions(_ count: Int) async {
        while runtime.snapshot().components.first(where: { $0.name == "objects" })?.counts.sessions != count {
            await Task.yield()
        }
    }

    /// How the process ended; moves time on while it goes down, but from `pause` on only when `isReady`.
    func ending(
        pausingAt pause: Duration = .seconds(3_600), until isReady: @escaping @Sendable () -> Bool = { true }
    ) async -> ExitReport {
        let mover = Task { [clock] in
            let pauseTime = clock.now + pause
            while !Task.isCancelled {
                await Task.yield()
                if clock.now < pauseTime || isReady() { clock.advance(by: .milliseconds(1)) }
            }
        }
        defer { mover.cancel() }
        return await runtime.exitReport()
    }
}
