import NIOCore
import ObjectStore
import RecordBatch
import SegmentLog
import Synchronization
import Testing
import WeirRuntime
import WeirSimulation

@testable import ObjectLog

@Suite("Objects in a log")
struct ObjectLogTests {
    @Test("a change's version is its record's offset and 1, and is the same after a restart", arguments: [true, false])
    func versions(cutsPower: Bool) throws {
        let bench = ObjectLogBench()
        let log = try bench.open()
        try bench.wait { () async throws in
            #expect(try await log.create(makeWidget("a")).version == 1)
            #expect(try await log.create(makeWidget("b")).version == 2)
            #expect(try await log.update(makeWidget("a", size: 2), if: .none).version == 3)
            #expect(try await log.delete(widgetKey("b"), if: .none).version == 4)
            #expect(try await log.currentVersion() == ResourceVersion(4))
        }
        bench.end(cutsPower: cutsPower)
        let again = try bench.open()
        try bench.wait {
            #expect(try await again.currentVersion() == ResourceVersion(4))
            let objects = try await allObjects(again)
            #expect(objects.map(\.metadata.name) == ["a"])
            #expect(objects.first?.version == 3 && objects.first?.size == 2)
            #expect(try await again.create(makeWidget("b")).version == 5)
        }
    }

    @Test("logs of the nodes before objects open: topics, deletions and producer ids")
    func olderLogs() throws {
        let bench = ObjectLogBench()
        func topic(_ name: String) -> String {
            #"{"apiVersion":"weir/v1","kind":"Topic","metadata":{"creationTimestamp":"2026-11-21T10:00:00Z","#
                + #""generation":1,"name":"\#(name)","namespace":"default","#
                + #""uid":"0b9b5a50-0000-4000-8000-000000000001"},"#
                + #""spec":{"config":{"retention.ms":"1000"},"partitions":3,"replicationFactor":1},"status":{}}"#
        }
        try bench.append([
            ("Topic/default/orders", topic("orders"), []), ("Topic/default/gone", topic("gone"), []),
            (
                "ProducerIDBlock/default/last",
                #"{"apiVersion":"weir/v1","kind":"ProducerIDBlock","#
                    + #""metadata":{"creationTimestamp":"2026-11-21T10:00:00Z","generation":1,"name":"last","#
                    + #""namespace":"default","uid":"u"},"spec":{"count":1000,"first":0},"status":{}}"#, []
            ),
            ("Topic/default/gone", nil, []),
        ])
        let log = try bench.open()
        try bench.wait {
            let objects = try await allObjects(log)
            #expect(objects.map(\.key.description) == ["ProducerIDBlock/default/last", "Topic/default/orders"])
            let orders = try #require(objects.last)
            #expect(orders.version == 1 && orders.metadata.generation == 1)
            #expect(orders.spec?["partitions"] == 3)
            #expect(orders.spec?["config"]?["retention.ms"] == "1000")
            #expect(orders.metadata.creationTimestamp == Timestamp("2026-11-21T10:00:00Z"))
            #expect(try await log.currentVersion() == ResourceVersion(4))
            let gone = ObjectKey(ObjectKind(group: "weir", name: "Topic"), namespace: "default", name: "orders")
            #expect(try await log.delete(gone, if: .none).version == 5)
        }
    }

    @Test(
        "a record that cannot be read is named with its key and offset",
        arguments: [
            ("Topic/default/x", "{\"apiVersion\":"), ("Topic/default/x", "[]"), ("Topic/default/x", "{}"),
            (
                "Topic/default/x",
                #"{"apiVersion":"weir/v1","kind":"Topic","metadata":{"name":"y","namespace":"default"}}"#
            ),
        ])
    func unreadable(key: String, value: String) throws {
        let bench = ObjectLogBench()
        try bench.append([("Topic/default/deleted", nil, []), (key, value, [])])
        let error = #expect(throws: ObjectError.self) { try bench.open() }
        let message = error?.message ?? ""
        #expect(message.contains(key) && message.contains("offset 1"), "\(message)")
        // It was closed again: the next attempt fails for the same reason.
        let second = #expect(throws: ObjectError.self) { try bench.open() }
        #expect(second == error)
    }

    @Test("partitions without the object log are refused: it was lost")
    func lost() throws {
        let bench = ObjectLogBench()
        let (provider, loop) = (bench.makeProvider(), bench.loop)
        let orders = LogIdentity(topicID: TopicID(high: 7, low: 9), topic: "orders", partition: 0)
        _ = try bench.wait { try await provider.create(orders, settings: LogSettings(), on: loop).logEndOffset }
        let error = #expect(throws: ObjectError.self) { try bench.open() }
        #expect(error?.message.contains("@metadata-0") == true)
    }

    @Test("records of a newer format stay as they are, and their names are not given away")
    func newerFormat() throws {
        let bench = ObjectLogBench()
        let newer = Record.Header(key: "weir.format", value: ByteBuffer(string: "2"))
        let extra = Record.Header(key: "other", value: ByteBuffer(string: "kept"))
        try bench.append([
            ("Widget.example.com/default/new", "\u{1}binary", [newer, extra]), ("@settings", "x", []),
            ("Widget.example.com/default/gone", "\u{1}binary", [newer]),
            ("Widget.example.com/default/gone", nil, [newer]),
        ])
        var log = try bench.open()
        for round in 0..<3 {
            try bench.wait { [log] in
                #expect(try await allObjects(log).filter { $0.metadata.name != "filler" }.isEmpty)
                #expect(await ObjectError.reason { try await log.create(makeWidget("new")) } == .conflict)
                let gone = try await log.create(makeWidget("gone"))
                _ = try await log.delete(gone.key, if: .none)
                // Enough to have the log cut.
                for _ in 0..<100 {
                    let filler = try await log.create(makeWidget("filler", padding: 800))
                    _ = try await log.delete(filler.key, if: .none)
                }
            }
            bench.settle()
            #expect(bench.logStart(log) > 4, "the log was cut")
            let carried = log.state.withLock { $0.log.carried }
            #expect(carried.keys.sorted() == ["@settings", "Widget.example.com/default/new"], "round \(round)")
            let record = try #require(carried["Widget.example.com/default/new"])
            #expect(record.value == ByteBuffer(string: "\u{1}binary"))
            #expect(record.version == ResourceVersion(1))
            #expect(record.headers.contains(newer) && record.headers.contains(extra))
            bench.end(cutsPower: round == 1)
            log = try bench.open()
        }
    }

    @Test("keys that a record cannot carry, and objects that are too large, are refused")
    func refused() throws {
        let bench = ObjectLogBench()
        let log = try bench.open()
        try bench.wait {
            #expect(await ObjectError.reason { try await log.create(makeWidget("a", namespace: "x/y")) } == .invalid)
            #expect(await ObjectError.reason { try await log.create(makeWidget("")) } == .invalid)
            #expect(await ObjectError.reason { try await log.create(makeWidget("a", padding: 5000)) } == .badRequest)
            var deep: JSONValue = 1
            for _ in 0..<200 { deep = [deep] }
            var unreadable = [makeWidget("a"), makeWidget("a"), makeWidget("a"), makeWidget("a")]
            unreadable[0].content["spec"] = deep
            unreadable[1].apiVersion = ""
            unreadable[2].metadata.other["labels"] = 5
            unreadable[3].metadata.other["name"] = "b"
            unreadable[3].metadata.creationTimestamp = Timestamp(secondsSince1970: 1 << 50)
            for object in unreadable {
                #expect(await ObjectError.reason { try await log.create(object) } == .invalid, "\(object)")
            }
            var odd = makeWidget("odd")
            odd.metadata.other["selfLink"] = "/x"
            odd.content["deep"] = .array([.array([.array([])])])
            _ = try await log.create(odd)
            let secret = Object(apiVersion: "v1", kind: "Secret", metadata: ObjectMetadata(name: "s", namespace: "d"))
            let namesake = Object(
                apiVersion: "weir/v1", kind: "Secret", metadata: ObjectMetadata(name: "s", namespace: "d"))
            _ = try await log.create(secret)
            #expect(await ObjectError.reason { try await log.create(namesake) } == .conflict)
            #expect(try await log.currentVersion() == ResourceVersion(2))
        }
        bench.end(cutsPower: false)
        let again = try bench.open()
        #expect(try bench.wait { try await allObjects(again).count } == 2)
    }

    @Test("watches go on after a restart where they were, as long as the log has the changes")
    func watchesAfterRestart() throws {
        let bench = ObjectLogBench()
        let log = try bench.open()
        try bench.wait {
            _ = try await log.create(makeWidget("a"))
            _ = try await log.create(makeWidget("b"))
            _ = try await log.update(makeWidget("a", size: 2), if: .none)
            _ = try await log.delete(widgetKey("b"), if: .none)
        }
        bench.end(cutsPower: false)
        let again = try bench.open()
        try bench.wait {
            let stream = try await again.watch(WatchQuery(ObjectSelection()), after: ResourceVersion(1))
            let events = try #require(try await stream.nextBatch())
            #expect(events.map(\.resourceVersion.value) == [2, 3, 4])
            #expect(events.map(\.change) == [.added, .modified, .deleted])
            #expect(events.last?.object?.metadata.name == "b")
            stream.cancel()
        }
    }

    @Test("close writes what was accepted, ends watches, and refuses what comes later")
    func closes() throws {
        let bench = ObjectLogBench()
        let log = try bench.open()
        try bench.wait {
            let stream = try await log.watch(WatchQuery(ObjectSelection()), after: .zero)
            async let accepted = log.create(makeWidget("a"))
            async let closed: Void = log.close()
            _ = try await (accepted, closed)
            #expect(try await stream.nextBatch()?.count == 1)
            #expect(try await stream.nextBatch() == nil)
            #expect(await ObjectError.reason { try await log.get(widgetKey("a")) } == .unavailable)
            #expect(await ObjectError.reason { try await allObjects(log) } == .unavailable)
            #expect(await ObjectError.reason { try await log.create(makeWidget("b")) } == .unavailable)
            #expect(await ObjectError.reason { try await log.currentVersion() } == .unavailable)
            try await log.close()
        }
        let again = try bench.open()
        #expect(try bench.wait { try await allObjects(again).map(\.metadata.name) } == ["a"])
    }
}
