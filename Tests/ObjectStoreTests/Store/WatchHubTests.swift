import ObjectStore
import Testing

@Suite("Watches of changes")
struct WatchHubTests {
    private func object(_ name: String, in namespace: String = "default", at version: UInt64) -> Object {
        var object = Fixture.configMap(name, in: namespace)
        object.metadata.resourceVersion = ResourceVersion(version)
        return object
    }

    private func publish(_ hub: WatchHub, _ versions: ClosedRange<UInt64>, in namespace: String = "default") {
        hub.publish(
            versions.map { version in
                WatchHub.Change(
                    object: object("o\(version)", in: namespace, at: version), previous: nil,
                    version: ResourceVersion(version))
            })
    }

    private func versions(_ stream: WatchStream, count: Int) async throws -> [UInt64] {
        var versions: [UInt64] = []
        while versions.count < count, let events = try await stream.nextBatch() {
            versions += events.map(\.resourceVersion.value)
        }
        return versions
    }

    @Test("a watcher whose queue is full reads on in the history, and misses and doubles nothing")
    func overflow() async throws {
        let hub = WatchHub(after: .zero, historyMax: 1_000, queueMax: 4)
        let stream = try hub.watch(WatchQuery(ObjectSelection()), after: .zero)
        publish(hub, 1...3)
        publish(hub, 4...900)
        #expect(try await versions(stream, count: 900) == Array(1...900))
        publish(hub, 901...902)
        #expect(try await versions(stream, count: 2) == [901, 902])
    }

    @Test("a watcher that the history has moved past is ended, after what was queued for it")
    func expiry() async throws {
        let hub = WatchHub(after: .zero, historyMax: 16, queueMax: 4)
        let stream = try hub.watch(WatchQuery(ObjectSelection()), after: .zero)
        publish(hub, 1...100)
        #expect(try await versions(stream, count: 4) == [1, 2, 3, 4])
        let error = await #expect(throws: ObjectError.self) { try await stream.nextBatch() }
        #expect(error?.reason == .expired)
        #expect(try await stream.nextBatch() == nil)
    }

    @Test("a watcher of little falls behind only by what it selects")
    func quietWatcher() async throws {
        let hub = WatchHub(after: .zero, historyMax: 16, queueMax: 4)
        let stream = try hub.watch(WatchQuery(ObjectSelection(namespace: "quiet")), after: .zero)
        publish(hub, 1...1_000)
        publish(hub, 1_001...1_002, in: "quiet")
        #expect(try await versions(stream, count: 2) == [1_001, 1_002])
    }

    @Test("a watch may begin at a version that is still to come")
    func future() async throws {
        let hub = WatchHub(after: ResourceVersion(10))
        let stream = try hub.watch(WatchQuery(ObjectSelection()), after: ResourceVersion(13))
        publish(hub, 11...15)
        #expect(try await versions(stream, count: 2) == [14, 15])
    }

    @Test("a watch from before the history is refused")
    func tooOld() throws {
        let hub = WatchHub(after: ResourceVersion(10), historyMax: 4)
        let error = #expect(throws: ObjectError.self) {
            try hub.watch(WatchQuery(ObjectSelection()), after: ResourceVersion(9))
        }
        #expect(error?.reason == .expired)
        publish(hub, 11...20)
        #expect(throws: ObjectError.self) { try hub.watch(WatchQuery(ObjectSelection()), after: ResourceVersion(15)) }
        _ = try hub.watch(WatchQuery(ObjectSelection()), after: ResourceVersion(16))
    }

    @Test("changes that were not published end the watches that are before them")
    func skip() async throws {
        let hub = WatchHub(after: .zero)
        let stream = try hub.watch(WatchQuery(ObjectSelection()), after: .zero)
        publish(hub, 1...2)
        hub.skip(to: ResourceVersion(10))
        #expect(try await versions(stream, count: 2) == [1, 2])
        let error = await #expect(throws: ObjectError.self) { try await stream.nextBatch() }
        #expect(error?.reason == .expired)
        let later = try hub.watch(WatchQuery(ObjectSelection()), after: ResourceVersion(10))
        publish(hub, 11...11)
        #expect(try await versions(later, count: 1) == [11])
    }

    @Test("a watcher that waits is woken by a change, by the close, and by its cancellation")
    func waking() async throws {
        let hub = WatchHub(after: .zero)
        let streams = try (0..<3).map { _ in try hub.watch(WatchQuery(ObjectSelection()), after: .zero) }
        let waiters = streams.map { stream in Task { try await stream.nextBatch()?.count } }
        streams[2].cancel()
        #expect(try await waiters[2].value == nil)
        publish(hub, 1...1)
        #expect(try await waiters[0].value == 1)
        #expect(try await waiters[1].value == 1)
        let last = Task { try await streams[0].nextBatch()?.count }
        hub.close()
        #expect(try await last.value == nil)
        #expect(throws: ObjectError.self) { try hub.watch(WatchQuery(ObjectSelection()), after: .zero) }
    }

    @Test("watchers that come and go leave nothing behind")
    func noLeak() throws {
        weak var weakHub: WatchHub?
        do {
            let hub = WatchHub(after: .zero)
            weakHub = hub
            for number in 0..<100 {
                let stream = try hub.watch(
                    WatchQuery(ObjectSelection(namespace: "n\(number)"), sendsBookmarks: true), after: .zero)
                publish(hub, UInt64(number + 1)...UInt64(number + 1), in: "n\(number)")
                if number % 2 == 0 { stream.cancel() }
            }
        }
        #expect(weakHub == nil)
    }
}
