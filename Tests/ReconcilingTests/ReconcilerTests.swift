import ObjectStore
import Reconciling
import Testing
import WeirRuntime
import WeirSimulation

@Suite("A reconciler", .timeLimit(.minutes(1)))
struct ReconcilerTests {
    @Test("sees what is there, what comes, what changes and what goes")
    func lifeOfAnObject() async throws {
        let fixture = try Fixture()
        let journal = fixture.journal
        try fixture.runtime.reconcile(Widget.self) { request in
            journal.note("\(request.namespace)/\(request.name) \(request.object?.spec.size.description ?? "gone")")
        }
        try await fixture.client.create(Widget("there", size: 1))
        try await fixture.runtime.start()
        await journal.wait(for: "default/there 1")
        try await fixture.client.create(Widget("new", size: 2))
        await journal.wait(for: "default/new 2")
        try await fixture.client.update(Widget.self, "new") { $0.spec.size = 3 }
        await journal.wait(for: "default/new 3")
        try await fixture.client.delete(Widget.self, "new")
        await journal.wait(for: "default/new gone")
        let report = await fixture.runtime.shutdown()
        #expect(report.exitCode == 0)
        #expect(fixture.errors == [])
    }

    @Test("writes through its client, which counts at the store's gate")
    func writes() async throws {
        let fixture = try Fixture()
        let journal = fixture.journal
        try fixture.runtime.reconcile(Widget.self) { request in
            guard let widget = request.object, widget.status?.size != widget.spec.size else { return }
            try await request.client.updateStatus(Widget.self, request.name) { $0.status = .init(size: $0.spec.size) }
            journal.note("written")
        }
        try await fixture.runtime.start()
        try await fixture.client.create(Widget("a", size: 7))
        await journal.wait(for: "written")
        #expect(try await fixture.client.get(Widget.self, "a").status?.size == 7)
        let report = await fixture.runtime.shutdown()
        let counts = report.components.reduce(into: [:]) { $0[$1.name] = $1.counts }
        #expect(counts.keys.sorted() == ["events", "informers", "objects", "objects/storage", "reconcile/widget"])
        #expect(counts.values.allSatisfy { $0.failed == 0 })
        #expect(["informers", "objects", "objects/storage", "reconcile/widget"].allSatisfy { counts[$0]!.started > 0 })
    }

    @Test("never runs twice at once for one key, and misses no change")
    func oneAtATime() async throws {
        let fixture = try Fixture()
        let journal = fixture.journal
        let running = Journal()
        try fixture.runtime.reconcile(Widget.self, .maxConcurrent(8)) { request in
            running.note("+\(request.name)")
            await Task.yield()
            journal.note("\(request.name) \(request.object?.spec.size ?? -1)")
            running.note("-\(request.name)")
        }
        try await fixture.runtime.start()
        for name in ["a", "b", "c", "d"] { try await fixture.client.create(Widget(name)) }
        for size in 1...200 {
            for name in ["a", "b", "c", "d"] {
                try await fixture.client.update(Widget.self, name) { $0.spec.size = size }
            }
        }
        for name in ["a", "b", "c", "d"] { await journal.wait(for: "\(name) 200") }
        _ = await fixture.runtime.shutdown()
        for name in ["a", "b", "c", "d"] {
            let steps = running.entries.filter { $0.hasSuffix(name) }
            #expect(steps.enumerated().allSatisfy { $1 == ($0.isMultiple(of: 2) ? "+\(name)" : "-\(name)") })
        }
    }

    @Test("what was there when it started is overtaken by what changes")
    func lowPriority() async throws {
        let fixture = try Fixture()
        let (journal, door) = (fixture.journal, Door())
        try fixture.runtime.reconcile(Widget.self) { request in
            journal.note("begin \(request.name)")
            await door.passStubbornly()
        }
        for index in 0..<20 { try await fixture.client.create(Widget("old-\(index)")) }
        try await fixture.runtime.start()
        await journal.wait { $0.count == 1 }
        try await fixture.client.create(Widget("new"))
        while await fixture.metric("workqueue_depth")[["widget", "widget", "0", ""]] != 1 { await Task.yield() }
        door.open()
        await journal.wait { $0.count == 21 }
        #expect(journal.entries[1] == "begin new")
        _ = await fixture.runtime.shutdown()
    }

    @Test("what throws is tried again after 5 ms, then 10 ms, and knows its attempt")
    func retries() async throws {
        let fixture = try Fixture()
        let journal = fixture.journal
        try fixture.runtime.reconcile(Widget.self) { request in
            journal.note("attempt \(request.attempt) at \(request.clock.now.nanoseconds / 1_000_000)")
            if request.attempt < 4 { throw Broken() }
        }
        try await fixture.client.create(Widget("a"))
        try await fixture.runtime.start()
        for (attempt, milliseconds) in [(1, 0), (2, 5), (3, 15)] {
            await journal.wait(for: "attempt \(attempt) at \(milliseconds)")
            await fixture.clock.advance(toSleeperAt: .milliseconds([5, 15, 35][attempt - 1]))
        }
        await journal.wait(for: "attempt 4 at 35")
        #expect(fixture.errors.count == 3)
        #expect(fixture.errors.allSatisfy { $0.contains("broken") })
        _ = await fixture.runtime.shutdown()
    }

    @Test("a terminal error rests until the next change, which begins with the first attempt")
    func terminal() async throws {
        let fixture = try Fixture()
        let journal = fixture.journal
        try fixture.runtime.reconcile(Widget.self) { request in
            journal.note("\(request.object?.spec.size ?? -1), attempt \(request.attempt)")
            if request.object?.spec.size == 0 { throw TerminalError("0 is no size") }
        }
        try await fixture.client.create(Widget("a"))
        try await fixture.runtime.start()
        await journal.wait(for: "0, attempt 1")
        try await fixture.client.update(Widget.self, "a") { $0.spec.size = 1 }
        await journal.wait(for: "1, attempt 1")
        #expect(journal.entries.count == 2)
        _ = await fixture.runtime.shutdown()
        #expect(fixture.errors == ["error: reconcile failed for good: 0 is no size"])
    }

    @Test("requeue after a delay comes at its time and is no failure; requeue waits as a failure does")
    func requeue() async throws {
        let fixture = try Fixture()
        let journal = fixture.journal
        try fixture.runtime.reconcile(Widget.self) { request -> ReconcileResult in
            let milliseconds = request.clock.now.nanoseconds / 1_000_000
            journal.note("attempt \(request.attempt) at \(milliseconds)")
            switch milliseconds {
            case 0: return .requeue
            case 5: return .requeue
            case 15: return .requeue(after: .milliseconds(20))
            case 35: return .requeue
            default: return .done
            }
        }
        try await fixture.client.create(Widget("a"))
        try await fixture.runtime.start()
        for milliseconds in [5, 15, 35, 40] {
            await fixture.clock.advance(toSleeperAt: .milliseconds(milliseconds))
        }
        await journal.wait { $0.count == 5 }
        #expect(
            journal.entries == [
                "attempt 1 at 0", "attempt 2 at 5", "attempt 3 at 15", "attempt 1 at 35", "attempt 2 at 40",
            ])
        #expect(fixture.errors == [])
        _ = await fixture.runtime.shutdown()
    }

    @Test("a reconcile that takes too long is cancelled, tried again, and counted as timed out")
    func timeout() async throws {
        let fixture = try Fixture()
        let (journal, door) = (fixture.journal, Door())
        try fixture.runtime.reconcile(Widget.self, .timeout(.milliseconds(50))) { request in
            journal.note("attempt \(request.attempt) until \((request.deadline?.nanoseconds ?? 0) / 1_000_000)")
            if request.attempt == 1 { try await door.pass() }
            journal.note("over")
        }
        try await fixture.client.create(Widget("a"))
        try await fixture.runtime.start()
        await journal.wait(for: "attempt 1 until 50")
        await fixture.clock.advance(toSleeperAt: .milliseconds(50))
        await fixture.clock.advance(toSleeperAt: .milliseconds(55))
        await journal.wait(for: "over")
        #expect(journal.entries == ["attempt 1 until 50", "attempt 2 until 105", "over"])
        #expect(await fixture.metric("controller_runtime_reconcile_timeouts_total") == [["widget", ""]: 1])
        #expect(fixture.errors.count == 1 && fixture.errors[0].contains("did not end within"))
        _ = await fixture.runtime.shutdown()
    }

    @Test("a name that is taken, and a runtime without objects, are said clearly")
    func refusals() throws {
        let fixture = try Fixture()
        try fixture.runtime.reconcile(Widget.self) { _ in }
        #expect { try fixture.runtime.reconcile(Widget.self) { _ in } } throws: {
            ($0 as? RuntimeError)?.code == .duplicateName && "\($0)".contains(".name(")
        }
        try fixture.runtime.reconcile(Widget.self, .name("other")) { _ in }
        #expect { try Runtime().reconcile(Widget.self) { _ in } } throws: {
            "\($0)".contains("call runtime.addObjects(")
        }
    }

    @Test("failures are told as events of the object where that is wanted, and what the body tells is there too")
    func events() async throws {
        let fixture = try Fixture()
        try fixture.runtime.reconcile(Widget.self, .failureEvents) { request in
            guard let widget = request.object else { return }
            request.events.normal(widget, "Seen", "size \(widget.spec.size)")
            throw TerminalError("no paint left")
        }
        try await fixture.client.create(Widget("a", size: 3))
        let events = Journal()
        fixture.runtime.addHook(
            .levelDrained { [client = fixture.client] names in
                guard names == ["events"] || names.contains("events") else { return }
                for event in (try? await client.list(Event.self).items) ?? [] {
                    events.note("\(event.type ?? "") \(event.reason ?? "") \(event.message ?? "")")
                }
            })
        try await fixture.runtime.start()
        await fixture.log.wait(for: "error: reconcile failed for good: no paint left")
        _ = await fixture.runtime.shutdown()
        #expect(events.entries.sorted() == ["Normal Seen size 3", "Warning ReconcileFailed no paint left"])
    }

    @Test("a reconciler that is read-only rests, and goes on where it was when it may write again")
    func readOnly() async throws {
        let fixture = try Fixture()
        let journal = fixture.journal
        try fixture.runtime.reconcile(Widget.self) { request in journal.note(request.name) }
        try await fixture.runtime.start()
        try fixture.runtime.drain("reconcile/widget", mode: .readOnly)
        try await fixture.client.create(Widget("a"))
        await fixture.clock.sleepers(atLeast: 2)
        fixture.clock.advance(by: .milliseconds(100))
        await fixture.clock.sleepers(atLeast: 2)
        #expect(journal.entries == [])
        try await fixture.runtime.resume("reconcile/widget")
        fixture.clock.advance(by: .milliseconds(100))
        await journal.wait(for: "a")
        #expect(await fixture.runtime.shutdown().exitCode == 0)
        #expect(fixture.errors == [])
    }
}
