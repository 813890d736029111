import KafkaWire
import NIOCore
import SegmentLog
import Testing
import WeirRuntime
import WeirSimulation

@testable import Kafka

@Suite("fetch sessions") struct FetchSessionTests {
    private func write(_ node: SimulatedBroker, _ partition: Int32, _ value: String = "x") throws {
        let client = try node.connect()
        _ = try client.ask(produce(batch([value]), to: "orders", partition), version: 9)
    }

    @Test("the first response has every partition, later ones those with news", arguments: [Int16(7), 12, 13, 18])
    func news(version: Int16) throws {
        let node = try SimulatedBroker(topics: ["orders:3"])
        let consumer = try FetchingClient(node, "orders", version: version, usesSessions: true)
        consumer.positions = [0: 0, 1: 0, 2: 0]
        try consumer.fetch()
        #expect(consumer.sessionID != 0 && consumer.partitionsTold == 3)
        try consumer.fetch()
        #expect(consumer.partitionsTold == 0)
        try write(node, 1, "a")
        try consumer.fetch()
        #expect(consumer.partitionsTold == 1 && consumer.values == [0: [], 1: ["0 a"], 2: []])
        #expect(consumer.request().topics[0].partitions.map(\.partition) == [1])
        try consumer.fetch()
        #expect(consumer.partitionsTold == 0 && consumer.values[1] == ["0 a"])
    }

    @Test("a log start that moved is news, and so is a last stable offset")
    func movedOffsets() throws {
        let node = try SimulatedBroker(topics: ["orders:2"])
        for partition in Int32(0)..<2 { try write(node, partition) }
        try node.withLog("orders", 1) { $0.openTransactionOffset = 0 }
        let consumer = try FetchingClient(node, "orders", version: 13, usesSessions: true, isolation: 1)
        consumer.positions = [0: 1, 1: 0]
        try consumer.fetch()
        try consumer.fetch()
        #expect(consumer.partitionsTold == 0)
        try node.withLog("orders", 0) { $0.logStartOffset = 1 }
        try consumer.fetch()
        #expect(consumer.partitionsTold == 1 && consumer.told[0]?.logStartOffset == 1)
        try node.withLog("orders", 1) { $0.openTransactionOffset = nil }
        try consumer.fetch()
        #expect(consumer.told[1]?.lastStableOffset == 1 && consumer.values[1] == ["0 x"])
    }

    @Test("an error is told with each fetch, and its end once")
    func errors() throws {
        let node = try SimulatedBroker(topics: ["orders:2"])
        let consumer = try FetchingClient(node, "orders", version: 13, usesSessions: true)
        consumer.positions = [0: 0, 1: 0, 7: 0]
        for _ in 0..<2 {
            try consumer.fetch()
            #expect(consumer.told[7]?.error == .unknownTopicOrPartition)
        }
        #expect(consumer.partitionsTold == 1)
        try node.withLog("orders") { $0.leadership.isLocal = false }
        try consumer.fetch()
        #expect(consumer.told[0]?.error == .notLeaderOrFollower && consumer.partitionsTold == 2)
        try node.withLog("orders") { $0.leadership.isLocal = true }
        try consumer.fetch()
        #expect(consumer.told[0]?.error == ErrorCode.none && consumer.partitionsTold == 2)
        try consumer.fetch()
        #expect(consumer.partitionsTold == 1)
    }

    @Test("what is forgotten is read no longer, and may come back")
    func forgetting() throws {
        let node = try SimulatedBroker(topics: ["orders:3"])
        let consumer = try FetchingClient(node, "orders", version: 13, usesSessions: true)
        consumer.positions = [0: 0, 1: 0, 2: 0]
        try consumer.fetch()
        consumer.positions[1] = nil
        try write(node, 1, "b")
        try write(node, 2, "c")
        try consumer.fetch()
        #expect(consumer.values == [0: [], 1: [], 2: ["0 c"]])
        consumer.positions[1] = 0
        try consumer.fetch()
        #expect(consumer.values[1] == ["0 b"] && consumer.partitionsTold == 1)
        consumer.positions = [:]
        try consumer.fetch()
        #expect(consumer.sessionID == 0, "a session without partitions ends")
    }

    @Test("an id that nobody has, an epoch that is not the next one, and names in a session of ids are refused")
    func refusals() throws {
        let node = try SimulatedBroker(topics: ["orders"])
        let consumer = try FetchingClient(node, "orders", version: 13, usesSessions: true)
        consumer.positions = [0: 0]
        try consumer.fetch()
        var request = consumer.request()
        request.sessionEpoch = 2
        #expect(try consumer.client.ask(request, version: 13)?.errorCode == .invalidFetchSessionEpoch)
        request.sessionEpoch = 1
        #expect(try consumer.client.ask(request, version: 12)?.errorCode == .fetchSessionTopicIdError)
        request.sessionId += 1
        #expect(try consumer.client.ask(request, version: 13)?.errorCode == .fetchSessionIdNotFound)
        #expect(try consumer.fetch() == .none, "what was refused does not end the session")
        #expect(try consumer.fetch() == .none)
    }

    @Test("a full fetch ends the session that it names; with the last epoch it begins none")
    func ends() throws {
        let node = try SimulatedBroker(topics: ["orders"])
        let consumer = try FetchingClient(node, "orders", version: 13, usesSessions: true)
        consumer.positions = [0: 0]
        try consumer.fetch()
        let first = consumer.sessionID
        consumer.startOver()
        try consumer.fetch()
        #expect(consumer.sessionID != first && consumer.sessionID != 0)
        var old = consumer.request()
        old.sessionId = first
        old.sessionEpoch = 1
        #expect(try consumer.client.ask(old, version: 13)?.errorCode == .fetchSessionIdNotFound)
        var last = consumer.request()
        last.sessionEpoch = -1
        #expect(try consumer.client.ask(last, version: 13)?.sessionId == 0)
        #expect(try consumer.fetch() == .fetchSessionIdNotFound)
    }

    @Test("a session goes on over another connection, also of another loop")
    func otherConnection() throws {
        let node = try SimulatedBroker(loopCount: 3, topics: ["orders:4"])
        let consumer = try FetchingClient(node, "orders", version: 13, usesSessions: true)
        consumer.positions = [0: 0, 1: 0, 2: 0, 3: 0]
        try consumer.fetch()
        try write(node, 2, "a")
        let other = try node.connect(loop: 2)
        let answer = try #require(try other.ask(consumer.request(), version: 13))
        #expect(answer.sessionId == consumer.sessionID)
        #expect(answer.parts.map(\.partitionIndex) == [2])
    }

    @Test("a client that finds no room is served without a session; after two idle minutes it takes another's place")
    func slots() throws {
        let node = try SimulatedBroker(
            settings: ["max.incremental.fetch.session.cache.slots": "1"], topics: ["orders:2"])
        let first = try FetchingClient(node, "orders", version: 13, usesSessions: true)
        first.positions = [0: 0, 1: 0]
        try first.fetch()
        #expect(first.sessionID != 0)
        let second = try FetchingClient(node, "orders", version: 13, usesSessions: true)
        second.positions = [0: 0, 1: 0]
        try second.fetch()
        #expect(second.sessionID == 0 && second.told.count == 2)
        node.pass(.seconds(121))
        try second.fetch()
        #expect(second.sessionID != 0)
        #expect(try first.fetch() == .fetchSessionIdNotFound)
        #expect(try first.fetch() == .none)
    }

    @Test("a session in use gives way, when it is old, to one with at least as many partitions only")
    func smaller() throws {
        let node = try SimulatedBroker(
            settings: ["max.incremental.fetch.session.cache.slots": "1"], topics: ["orders:3"])
        let first = try FetchingClient(node, "orders", version: 13, usesSessions: true)
        first.positions = [0: 0, 1: 0]
        try first.fetch()
        for _ in 0..<3 {
            node.pass(.seconds(60))
            try first.fetch()
        }
        let small = try FetchingClient(node, "orders", version: 13, usesSessions: true)
        small.positions = [0: 0]
        try small.fetch()
        #expect(small.sessionID == 0)
        let large = try FetchingClient(node, "orders", version: 13, usesSessions: true)
        large.positions = [0: 0, 1: 0, 2: 0]
        try large.fetch()
        #expect(large.sessionID == 0, "a full cache was searched just now")
        node.pass(FetchSessionCache.searchInterval)
        try large.fetch()
        #expect(large.sessionID != 0)
        #expect(try first.fetch() == .fetchSessionIdNotFound)
    }

    @Test("partitions of all sessions are bounded: a session that grows over the bound ends")
    func partitionBound() {
        var cache = FetchSessionCache(slotCount: 10, targetCountMax: 3)
        let now = MonotonicTime(nanoseconds: 0)
        let hasRoom = (four: cache.makeRoom(for: 4, now: now), two: cache.makeRoom(for: 2, now: now))
        #expect(hasRoom == (false, true))
        cache.insert(session(of: [0, 1], now: now), id: 7)
        var request = fetch([("orders", 2, 0)])
        request.sessionId = 7
        request.sessionEpoch = 1
        guard case .opened(let plan, next: 2) = cache.open(request, version: 12, now: now) else {
            Issue.record("a session may have three partitions")
            return
        }
        #expect(plan.targets.map(\.partition) == [0, 1, 2])
        request = fetch([("orders", 3, 0)])
        request.sessionId = 7
        request.sessionEpoch = 2
        guard case .refused(.fetchSessionIdNotFound) = cache.open(request, version: 12, now: now) else {
            Issue.record("a session has more partitions than all may have")
            return
        }
        #expect(cache.count == 0 && cache.targetCount == 0)
    }

    @Test("whoever uses a session sees what one sees who uses none", arguments: UInt64(1)...40)
    func sameAsWithout(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let loopCount = Int.random(in: 1...3, using: &random)
        let node = try SimulatedBroker(seed: seed, loopCount: loopCount, topics: ["orders:6"])
        let version: Int16 = Bool.random(using: &random) ? 12 : 16
        let isolation: Int8 = Bool.random(using: &random) ? 1 : 0
        let producer = try node.connect()
        let with = try FetchingClient(node, "orders", version: version, usesSessions: true, isolation: isolation)
        let without = try FetchingClient(node, "orders", version: version, usesSessions: false, isolation: isolation)
        let both = [with, without]
        for consumer in both { consumer.positions = [0: 0, 1: 0, 2: 0, 3: 0, 9: 0] }
        // Enough for every partition to be read to its end, one after another.
        func catchUp() throws { for _ in 0..<8 { for consumer in both { try consumer.fetch() } } }
        for round in 0..<60 {
            let partition = Int32.random(in: 0..<6, using: &random)
            let event = Int.random(in: 0..<10, using: &random)
            // What makes records unreadable must find both at the same place.
            if [4, 5, 6, 8].contains(event) { try catchUp() }
            switch event {
            case 0..<4:
                let count = Int.random(in: 1...5, using: &random)
                _ = try producer.ask(
                    produce(batch((0..<count).map { "\(round).\($0)" }), to: "orders", partition), version: 9)
            case 4:
                let isThere = with.positions[partition] != nil
                // Comes back where it was left: so do clients that pause a partition.
                for consumer in both { consumer.positions[partition] = isThere ? nil : consumer.place(partition) }
            case 5:
                try node.withLog("orders", partition) { log in
                    log.logStartOffset = max(log.logStartOffset, log.highWatermark - 3)
                }
            case 6:
                try node.withLog("orders", partition) { log in
                    let stable = log.openTransactionOffset
                    log.openTransactionOffset = stable == nil ? log.highWatermark : nil
                }
            case 7: with.startOver()
            case 8: try node.withLog("orders", partition) { $0.leadership.isLocal.toggle() }
            default:
                for consumer in both {
                    let small = Bool.random(using: &random)
                    try consumer.fetch(bytesMax: small ? 100 : 1 << 20, partitionBytesMax: small ? 1 : 1 << 20)
                }
            }
        }
        try catchUp()
        #expect(with.positions == without.positions, "seed \(seed)")
        #expect(with.values == without.values, "seed \(seed)")
        #expect(
            with.told.filter { with.positions[$0.key] != nil }
                == without.told.filter { without.positions[$0.key] != nil }, "seed \(seed)")
        #expect(with.sessionID != 0)
    }

    private func session(of partitions: [Int32], now: MonotonicTime) -> FetchSession {
        let plan = FetchPlan(fetch(partitions.map { ("orders", $0, 0) }), version: 12)
        return FetchSession(plan, told: partitions.map { _ in FetchOutcome() }, isByID: false, now: now)
    }
}
