import ObjectStore
import Reconciling
import Testing
import WeirRuntime
import WeirSimulation

@Suite("The sources of a reconciler", .timeLimit(.minutes(1)))
struct SourceTests {
    private func reference(to owner: Widget, isController: Bool?) -> OwnerReference {
        OwnerReference(
            apiVersion: "example.com/v1", kind: "Widget", name: owner.metadata.name, uid: owner.metadata.uid,
            controller: isController)
    }

    @Test("an owned object's changes bring its controller, and no other owner")
    func owned() async throws {
        let fixture = try Fixture()
        let journal = fixture.journal
        try fixture.runtime.reconcile(Widget.self, .owns(Gadget.self)) { request in journal.note(request.name) }
        try await fixture.runtime.start()
        let manager = try await fixture.client.create(Widget("manager"))
        let sponsor = try await fixture.client.create(Widget("sponsor"))
        await journal.wait { Set($0) == ["manager", "sponsor"] }
        var gadget = Gadget("g")
        gadget.metadata.ownerReferences = [
            reference(to: sponsor, isController: nil), reference(to: manager, isController: true),
        ]
        try await fixture.client.create(gadget)
        await journal.wait(for: "manager", count: 2)
        try await fixture.client.update(Gadget.self, "g") { $0.spec.widget = "x" }
        await journal.wait(for: "manager", count: 3)
        try await fixture.client.delete(Gadget.self, "g")
        await journal.wait(for: "manager", count: 4)
        #expect(journal.count(of: "sponsor") == 1)
        _ = await fixture.runtime.shutdown()
    }

    @Test("another kind's changes bring the keys that its old and its new form map to")
    func mapped() async throws {
        let fixture = try Fixture()
        let journal = fixture.journal
        try fixture.runtime.reconcile(
            Widget.self, .watches(Gadget.self, when: .generationChanged) { [Widget.key($0.spec.widget)] }
        ) { request in
            journal.note("\(request.name) \(request.object == nil ? "gone" : "there")")
        }
        try await fixture.runtime.start()
        try await fixture.client.create(Gadget("g", widget: "first"))
        await journal.wait(for: "first gone")
        try await fixture.client.update(Gadget.self, "g") { $0.metadata.labels = ["a": "b"] }
        try await fixture.client.update(Gadget.self, "g") { $0.spec.widget = "second" }
        await journal.wait { $0.count == 3 }
        #expect(journal.entries.sorted() == ["first gone", "first gone", "second gone"])
        _ = await fixture.runtime.shutdown()
    }

    @Test("only changes that the predicate lets through bring a key")
    func predicate() async throws {
        let fixture = try Fixture()
        let journal = fixture.journal
        try fixture.runtime.reconcile(
            Widget.self, .when(.generationChanged), .when(.labels(LabelSelector(["mine": "yes"])))
        ) { request in
            journal.note("\(request.name) \(request.object?.spec.size ?? -1)")
        }
        try await fixture.runtime.start()
        try await fixture.client.create(Widget("a", size: 1, labels: ["mine": "yes"]))
        try await fixture.client.create(Widget("b", size: 1))
        await journal.wait(for: "a 1")
        try await fixture.client.updateStatus(Widget.self, "a") { $0.status = .init(size: 1) }
        try await fixture.client.update(Widget.self, "a") { $0.metadata.annotations = ["a": "b"] }
        try await fixture.client.update(Widget.self, "a") { $0.spec.size = 2 }
        await journal.wait(for: "a 2")
        #expect(journal.entries == ["a 1", "a 2"])
        _ = await fixture.runtime.shutdown()
    }

    @Test("a key that is enqueued by hand is reconciled, before the start too, one of another kind is refused")
    func enqueued() async throws {
        let fixture = try Fixture()
        let journal = fixture.journal
        let handle = try fixture.runtime.reconcile(Widget.self) { request in journal.note(request.name) }
        handle.enqueue(Widget.key("early"))
        try await fixture.runtime.start()
        await journal.wait(for: "early")
        handle.enqueue(ObjectKey(Gadget.definition.kind, namespace: "default", name: "g"))
        handle.enqueue(Widget.key("late"))
        await journal.wait(for: "late")
        _ = await fixture.runtime.shutdown()
        #expect(journal.entries == ["early", "late"])
        #expect(fixture.errors.count == 1 && fixture.errors[0].contains("another kind"))
    }

    @Test("an object that does not decode is an error, and does not look as if it were gone")
    func unreadable() async throws {
        let fixture = try Fixture()
        let journal = fixture.journal
        try fixture.runtime.reconcile(Widget.self) { request in
            journal.note("\(request.object?.spec.size.description ?? "gone")")
        }
        try await fixture.client.create(Widget("a", size: 1))
        try await fixture.runtime.start()
        await journal.wait(for: "1")
        var object = try await fixture.client.objects.get(Widget.key("a"))
        object.spec = ["size": "large"]
        object = try await fixture.client.objects.update(object, .main)
        await fixture.log.wait { $0.contains { $0.contains("it cannot be read as Widget") } }
        object.spec = ["size": 3]
        _ = try await fixture.client.objects.update(object, .main)
        await journal.wait(for: "3")
        #expect(journal.entries == ["1", "3"])
        _ = await fixture.runtime.shutdown()
    }

    @Test("a source that does not list in time fails the start, which says which one it is")
    func syncTimeout() async throws {
        let fixture = try Fixture(StuckStorage(stuck: Gadget.definition.kind))
        try await fixture.runtime.start()
        let handle = try fixture.runtime.reconcile(
            Widget.self, .owns(Gadget.self), .syncTimeout(.seconds(30))
        ) { _ in }
        await fixture.log.wait { $0.contains { $0.hasSuffix("in step with Widget.example.com") } }
        // The tick of the ages in the work table, and the limit.
        await fixture.clock.sleepers(atLeast: 2)
        fixture.clock.advance(by: .seconds(30))
        await #expect { try await handle.started() } throws: {
            "\($0)" == "reconcile/widget: no list of Gadget.example.com (owned) within 30.0 seconds; "
                + "does the store answer, and does it know the kind?"
        }
        #expect(!fixture.runtime.snapshot().components.contains { $0.name == "reconcile/widget" })
        _ = await fixture.runtime.shutdown()
    }

    @Test("ready predicates look at updates only, and combine")
    func predicates() {
        var (old, new) = (Widget("a"), Widget("a"))
        (old.metadata.generation, new.metadata.generation) = (1, 1)
        new.metadata.labels = ["a": "b"]
        let update = ObjectChange(old: old, new: new)
        typealias Predicate = ChangePredicate<Widget>
        let kept: [Predicate] = [
            .labelsChanged, .generationChanged || .labelsChanged, !.generationChanged,
            .labelsChanged && !.annotationsChanged, .labels(LabelSelector(["a": "b"])), .everything,
            Predicate { $0.update?.new.spec.size == 0 },
        ]
        let dropped: [Predicate] = [
            .generationChanged, .annotationsChanged, .resourceVersionChanged, !.labelsChanged,
            .generationChanged && .labelsChanged, .labels(LabelSelector(["a": "c"])),
        ]
        #expect(kept.map { $0.matches(update) } == kept.map { _ in true })
        #expect(dropped.map { $0.matches(update) } == dropped.map { _ in false })
        let unlabelled = ObjectChange(old: new, new: old)
        #expect(Predicate.labels(LabelSelector(["a": "b"])).matches(unlabelled))
        for predicate in [Predicate.generationChanged, .labelsChanged, .annotationsChanged, .resourceVersionChanged] {
            #expect(predicate.matches(ObjectChange(old: nil, new: new)))
            #expect(predicate.matches(ObjectChange(old: new, new: nil)))
        }
        new.metadata.deletionTimestamp = Timestamp(secondsSince1970: 1)
        #expect(Predicate.generationChanged.matches(ObjectChange(old: old, new: new)))
    }
}
