import ObjectStore
import SegmentLog
import Synchronization
import Testing
import WeirSimulation

@testable import Kafka

@Suite("The topic catalog")
struct AdminCatalogTests {
    @Test("topics of one request serve, and have their objects, when it is answered")
    func createMany() throws {
        let node = try AdminNode.started()
        let before = node.disk.changeCount
        let results = try node.run { catalog in
            await catalog.create((0..<50).map { NewTopic(name: "t\($0)", partitionCount: 2) })
        }
        #expect(results.map(\.code).allSatisfy { $0 == 0 })
        // Each topic's object and its status, each partition's object and its folder.
        #expect(node.disk.changeCount - before == 50 * (1 + 1 + 2 * (1 + 1)))
        #expect(node.catalog.snapshot().byName.count == 50)
        node.checkLogs()
        #expect(try node.stored(PartitionObject.kind).count == 100)
    }

    @Test("a restart finds the same topics, with ids, settings and versions")
    func restart() throws {
        let node = try AdminNode.started()
        try node.run { catalog in
            _ = await catalog.create([
                NewTopic(name: "a", partitionCount: 3, configs: [.init(name: "retention.ms", value: "5")]),
                NewTopic(name: "b"), NewTopic(name: "c"),
            ])
            _ = await catalog.createPartitions([NewPartitions(topic: "b", totalCount: 4)])
            _ = await catalog.alterConfigurations([("a", .replace([.init(name: "segment.ms", value: "6")]))])
            _ = await catalog.delete([.name("c")])
        }
        #expect(node.topics.count == 2)
        let again = try AdminNode.started(seed: 2, disk: node.disk)
        #expect(again.topics == node.topics)
        #expect(again.host.takeCalls().sorted() == ["open a 0..<3", "open b 0..<4"])
        again.checkLogs()
    }

    @Test("what failed in a request does not keep the rest from being made")
    func mixedResults() throws {
        let node = try AdminNode.started()
        let results = try node.run { catalog in
            _ = await catalog.create([NewTopic(name: "there")])
            return await catalog.create([
                NewTopic(name: "a"), NewTopic(name: "there"), NewTopic(name: "b/"), NewTopic(name: "c"),
            ])
        }
        #expect(results.map(\.code) == [0, 36, 17, 0])
        #expect(try results[3].get().name == "c")
        node.checkLogs()
    }

    @Test("checking only changes nothing")
    func validateOnly() throws {
        let node = try AdminNode.started()
        try node.run { catalog in _ = await catalog.create([NewTopic(name: "t", partitionCount: 2)]) }
        let before = node.disk.changeCount
        let codes = try node.run { catalog in
            [
                await catalog.create([NewTopic(name: "a"), NewTopic(name: "t")], .validateOnly).map(\.code),
                await catalog.createPartitions([NewPartitions(topic: "t", totalCount: 3)], .validateOnly).map(\.code),
                await catalog.alterConfigurations([("t", .replace([]))], .validateOnly).map(\.code),
            ]
        }
        #expect(codes == [[0, 36], [0], [0]])
        #expect(node.disk.changeCount == before)
        #expect(node.catalog.snapshot()["t"]?.partitionCount == 2)
    }

    @Test("a deleted name is free at once, and a topic made under it is another one")
    func recreate() throws {
        let node = try AdminNode.started()
        let (first, second) = try node.run { catalog in
            let first = try await catalog.create([NewTopic(name: "t", partitionCount: 3)])[0].get()
            let deleted = try await catalog.delete([.name("t")])[0].get()
            #expect(deleted.id == first.id)
            return (first, try await catalog.create([NewTopic(name: "t")])[0].get())
        }
        #expect(first.id != second.id)
        #expect(node.catalog.snapshot()[first.id] == nil)
        #expect(node.catalog.snapshot()[second.id]?.name == "t")
        node.checkLogs()
    }

    @Test("topics are deleted by name or id; what is unknown has Kafka's code")
    func delete() throws {
        let node = try AdminNode.started()
        let codes = try node.run { catalog in
            let topic = try await catalog.create([NewTopic(name: "t"), NewTopic(name: "u")])[0].get()
            return await catalog.delete([
                .id(topic.id), .name("u"), .name("v"), .id(TopicID(high: 9, low: 9)),
            ]).map(\.code)
        }
        #expect(codes == [0, 0, 3, 100])
        node.checkLogs()
    }

    @Test("two requests for one topic make it once")
    func concurrentCreation() throws {
        let node = try AdminNode.started()
        let codes = try node.run { catalog in
            async let one = catalog.create([NewTopic(name: "t", partitionCount: 2)])
            async let two = catalog.create([NewTopic(name: "t", partitionCount: 2)])
            async let three = catalog.autoCreate(["t", "u"])
            return await [one[0].code, two[0].code, three[0].code, three[1].code]
        }
        #expect(codes.sorted() == [0, 0, 0, 36])
        node.checkLogs()
    }

    @Test("asking for a topic makes it with the defaults, once")
    func autoCreate() throws {
        let node = try AdminNode.started(settings: ["num.partitions": "3"])
        let results = try node.run { catalog in
            _ = await catalog.autoCreate(["a"])
            return await catalog.autoCreate(["a", "b", "b", "sp ace"])
        }
        #expect(results.map(\.code) == [0, 0, 0, 17])
        #expect(try results.prefix(3).map { try $0.get().partitionCount } == [3, 3, 3])
        node.checkLogs()
    }

    @Test("a topic whose partitions cannot be made is taken back, the others stay")
    func takenBack() throws {
        let node = try AdminNode.started()
        node.disk.refuse(topic: "bad")
        let results = try node.run { catalog in
            await catalog.create([NewTopic(name: "good"), NewTopic(name: "bad", partitionCount: 2)])
        }
        #expect(results.map(\.code) == [0, 56])
        #expect(node.catalog.snapshot()["bad"] == nil)
        node.checkLogs()
        let again = try AdminNode.started(disk: node.disk)
        #expect(again.topics == node.topics)
    }

    @Test("the topic of coordinators is taken back too where it cannot be made, and later made at once; then it stays")
    func internalTopic() throws {
        let name = InternalTopic.offsets
        let node = try AdminNode.started()
        node.disk.refuse(topic: name)
        #expect(try node.run { catalog in await catalog.autoCreate([name]) }.map(\.code) == [56])
        let left = try node.run { [objects = node.objects] _ in
            await #expect(throws: ObjectError.self) { try await objects.get(TopicObject.key(name)) }
        }
        #expect(left?.reason == .notFound)
        node.disk.allow(topic: name)
        #expect(try node.run { catalog in await catalog.autoCreate([name]) }.map(\.code) == [0])
        let refused = try node.run { [objects = node.objects] _ in
            await #expect(throws: ObjectError.self) {
                try await objects.delete(TopicObject.key(name), DeleteOptions())
            }
        }
        #expect(refused?.reason == .forbidden)
        #expect(node.catalog.snapshot()[name] != nil)
        node.checkLogs()
    }

    @Test("without its objects a data folder is refused, and nothing in it is touched")
    func lostMetadata() throws {
        let node = try AdminNode.started()
        try node.run { catalog in _ = await catalog.create([NewTopic(name: "t", partitionCount: 2)]) }
        node.disk.objects.withLock { $0 = MemoryStorage() }
        let before = node.disk.identities
        #expect(throws: MetadataError.self) { try AdminNode.started(disk: node.disk) }
        #expect(node.disk.identities == before)
    }

    @Test("a start deletes logs that no topic claims and makes those that are missing")
    func repair() throws {
        let node = try AdminNode.started()
        let topic = try node.run { catalog in
            try await catalog.create([NewTopic(name: "t", partitionCount: 5)])[0].get()
        }
        node.disk.state.withLock { state in
            for partition: Int32 in [1, 3] {
                state.batches[LogIdentity(topicID: topic.id, topic: "t", partition: partition)] = nil
            }
            state.batches[LogIdentity(topicID: topic.id, topic: "t", partition: 7)] = []
            state.batches[LogIdentity(topicID: TopicID(high: 5, low: 5), topic: "t", partition: 1)] = []
            state.batches[LogIdentity(topicID: TopicID(high: 5, low: 6), topic: "gone", partition: 0)] = []
        }
        let again = try AdminNode.started(disk: node.disk)
        again.checkLogs()
        #expect(again.topics == node.topics)
        let calls = again.host.takeCalls()
        #expect(calls.prefix(3).sorted() == ["discard gone-0", "discard t-1", "discard t-7"])
        #expect(
            calls.dropFirst(3) == [
                "open t 0..<1", "open t 2..<3", "open t 4..<5", "create t 1..<2", "create t 3..<4",
            ])
    }

    @Test("a power cut at any change leaves topics that were acknowledged, whole, and nothing else")
    func powerCuts() throws {
        // How many changes the whole story has, then one run for a cut at each of them.
        let story = try AdminNode.started()
        _ = try AdminStory.tell(story)
        let changes = story.disk.changeCount
        #expect(changes > 20)
        for cut in 1...changes {
            let disk = MemoryDisk()
            disk.cutPower(at: cut)
            // The first start may be cut as well.
            let node = try? AdminNode.started(disk: disk)
            let acknowledged = try node.map { try AdminStory.tell($0) } ?? []
            disk.cutPower(at: nil)
            let again = try AdminNode.started(seed: 3, disk: disk)
            again.checkLogs("cut at change \(cut)")
            let there = Dictionary(uniqueKeysWithValues: again.catalog.snapshot().byName.map { ($0, $1) })
            for fact in acknowledged { #expect(fact.holds(there), "\(fact) after a cut at change \(cut)") }
            // And it works again.
            let code = try again.run { await $0.create([NewTopic(name: "after")])[0].code }
            #expect(code == 0, "cut at change \(cut)")
        }
    }

    @Test("producer ids are given once, whatever happens in between")
    func producerIDs() throws {
        let disk = MemoryDisk()
        var given: Set<Int64> = []
        for life in 0..<5 {
            let node = try AdminNode.started(seed: UInt64(life), disk: disk)
            let blocks = try node.run { catalog in
                try await withThrowingTaskGroup(of: Range<Int64>.self) { group in
                    for _ in 0..<4 { group.addTask { try await catalog.allocateProducerIDBlock() } }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
            }
            for block in blocks {
                #expect(block.count == 1000)
                #expect(given.isDisjoint(with: block))
                given.formUnion(block)
            }
        }
        #expect(given.count == 20_000)
        let node = try AdminNode.started(disk: disk)
        disk.cutPower(at: 0)
        #expect(throws: (any Error).self) { try node.run { try await $0.allocateProducerIDBlock() } }
    }
}
