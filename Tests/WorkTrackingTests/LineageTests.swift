import Testing
import WorkTracking

@Suite("Tracked work and what it begins", .timeLimit(.minutes(1)))
struct LineageTests {
    let registry = WorkRegistry()
    struct Broken: Error {}

    @Test("how the body ended is how the operation ended")
    func outcomes() async throws {
        let gate = try registry.register("store")
        #expect(try await gate.track("put") { 1 } == 1)
        await #expect(throws: Broken.self) { try await gate.track("put") { throw Broken() } }
        await #expect(throws: CancellationError.self) { try await gate.track("put") { throw CancellationError() } }
        let work = registry.work(of: gate)
        #expect([work.succeeded, work.failed, work.cancelled, work.abandoned] == [1, 1, 1, 0])
        #expect(work.inFlight == 0)
    }

    @Test("how a call on this thread ended is how the operation ended, and it never waits at the limit")
    func now() throws {
        let gate = try registry.register("store", GateOptions(maxConcurrent: 1))
        #expect(try gate.trackNow("put") { 1 } == 1)
        #expect(throws: Broken.self) { try gate.trackNow("put") { throw Broken() } }
        #expect(throws: CancellationError.self) { try gate.trackNow("put") { throw CancellationError() } }
        try gate.trackNow("put") { () -> Void in
            #expect { try gate.trackNow("put") {} } throws: { ($0 as? WorkRejected)?.reason == .overLimit }
        }
        let work = registry.work(of: gate)
        #expect([work.succeeded, work.failed, work.cancelled, work.abandoned] == [2, 1, 1, 0])
        #expect(work.inFlight == 0)
        registry.setReadOnly([gate])
        #expect(try gate.trackNow("get", access: .read) { 2 } == 2)
        #expect { try gate.trackNow("put") {} } throws: { ($0 as? WorkRejected)?.reason == .readOnly }
    }

    @Test("what a root begins is let in while gates are closed, read-only and full")
    func nested() async throws {
        let store = try registry.register("store", GateOptions(maxConcurrent: 1))
        let reconciler = try registry.register("reconciler")
        try await reconciler.track("reconcile") {
            let last = try store.enter()
            registry.setReadOnly([store])
            try await store.track("put", lineage: .leaf) {}
            registry.close([reconciler, store])
            try await store.track("put", lineage: .leaf) {}
            let permit = try store.enter()
            permit.end()
            await withTaskGroup(of: Void.self) { group in
                group.addTask { #expect(refusal(store) == nil, "child tasks inherit it") }
            }
            last.end()
        }
        #expect(refusal(store) == .draining, "out of the root it is refused")
    }

    @Test("a leaf vouches for nothing")
    func leaf() async throws {
        let store = try registry.register("store")
        let reconciler = try registry.register("reconciler")
        try await reconciler.track("step", lineage: .leaf) {
            registry.close([store])
            #expect(refusal(store) == .draining)
        }
    }

    @Test("lineage does not reach into another registry, and comes back from one")
    func registries() async throws {
        let other = WorkRegistry()
        let ours = try registry.register("ours")
        let theirs = try other.register("theirs")
        registry.close([])
        try await ours.track("request") {
            other.close([theirs])
            #expect(refusal(theirs) == .draining)
            try other.reopen(gates: [theirs])
            try await theirs.track("request") {
                registry.close([ours])
                other.close([theirs])
                #expect(refusal(ours) == nil)
                #expect(refusal(theirs) == nil)
            }
        }
        let permit = try Gate(name: "stranger").enter()
        #expect(refusal(ours, under: permit) == .draining)
        permit.end()
    }

    @Test("after the seal nested work is refused as well")
    func sealed() async throws {
        let store = try registry.register("store")
        let other = try registry.register("other")
        let parent = try other.enter()
        #expect(await registry.drain(gates: [store]) == .drained)
        #expect(refusal(store, under: parent) == .draining)
        parent.end()
        try await other.track("liar") { #expect(refusal(store) == .draining) }
    }
}
