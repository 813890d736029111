import ObjectStore
import PluginHost
import Testing
import WeirPluginABI
import WeirRuntime
import WorkTracking

@Suite("What a plugin calls", .timeLimit(.minutes(2)))
struct HostCallTests {
    private static let configMap =
        #"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"default"},"data":{"k":"v"}}"#

    @Test("creates, gets, lists, patches, updates and deletes objects")
    func objects() async throws {
        let node = try PluginNode()
        try await node.runtime.start()
        let answers = try await node.call { host -> [(code: Int32, text: String)] in
            [
                host.result([Self.configMap]) { host.object_create(host.host, 0, $0[0], $1) },
                host.result([Self.configMap]) { host.object_create(host.host, 0, $0[0], $1) },
                host.result(["ConfigMap", "default", "a", #"{"data":{"more":"x"}}"#]) {
                    host.object_patch(
                        host.host, 0, $0[0], $0[1], $0[2], UInt32(WEIR_PATCH_MERGE), $0[3], UInt32(WEIR_PART_MAIN), $1)
                },
                host.result(["ConfigMap", "default", "a"]) { host.object_get(host.host, 0, $0[0], $0[1], $0[2], $1) },
                host.result([#"{"kind":"ConfigMap","labels":"!app","limit":10}"#]) {
                    host.object_list(host.host, 0, $0[0], $1)
                },
                host.result([Self.configMap]) { host.object_update(host.host, 0, $0[0], 0, $1) },
                host.result(["ConfigMap", "default", "a"]) {
                    host.object_delete(host.host, 0, $0[0], $0[1], $0[2], weir_bytes(), $1)
                },
                host.result(["ConfigMap", "default", "a"]) { host.object_get(host.host, 0, $0[0], $0[1], $0[2], $1) },
            ]
        }
        #expect(
            answers.map(\.code) == [
                WEIR_OK, WEIR_ALREADY_EXISTS, WEIR_OK, WEIR_OK, WEIR_OK, WEIR_OK, WEIR_OK, WEIR_NOT_FOUND,
            ], "\(answers)")
        #expect(answers[3].text.contains(#""more":"x""#))
        let list = try JSONValue(parsing: Array(answers[4].text.utf8))
        #expect(list["items"]?.arrayValue?.count == 1)
        #expect(list["metadata"]?["resourceVersion"]?.stringValue != nil)
        #expect(answers[7].text.contains("'a' not found"))
        #expect(await node.runtime.shutdown().exitCode == 0)
    }

    @Test("produces and consumes records")
    func records() async throws {
        let node = try PluginNode()
        try await node.runtime.start()
        let answer = try await node.call { host -> (codes: [Int32], place: Int64, next: Int64, seen: [String]) in
            let seen = Seen()
            var codes: [Int32] = []
            var place: Int64 = -1
            var next: Int64 = -1
            for value in ["one", "two"] {
                codes.append(
                    host.result(["audit-x", value]) { texts, error in
                        var record = weir_record()
                        record.value = texts[1]
                        return host.record_produce(host.host, 0, texts[0], -1, &record, nil, &place, error)
                    }.code)
            }
            codes.append(
                host.result(["audit-x"]) { texts, error in
                    host.record_consume(
                        host.host, 0, texts[0], 0, Int64(WEIR_OFFSET_OLDEST), 10, Seen.take,
                        Unmanaged.passUnretained(seen).toOpaque(), &next, error)
                }.code)
            codes.append(
                host.result(["audit-none"]) { texts, error in
                    host.record_consume(
                        host.host, 0, texts[0], 0, 0, 10, Seen.take, Unmanaged.passUnretained(seen).toOpaque(), &next,
                        error)
                }.code)
            return (codes, place, 2, seen.values)
        }
        #expect(answer.codes == [WEIR_OK, WEIR_OK, WEIR_OK, WEIR_NOT_FOUND])
        #expect(answer.place == 1)
        #expect(answer.seen == ["one", "two"])
        _ = await node.runtime.shutdown()
    }

    /// What one consume told; used on one thread.
    private final class Seen {
        var values: [String] = []
        static let take: weir_record_fn = { context, record in
            guard let context, let value = record?.pointee.value, let data = value.data else { return }
            let text = String(decoding: UnsafeBufferPointer(start: data, count: value.size), as: UTF8.self)
            Unmanaged<Seen>.fromOpaque(context).takeUnretainedValue().values.append(text)
        }
    }

    @Test("refuses NULL, bad lengths, bad text, bad JSON and bad numbers, and crashes on none of them")
    func badArguments() async throws {
        let node = try PluginNode()
        try await node.runtime.start()
        let codes = try await node.call { host -> [Int32] in
            let null = weir_bytes(data: nil, size: 5)
            var number: UInt64 = 0
            var record = weir_record()
            record.header_count = 3
            let broken: [UInt8] = [0xFF, 0xFE]
            return broken.withUnsafeBufferPointer { broken in
                let notText = weir_bytes(data: broken.baseAddress, size: 2)
                let tooLong = weir_bytes(data: broken.baseAddress, size: .max)
                let texts = ["ConfigMap", "default", "a", "{", "{}", "audit-x"]
                return [
                    host.config(host.host, nil),
                    host.result(texts) { host.object_get(host.host, 0, null, $0[1], $0[2], $1) }.code,
                    host.result(texts) { host.object_get(host.host, 0, notText, $0[1], $0[2], $1) }.code,
                    host.result(texts) { host.object_get(host.host, 0, tooLong, $0[1], $0[2], $1) }.code,
                    host.result(texts) { host.object_get(host.host, 0, $0[0], $0[1], weir_bytes(), $1) }.code,
                    host.result(texts) { host.object_get(host.host, 0, $0[1], $0[1], $0[2], $1) }.code,
                    host.result(texts) { host.object_create(host.host, 0, $0[3], $1) }.code,
                    host.result(texts) { host.object_create(host.host, 0, $0[4], $1) }.code,
                    host.result(texts) { host.object_list(host.host, 0, $0[4], $1) }.code,
                    host.result(texts) {
                        host.object_patch(host.host, 0, $0[0], $0[1], $0[2], 99, $0[4], 0, $1)
                    }.code,
                    host.result(texts) {
                        host.object_patch(host.host, 0, $0[0], $0[1], $0[2], 0, $0[4], 7, $1)
                    }.code,
                    host.object_watch(host.host, weir_bytes(), 0, nil, nil, nil, nil),
                    host.result(texts) { host.record_produce(host.host, 0, $0[5], -1, nil, nil, nil, $1) }.code,
                    host.result(texts) { host.record_produce(host.host, 0, $0[5], -1, &record, nil, nil, $1) }.code,
                    host.result(texts) { host.record_produce(host.host, 0, $0[5], -9, &record, nil, nil, $1) }.code,
                    host.result(texts) {
                        host.record_consume(host.host, 0, $0[5], 0, 0, 1, nil, nil, nil, $1)
                    }.code,
                    host.work_begin(host.host, weir_bytes(), nil), host.work_begin(host.host, notText, &number),
                ]
            }
        }
        #expect(codes.allSatisfy { $0 == WEIR_BAD_ARGUMENT }, "\(codes)")
        #expect(await node.runtime.shutdown().exitCode == 0)
    }

    @Test("knows no handle that is stale, made up, of another kind or of another plugin")
    func badHandles() async throws {
        let node = try PluginNode()
        try await node.runtime.start()
        let codes = try await node.call { host -> [Int32] in
            var work: UInt64 = 0
            let begun = host.result(["w"]) { texts, _ in host.work_begin(host.host, texts[0], &work) }.code
            var config = weir_result()
            let read = host.config(host.host, &config)
            let good = [begun, read]
            let bad = [
                host.release(host.host, work), host.work_end(host.host, config.handle, 0),
                host.watch_end(host.host, work), host.work_end(host.host, work ^ 1, 0),
                host.work_end(host.host, .max, 0), host.work_end(host.host, 0, 0),
                host.work_end(host.host &+ 1 << 50, work, 0), host.log(0, 0, weir_bytes()),
                host.log(.max, 0, weir_bytes()), host.reconcile_complete(host.host, work, 0, 0, weir_bytes()),
                host.result(["ConfigMap", "default", "a"]) {
                    host.object_get(host.host, 12_345, $0[0], $0[1], $0[2], $1)
                }.code,
            ]
            let ended = [host.work_end(host.host, work, 0), host.release(host.host, config.handle)]
            let twice = [host.work_end(host.host, work, 0), host.release(host.host, config.handle)]
            return good + ended + bad + twice
        }
        #expect(codes.prefix(4).allSatisfy { $0 == WEIR_OK }, "\(codes)")
        #expect(codes.dropFirst(4).allSatisfy { $0 == WEIR_BAD_HANDLE }, "\(codes)")
        #expect(await node.runtime.shutdown().exitCode == 0)
    }

    @Test("is refused what is not granted, which is logged once a kind and verb and counted each time")
    func grants() async throws {
        let node = try PluginNode(
            grants: .listed([Grant(kinds: ["ConfigMap"], namespaces: ["default"], verbs: [.get])]))
        try await node.runtime.start()
        let codes = try await node.call { host -> [Int32] in
            let get = { (kind: String, namespace: String) in
                host.result([kind, namespace, "a"]) { host.object_get(host.host, 0, $0[0], $0[1], $0[2], $1) }.code
            }
            return [
                get("ConfigMap", "default"), get("Widget.example.com", "default"), get("ConfigMap", "kube-system"),
                get("Secret", "default"), get("Secret", "default"),
                host.result([Self.configMap]) { host.object_create(host.host, 0, $0[0], $1) }.code,
                host.result([#"{"kind":"ConfigMap"}"#]) { host.object_list(host.host, 0, $0[0], $1) }.code,
                host.result(["audit-x"]) { texts, error in
                    var record = weir_record()
                    return host.record_produce(host.host, 0, texts[0], -1, &record, nil, nil, error)
                }.code,
            ]
        }
        #expect(codes[0] == WEIR_NOT_FOUND)
        #expect(codes[1] == WEIR_NOT_FOUND, "kinds that it reconciles may be read")
        #expect(codes.dropFirst(2).allSatisfy { $0 == WEIR_FORBIDDEN }, "\(codes)")
        #expect(node.log.count(containing: "plugin behaving may not get Secret") == 1)
        #expect(node.log.count(containing: "asks to create ConfigMap, which its configuration does not grant") == 1)
        let families = await node.runtime.metrics.collect()
        let refused = families.first { $0.name == "weir_plugin_refused_total" }
        let secret = refused?.samples.first { $0.labels.contains(MetricFamily.Label("what", "Secret")) }
        #expect(secret?.value == 2)
        _ = await node.runtime.shutdown()
    }

    @Test("is a unit of work that a drain waits for; what it forks is let in, what is new is not")
    func work() async throws {
        let node = try PluginNode()
        try await node.runtime.start()
        let begun = try await node.call { host -> UInt64 in
            var work: UInt64 = 0
            _ = host.result(["long"]) { texts, _ in host.work_begin(host.host, texts[0], &work) }
            return work
        }
        let shutdown = Task { await node.runtime.shutdown() }
        try await eventually("the plugin drains") {
            node.runtime.workRegistry.snapshot().component(named: "plugin/behaving")?.isClosed ?? false
        }
        let codes = try await node.call { host -> [Int32] in
            var forked: UInt64 = 0
            var other: UInt64 = 0
            return [
                host.result(["new"]) { texts, _ in host.work_begin(host.host, texts[0], &other) }.code,
                host.result(["ConfigMap", "default", "a"]) { host.object_get(host.host, 0, $0[0], $0[1], $0[2], $1) }
                    .code,
                host.result(["forked"]) { texts, _ in host.work_fork(host.host, begun, texts[0], &forked) }.code,
                host.work_end(host.host, begun, UInt32(WEIR_OUTCOME_SUCCEEDED)),
                host.result([Self.configMap]) { host.object_create(host.host, forked, $0[0], $1) }.code,
                host.work_check(host.host, forked),
                host.work_end(host.host, forked, UInt32(WEIR_OUTCOME_FAILED)),
            ]
        }
        #expect(codes == [WEIR_DRAINING, WEIR_DRAINING, WEIR_OK, WEIR_OK, WEIR_OK, WEIR_OK, WEIR_OK])
        let report = await shutdown.value
        #expect(report.exitCode == 0)
        let plugin = report.components.first { $0.name == "plugin/behaving" }
        #expect(plugin?.counts.failed == 1)
        #expect(plugin?.counts.inFlight == 0)
    }

    @Test("watches objects: each change once, and the end once, at the drain")
    func watch() async throws {
        let node = try PluginNode(["start": "watch"])
        try await node.runtime.start()
        for name in ["a", "b", "c"] {
            try await node.addConfigMap(name)
        }
        try await eventually("three events are told") { node.library.number("events") == 3 }
        #expect(node.library.number("ends") == 0)
        #expect(await node.runtime.shutdown().exitCode == 0)
        #expect(node.library.number("ends") == 1)
        #expect(node.library.number("end_code") == WEIR_DRAINING)
    }

    @Test("may end its watch, which is told as every end is")
    func endedWatch() async throws {
        let node = try PluginNode(["start": "watch"])
        try await node.runtime.start()
        let watch = node.library.handle("watch")
        #expect(try await node.call { $0.watch_end($0.host, watch) } == WEIR_OK)
        try await eventually("the end is told") { node.library.number("ends") == 1 }
        #expect(node.library.number("end_code") == WEIR_OK)
        try await eventually("its handle is gone") {
            try await node.call { $0.watch_end($0.host, watch) } == WEIR_BAD_HANDLE
        }
        #expect(await node.runtime.shutdown().exitCode == 0)
    }

    @Test("is refused on a task, whose thread the node needs")
    func wrongThread() async throws {
        let node = try PluginNode()
        try await node.runtime.start()
        let host = try #require(node.library.host)
        let answer = host.result(["ConfigMap", "default", "a"]) {
            host.object_get(host.host, 0, $0[0], $0[1], $0[2], $1)
        }
        #expect(answer.code == WEIR_WRONG_THREAD)
        #expect(answer.text.contains("from a thread of your own"))
        _ = await node.runtime.shutdown()
    }

    @Test("has a limit of results that are not released")
    func resultLimit() async throws {
        let node = try PluginNode()
        try await node.runtime.start()
        let codes = try await node.call { host -> (first: Int32, last: Int32, after: Int32) in
            var handles: [UInt64] = []
            var code = WEIR_OK
            while code == WEIR_OK, handles.count < 100_000 {
                var result = weir_result()
                code = host.config(host.host, &result)
                if result.handle != 0 { handles.append(result.handle) }
            }
            let first = host.release(host.host, handles[0])
            var result = weir_result()
            let after = host.config(host.host, &result)
            return (first, code, after)
        }
        #expect(codes.first == WEIR_OK)
        #expect(codes.last == WEIR_OVER_LIMIT)
        #expect(codes.after == WEIR_OK)
        _ = await node.runtime.shutdown()
    }
}
