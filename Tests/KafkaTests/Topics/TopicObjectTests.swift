import KafkaWire
import ObjectStore
import SegmentLog
import Synchronization
import Testing
import WeirRuntime
import WeirSimulation

@testable import Kafka

@Suite("Topics as objects")
struct TopicObjectTests {
    private func topic(_ name: String, _ spec: JSONValue = [:]) -> Object {
        Object(
            apiVersion: "weir/v1", kind: "Topic", metadata: ObjectMetadata(name: name, namespace: "default"),
            content: ["spec": spec])
    }

    /// Writes an object as anybody may, and lets everything happen that follows without waiting.
    @discardableResult
    private func write<Value: Sendable>(
        _ node: AdminNode, _ body: @escaping @Sendable (ObjectStore) async throws -> Value
    ) throws -> Value {
        let value = try node.run { [objects = node.objects] _ in try await body(objects) }
        node.settle()
        return value
    }

    @Test("an object makes a topic: partitions, their objects, and a status")
    func create() throws {
        let node = try AdminNode.started()
        let object = topic("t", ["partitions": 3, "config": ["retention.ms": "5"]])
        let made = try write(node) { try await $0.create(object) }
        let served = try #require(node.catalog.snapshot()["t"])
        #expect(served.id.uid == made.metadata.uid)
        #expect(served.partitionCount == 3)
        #expect(served.configuration.overrides == ["retention.ms": "5"])
        node.checkLogs()
        let stored = try #require(try node.stored(TopicObject.kind)["t"])
        #expect(stored.status == ["phase": "Ready", "partitions": 3, "observedGeneration": 1])
        let partitions = try node.stored(PartitionObject.kind)
        #expect(partitions.keys.sorted() == ["t-0", "t-1", "t-2"])
        let second = try #require(partitions["t-1"])
        #expect(second.spec == ["topic": "t", "partition": 1, "replicas": [1]])
        #expect(second.metadata.ownerReferences.first?.uid == made.metadata.uid)
        #expect(second.metadata.ownerReferences.first?.controller == true)
    }

    @Test("a changed object changes the topic")
    func change() throws {
        let node = try AdminNode.started()
        try node.run { catalog in _ = await catalog.create([NewTopic(name: "t", partitionCount: 2)]) }
        _ = node.host.takeCalls()
        try write(node) {
            try await $0.patch(
                TopicObject.key("t"), .merge(["spec": ["partitions": 4, "config": ["retention.ms": "5"]]]), .main)
        }
        #expect(node.host.takeCalls() == ["create t 2..<4", "apply t"])
        #expect(node.catalog.snapshot()["t"]?.partitionCount == 4)
        #expect(node.catalog.snapshot()["t"]?.configuration.overrides == ["retention.ms": "5"])
        #expect(try node.stored(PartitionObject.kind).count == 4)
        #expect(
            try node.stored(TopicObject.kind)["t"]?.status
                == ["phase": "Ready", "partitions": 4, "observedGeneration": 2])
        node.checkLogs()
        // A client's change knows of it.
        let codes = try node.run { catalog in
            await catalog.alterConfigurations([("t", .apply([.init(name: "segment.ms", kind: .set, value: "7")]))])
                .map(\.code)
        }
        #expect(codes == [0])
        #expect(
            node.catalog.snapshot()["t"]?.configuration.overrides == ["retention.ms": "5", "segment.ms": "7"])
    }

    @Test("a partition's object that is deleted or changed comes back as it was")
    func partitionObjects() throws {
        let node = try AdminNode.started()
        try node.run { catalog in _ = await catalog.create([NewTopic(name: "t", partitionCount: 2)]) }
        let before = try node.stored(PartitionObject.kind).mapValues(\.spec)
        try write(node) { try await $0.delete(PartitionObject.key("t", 1), DeleteOptions()) }
        #expect(try node.stored(PartitionObject.kind).mapValues(\.spec) == before)
        try write(node) {
            try await $0.patch(PartitionObject.key("t", 0), .merge(["spec": ["replicas": [7]]]), .main)
        }
        #expect(try node.stored(PartitionObject.kind).mapValues(\.spec) == before)
        node.checkLogs()
    }

    @Test("a deleted object deletes the topic, and its name is free")
    func delete() throws {
        let node = try AdminNode.started()
        try node.run { catalog in _ = await catalog.create([NewTopic(name: "t", partitionCount: 2)]) }
        try write(node) { try await $0.delete(TopicObject.key("t"), DeleteOptions()) }
        #expect(node.catalog.snapshot()["t"] == nil)
        #expect(node.disk.identities.isEmpty)
        #expect(try node.stored(TopicObject.kind).isEmpty)
        #expect(try node.stored(PartitionObject.kind).isEmpty)
        #expect(try node.run { await $0.create([NewTopic(name: "t")])[0].code } == 0)
        node.checkLogs()
        #expect(node.reconciler.progress.followerCount == 0)
    }

    @Test("an object whose finalizer was taken away goes at once, and its records after it")
    func forced() throws {
        let node = try AdminNode.started()
        try node.run { catalog in _ = await catalog.create([NewTopic(name: "t", partitionCount: 2)]) }
        try write(node) { objects in
            _ = try await objects.patch(TopicObject.key("t"), .merge(["metadata": ["finalizers": nil]]), .main)
            return try await objects.delete(TopicObject.key("t"), DeleteOptions())
        }
        #expect(node.catalog.snapshot()["t"] == nil)
        #expect(node.disk.identities.isEmpty)
        #expect(try node.stored(PartitionObject.kind).isEmpty)
    }

    @Test("an object whose partitions cannot be made says so, and serves when they can")
    func failed() throws {
        let node = try AdminNode.started()
        node.disk.refuse(topic: "t")
        try write(node) { [object = topic("t")] in try await $0.create(object) }
        let status = try #require(try node.stored(TopicObject.kind)["t"]?.status)
        #expect(status["phase"] == "Failed")
        #expect(status["message"]?.stringValue?.contains("no room for t-0") == true)
        #expect(node.catalog.snapshot()["t"] == nil)
        // A client is told that the name is taken, and may take the topic away.
        #expect(try node.run { await $0.create([NewTopic(name: "t")])[0].code } == 36)
        node.disk.allow(topic: "t")
        node.simulator.run(for: .seconds(5))
        #expect(try node.stored(TopicObject.kind)["t"]?.status?["phase"] == "Ready")
        #expect(node.catalog.snapshot()["t"]?.partitionCount == 1)
        node.checkLogs()
    }

    @Test("what a client cannot have made leaves no object")
    func takenBack() throws {
        let node = try AdminNode.started()
        node.disk.refuse(topic: "t")
        #expect(try node.run { await $0.create([NewTopic(name: "t", partitionCount: 2)])[0].code } == 56)
        #expect(try node.stored(TopicObject.kind).isEmpty)
        #expect(try node.stored(PartitionObject.kind).isEmpty)
        #expect(try node.run { await $0.delete([.name("t")])[0].code } == 3)
        #expect(node.reconciler.progress.followerCount == 0)
    }

    @Test("of two names that metric systems cannot tell apart the first serves, the other one when it is gone")
    func collision() throws {
        let node = try AdminNode.started()
        let objects = [topic("a.b"), topic("a_b")]
        // Both before either is served: no rule of the store sees it.
        try write(node) { store in for object in objects { _ = try await store.create(object) } }
        #expect(node.catalog.snapshot().byName.keys.sorted() == ["a.b"])
        let status = try node.stored(TopicObject.kind)["a_b"]?.status
        #expect(status?["message"] == "Topic 'a_b' collides with existing topic: a.b")
        #expect(try node.run { await $0.delete([.name("a.b")])[0].code } == 0)
        // At once, not when its back-off is over.
        node.settle()
        #expect(node.catalog.snapshot().byName.keys.sorted() == ["a_b"])
        node.checkLogs()
    }

    @Test("a topic of an earlier version's format is opened, and completed")
    func earlierFormat() throws {
        let disk = MemoryDisk()
        let id = TopicID(high: 0x4f3c_0000_0000_4000, low: 0x8000_0000_0000_0001)
        var old = topic("t", ["partitions": 2, "replicationFactor": 1, "config": ["retention.ms": "5"]])
        old.metadata.uid = id.uid
        old.metadata.generation = 3
        old.metadata.creationTimestamp = Timestamp(secondsSince1970: 1_700_000_000)
        old.status = [:]
        let storage = disk.objects.withLock { $0 }
        let simulator = Simulator(seed: 1)
        let loop = simulator.makeLoop()
        try simulator.run(on: loop) { [old] in _ = try await storage.create(old) }
        disk.state.withLock { state in
            for partition: Int32 in 0..<2 {
                state.batches[LogIdentity(topicID: id, topic: "t", partition: partition)] = []
            }
        }
        let node = try AdminNode.started(disk: disk)
        #expect(node.host.takeCalls() == ["open t 0..<2"])
        let served = try #require(node.catalog.snapshot()["t"])
        #expect(served.id == id)
        #expect(served.generation == 3)
        let stored = try #require(try node.stored(TopicObject.kind)["t"])
        #expect(stored.metadata.finalizers == ["weir/topic"])
        #expect(stored.metadata.generation == 3)
        #expect(stored.status == ["phase": "Ready", "partitions": 2, "observedGeneration": 3])
        #expect(try node.stored(PartitionObject.kind).keys.sorted() == ["t-0", "t-1"])
    }

    @Test("a start with everything as it should be writes nothing")
    func quietStart() throws {
        let node = try AdminNode.started()
        try node.run { catalog in
            _ = await catalog.create((0..<20).map { NewTopic(name: "t\($0)", partitionCount: 5) })
        }
        node.settle()
        let before = node.disk.changeCount
        let again = try AdminNode.started(disk: node.disk)
        again.settle()
        #expect(again.catalog.snapshot().byName.count == 20)
        #expect(node.disk.changeCount == before)
    }

    @Test("a deletion that a crash interrupted is finished by the next start")
    func interruptedDeletion() throws {
        let node = try AdminNode.started()
        try node.run { catalog in _ = await catalog.create([NewTopic(name: "t", partitionCount: 2)]) }
        node.stopReconciling()
        try write(node) { try await $0.delete(TopicObject.key("t"), DeleteOptions()) }
        #expect(node.disk.identities.count == 2)
        let again = try AdminNode.started(disk: node.disk)
        #expect(again.catalog.snapshot()["t"] == nil)
        #expect(again.disk.identities.isEmpty)
        #expect(try again.stored(TopicObject.kind).isEmpty)
        #expect(!again.host.takeCalls().contains("open t 0..<2"))
    }

    @Test("a request waits no longer than it wants to, and what it asked for is done later")
    func timeouts() throws {
        let node = try AdminNode.started()
        try node.run { catalog in _ = await catalog.create([NewTopic(name: "there")]) }
        node.stopReconciling()
        let start = node.simulator.clock.now
        let codes = try node.run { catalog in
            async let made = catalog.create([NewTopic(name: "t")], timeout: .seconds(3))
            async let grown = catalog.createPartitions(
                [NewPartitions(topic: "there", totalCount: 2)], timeout: .seconds(4))
            return await [made[0].code, grown[0].code]
        }
        #expect(codes == [7, 7])
        #expect(node.simulator.clock.now - start == .seconds(4))
        #expect(node.reconciler.progress.followerCount == 0)
        node.startReconciling()
        #expect(node.catalog.snapshot()["t"] != nil)
        #expect(node.catalog.snapshot()["there"]?.partitionCount == 2)
        node.checkLogs()
    }

    @Test("a topic is made under a name whose old topic is on its way out")
    func createWhileDeleting() throws {
        let node = try AdminNode.started()
        let first = try node.run { try await $0.create([NewTopic(name: "t", partitionCount: 2)])[0].get().id }
        let (deleted, made) = try node.run { [objects = node.objects, clock = node.simulator.clock] catalog in
            _ = try await objects.delete(TopicObject.key("t"), DeleteOptions())
            async let deleted = catalog.delete([.name("t")])
            // Still shown, or already on its way out: both are answered as they are.
            var made = await catalog.create([NewTopic(name: "t")])[0]
            while case .failure(let error) = made, error.code == .topicAlreadyExists {
                try await clock.sleep(for: .milliseconds(1))
                made = await catalog.create([NewTopic(name: "t")])[0]
            }
            return await (deleted[0].code, try made.get())
        }
        #expect(deleted == 0 || deleted == 3)
        #expect(made.id != first)
        node.checkLogs()
    }

    @Test("uids of topics are what Kafka takes for ids")
    func ids() throws {
        let node = try AdminNode.started()
        let topics = try node.run { catalog in
            await catalog.create((0..<200).map { NewTopic(name: "t\($0)") }).map { try? $0.get() }
        }
        #expect(topics.allSatisfy { $0.map { TopicID(uid: $0.id.uid) == $0.id } == true })
        #expect(Set(topics.map { $0?.id }).count == 200)
    }
}
