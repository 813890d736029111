import ObjectStore
import Reconciling
import Synchronization
import Testing
import WeirRuntime
import WeirSimulation

/// An election that the test decides.
private final class Ballot: LeaderElection {
    let journal: Journal
    private let doors = Mutex((lead: Door(), lost: Door()))

    init(_ journal: Journal) { self.journal = journal }

    func elect() { doors.withLock { $0.lead }.open() }

    func depose() {
        doors.withLock { doors in
            defer { doors = (Door(), Door()) }
            return doors.lost
        }.open()
    }

    func lead() async throws {
        journal.note("candidate")
        try await doors.withLock { $0.lead }.pass()
    }

    func lost() async { try? await doors.withLock { $0.lost }.pass() }

    func resign() async { journal.note("resigned") }
}

@Suite("Finalizers and leadership of a reconciler", .timeLimit(.minutes(1)))
struct OwnershipTests {
    @Test("a finalizer is there before the first reconcile, and its clean-up runs until it does not throw")
    func finalizer() async throws {
        let fixture = try Fixture()
        let journal = fixture.journal
        let second = ReconcileOption<Widget>.finalizer("example.com/second") { request, _ in journal.note("second") }
        try fixture.runtime.reconcile(
            Widget.self,
            .finalizer("example.com/first") { request, widget in
                journal.note("first, attempt \(request.attempt), size \(widget.spec.size)")
                if request.attempt == 1 { throw Broken() }
            }, second
        ) { request in
            journal.note(request.object.map { "\($0.metadata.finalizers)" } ?? "gone")
        }
        try await fixture.runtime.start()
        try await fixture.client.create(Widget("a", size: 4))
        await journal.wait(for: "[\"example.com/first\", \"example.com/second\"]")
        #expect(try await fixture.client.get(Widget.self, "a").metadata.finalizers.count == 2)
        try await fixture.client.delete(Widget.self, "a")
        await journal.wait(for: "first, attempt 1, size 4")
        // The second attempt comes after the back-off, or at once where a change was still on its way.
        while journal.count(of: "gone") == 0 {
            fixture.clock.advance(by: .milliseconds(5))
            await Task.yield()
        }
        let cleaning = journal.entries.filter { !$0.hasPrefix("[") }
        #expect(cleaning.prefix(4) == ["first, attempt 1, size 4", "first, attempt 2, size 4", "second", "gone"])
        await #expect(throws: ObjectError.self) { try await fixture.client.get(Widget.self, "a") }
        _ = await fixture.runtime.shutdown()
    }

    @Test("only the leader reconciles; one that is deposed gives up what it does, and begins again when it leads")
    func leadership() async throws {
        let fixture = try Fixture()
        let (journal, door) = (fixture.journal, Door())
        let ballot = Ballot(journal)
        try fixture.runtime.reconcile(Widget.self, .leaderElection(ballot)) { request in
            journal.note("began \(request.name)")
            if request.name == "long" { try await door.pass() }
            journal.note("ended \(request.name)")
        }
        try await fixture.client.create(Widget("a"))
        try await fixture.runtime.start()
        await journal.wait(for: "candidate")
        #expect(journal.entries == ["candidate"])
        #expect(await fixture.metric("leader_election_master_status") == [["widget", ""]: 0])
        ballot.elect()
        await journal.wait(for: "ended a")
        #expect(await fixture.metric("leader_election_master_status") == [["widget", ""]: 1])
        try await fixture.client.create(Widget("long"))
        await journal.wait(for: "began long")
        ballot.depose()
        await journal.wait(for: "candidate", count: 2)
        #expect(!journal.entries.contains("ended long"))
        door.open()
        ballot.elect()
        await journal.wait(for: "ended long")
        await journal.wait(for: "ended a", count: 2)
        #expect(await fixture.runtime.shutdown().exitCode == 0)
        #expect(journal.entries.last == "resigned")
        #expect(fixture.errors == [])
    }
}
