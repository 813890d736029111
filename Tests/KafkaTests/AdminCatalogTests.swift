import NIOCore
import SegmentLog
import Synchronization
import Testing
import WeirSimulation

@testable import Kafka

@Suite("The topic catalog")
struct AdminCatalogTests {
    @Test("topics of one request are one commit, and serve when it is answered")
    func createMany() throws {
        let node = try AdminNode.started()
        let before = node.storage.changeCount
        let results = try node.run { catalog in
            await catalog.create((0..<50).map { NewTopic(name: "t\($0)", partitionCount: 2) })
        }
        #expect(results.map(\.code).allSatisfy { $0 == 0 })
        // One append to the metadata log; the others are the partitions' own folders.
        #expect(node.storage.changeCount - before == 1 + 100)
        #expect(node.catalog.snapshot().byName.count == 50)
        node.checkLogs()
        let metadata = node.storage.state.withLock { $0.batches[MetadataLog.identity] }
        #expect(metadata?.count == 1)
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
        let again = try AdminNode.started(seed: 2, storage: node.storage)
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
        let before = node.storage.changeCount
        let codes = try node.run { catalog in
            [
                await catalog.create([NewTopic(name: "a"), NewTopic(name: "t")], .validateOnly).map(\.code),
                await catalog.createPartitions([NewPartitions(topic: "t", totalCount: 3)], .validateOnly).map(\.code),
                await catalog.alterConfigurations([("t", .replace([]))], .validateOnly).map(\.code),
            ]
        }
        #expect(codes == [[0, 36], [0], [0]])
        #expect(node.storage.changeCount == before)
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
        node.storage.refuse(topic: "bad")
        let results = try node.run { catalog in
            await catalog.create([NewTopic(name: "good"), NewTopic(name: "bad", partitionCount: 2)])
        }
        #expect(results.map(\.code) == [0, 56])
        #expect(node.catalog.snapshot()["bad"] == nil)
        node.checkLogs()
        let again = try AdminNode.started(storage: node.storage)
        #expect(again.topics == node.topics)
    }

    @Test("without its metadata log a data folder is refused, and nothing in it is touched")
    func lostMetadata() throws {
        let node = try AdminNode.started()
        try node.run { catalog in _ = await catalog.create([NewTopic(name: "t", partitionCount: 2)]) }
        node.storage.state.withLock { $0.batches[MetadataLog.identity] = nil }
        let before = node.storage.identities
        #expect(throws: MetadataError.self) { try AdminNode.started(storage: node.storage) }
        #expect(node.storage.identities == before)
    }

    @Test("a start deletes logs that no topic claims and makes those that are missing")
    func repair() throws {
        let node = try AdminNode.started()
        let topic = try node.run { catalog in
            try await catalog.create([NewTopic(name: "t", partitionCount: 5)])[0].get()
        }
        node.storage.state.withLock { state in
            for partition: Int32 in [1, 3] {
                state.batches[LogIdentity(topicID: topic.id, topic: "t", partition: partition)] = nil
            }
            state.batches[LogIdentity(topicID: topic.id, topic: "t", partition: 7)] = []
            state.batches[LogIdentity(topicID: TopicID(high: 5, low: 5), topic: "t", partition: 1)] = []
            state.batches[LogIdentity(topicID: TopicID(high: 5, low: 6), topic: "gone", partition: 0)] = []
        }
        let again = try AdminNode.started(storage: node.storage)
        again.checkLogs()
        #expect(again.topics == node.topics)
        #expect(
            again.host.takeCalls() == [
                "open t 0..<1", "open t 2..<3", "open t 4..<5", "create t 1..<2", "create t 3..<4",
            ])
    }

    @Test("a power cut at any change leaves topics that were acknowledged, whole, and nothing else")
    func powerCuts() throws {
        // How many changes the whole story has, then one run for a cut at each of them.
        let story = try AdminNode.started()
        _ = try AdminStory.tell(story)
        let changes = story.storage.changeCount
        #expect(changes > 20)
        for cut in 1...changes {
            let storage = MemoryStorage()
            storage.cutPower(at: cut)
            let node = try AdminNode(storage: storage)
            // The first start may be cut as well.
            let acknowledged = (try? node.run { try await $0.load() }) == nil ? [] : try AdminStory.tell(node)
            storage.cutPower(at: nil)
            let again = try AdminNode.started(seed: 3, storage: storage)
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
        let storage = MemoryStorage()
        var given: Set<Int64> = []
        for life in 0..<5 {
            let node = try AdminNode.started(seed: UInt64(life), storage: storage)
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
        storage.cutPower(at: 0)
        let node = try AdminNode.started(storage: storage)
        #expect(throws: (any Error).self) { try node.run { try await $0.allocateProducerIDBlock() } }
    }

    @Test("the metadata log holds JSON objects by key, and a deletion as no value")
    func format() throws {
        let node = try AdminNode.started()
        try node.run { catalog in
            _ = await catalog.create([NewTopic(name: "t", configs: [.init(name: "retention.ms", value: "5")])])
            _ = try await catalog.allocateProducerIDBlock()
            _ = await catalog.delete([.name("t")])
        }
        let batches = node.storage.state.withLock { $0.batches[MetadataLog.identity] ?? [] }
        let records = try batches.flatMap { try MetadataRecord.decode($0) }
        #expect(records.map(\.key) == ["Topic/default/t", "ProducerIDBlock/default/last", "Topic/default/t"])
        #expect(records.map(\.offset) == [0, 1, 2])
        #expect(records[2].value == nil)
        let object = try TopicObject.read(try #require(records[0].value))
        let json = String(decoding: try #require(records[0].value), as: UTF8.self)
        #expect(
            json == """
                {"apiVersion":"weir/v1","kind":"Topic","metadata":{"creationTimestamp":"2023-11-14T22:13:20Z",\
                "generation":1,"name":"t","namespace":"default","uid":"\(object.metadata.uid)"},\
                "spec":{"config":{"retention.ms":"5"},"partitions":1,"replicationFactor":1},"status":{}}
                """)
    }
}
