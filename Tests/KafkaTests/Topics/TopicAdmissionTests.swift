import ObjectStore
import SegmentLog
import Testing

@testable import Kafka

@Suite("The admission of topics")
struct TopicAdmissionTests {
    private func admission(_ settings: [String: String] = [:], beside: String...) throws -> TopicAdmission {
        let index = TopicIndex()
        for name in beside {
            index.insert(
                TopicDescription(
                    name: name, id: TopicID(high: 1, low: 2), partitionCount: 1, replicationFactor: 1,
                    configuration: try TopicConfiguration()))
        }
        return TopicAdmission(settings: try BrokerSettings(values: settings), nodes: [1], topics: index)
    }

    private func topic(_ spec: JSONValue? = nil, name: String = "t", namespace: String = "default") -> Object {
        Object(
            apiVersion: "weir/v1", kind: "Topic", metadata: ObjectMetadata(name: name, namespace: namespace),
            content: spec.map { ["spec": $0] } ?? [:])
    }

    private func causes(_ body: () throws(ObjectError) -> Object) -> [ObjectError.Cause] {
        do throws(ObjectError) {
            _ = try body()
            return []
        } catch {
            #expect(error.reason == .invalid)
            return error.causes
        }
    }

    @Test("a new topic gets the broker's defaults and the finalizer, and keeps what is not known here")
    func defaults() throws {
        let admission = try admission(["num.partitions": "3"])
        let bare = try admission.admit(topic(), replacing: nil)
        #expect(bare.spec == ["partitions": 3, "replicationFactor": 1, "config": [:]])
        #expect(bare.metadata.finalizers == ["weir/topic"])
        let spec: JSONValue = [
            "partitions": 2, "replicationFactor": -1, "owner": "me",
            "config": ["retention.ms": 5, "preallocate": true, "cleanup.policy": "compact"],
        ]
        let full = try admission.admit(topic(spec), replacing: nil)
        #expect(
            full.spec == [
                "partitions": 2, "replicationFactor": 1, "owner": "me",
                "config": ["retention.ms": "5", "preallocate": "true", "cleanup.policy": "compact"],
            ])
        // Admitting what was admitted changes nothing.
        #expect(try admission.admit(full, replacing: nil) == full)
        #expect(try admission.admit(full, replacing: full) == full)
    }

    @Test(
        "each field that is wrong is named, with Kafka's sentence",
        arguments: [
            (["partitions": 0], "spec.partitions", "Number of partitions was set to an invalid non-positive value."),
            (["partitions": "x"], "spec.partitions", "must be a whole number"),
            (["partitions": 20_000], "spec.partitions", "Excessively large number of partitions per request."),
            (["replicationFactor": 0], "spec.replicationFactor", nil),
            (["replicationFactor": 2], "spec.replicationFactor", nil),
            (["config": ["retention.ms": "x"]], "spec.config[retention.ms]", nil),
            (
                ["config": ["retention.m": "5"]], "spec.config[retention.m]",
                "Unknown topic config name: retention.m; did you mean retention.ms?"
            ),
            (
                ["config": ["retention.ms": [1]]], "spec.config[retention.ms]",
                "must be text, a number, or true or false"
            ),
            (["config": "none"], "spec.config", "must be an object of settings"),
            (
                ["config": ["min.compaction.lag.ms": "9", "max.compaction.lag.ms": "8"]],
                "spec.config[min.compaction.lag.ms]", nil
            ),
            ("none", "spec", "must be an object"),
        ] as [(JSONValue, String, String?)])
    func refused(spec: JSONValue, field: String, message: String?) throws {
        let admission = try admission()
        let found = causes { () throws(ObjectError) in try admission.admit(topic(spec), replacing: nil) }
        #expect(found.map(\.field) == [field])
        if let message { #expect(found.first?.message == message) }
    }

    @Test("all fields that are wrong are named at once")
    func allCauses() throws {
        let admission = try admission()
        let spec: JSONValue = [
            "partitions": 0, "replicationFactor": 9, "config": ["a": "1", "b": "2", "retention.ms": "5"],
        ]
        let found = causes { () throws(ObjectError) in
            try admission.admit(topic(spec, name: "..", namespace: "mine"), replacing: nil)
        }
        #expect(
            found.map(\.field) == [
                "metadata.namespace", "metadata.name", "spec.partitions", "spec.replicationFactor", "spec.config[a]",
                "spec.config[b]",
            ])
    }

    @Test(
        "names are Kafka's, and none collides with one that is served",
        arguments: [
            ("orders", true), ("A-b.c", true), (String(repeating: "n", count: 249), true), ("ünder", false),
            (String(repeating: "n", count: 250), false), ("a/b", false), (".", false), ("..", false),
            ("taken_name", false), ("taken.name", true),
        ])
    func names(name: String, isTaken: Bool) throws {
        let admission = try admission(beside: "taken.name")
        let found = causes { () throws(ObjectError) in try admission.admit(topic(name: name), replacing: nil) }
        #expect(found.map(\.field) == (isTaken ? [] : ["metadata.name"]))
    }

    @Test("a topic may get more partitions and another configuration, and nothing else")
    func changes() throws {
        let admission = try admission()
        let stored = try admission.admit(topic(["partitions": 3, "config": ["retention.ms": "5"]]), replacing: nil)
        func after(_ change: (inout Object) -> Void) -> [String] {
            var changed = stored
            change(&changed)
            return causes { () throws(ObjectError) in try admission.admit(changed, replacing: stored) }.map(\.field)
        }
        #expect(after { $0.spec?["partitions"] = 4 } == [])
        #expect(after { $0.spec?["partitions"] = 2 } == ["spec.partitions"])
        #expect(after { $0.spec?["partitions"] = 0 } == ["spec.partitions"])
        #expect(after { $0.spec?["replicationFactor"] = 2 } == ["spec.replicationFactor"])
        #expect(after { $0.spec?["config"] = ["segment.ms": "6"] } == [])
        #expect(after { $0.spec?["config"] = ["segment.ms": "-6"] } == ["spec.config[segment.ms]"])
        // What is left out, or left to the broker, stays.
        var bare = stored
        bare.spec = ["replicationFactor": -1]
        #expect(
            try admission.admit(bare, replacing: stored).spec
                == ["partitions": 3, "replicationFactor": 1, "config": [:]])
    }

    @Test("what another version took is not judged again, unless it is changed")
    func oldRules() throws {
        let admission = try admission()
        var stored = topic(["partitions": 3, "replicationFactor": 3, "config": ["gone.setting": "5"]])
        stored.metadata.finalizers = ["weir/topic"]
        var grown = stored
        grown.spec?["partitions"] = 4
        #expect(try admission.admit(grown, replacing: stored).spec == grown.spec)
        var labelled = stored
        labelled.metadata.labels["a"] = "b"
        #expect(try admission.admit(labelled, replacing: stored) == labelled)
        var changed = stored
        changed.spec?["config"] = ["gone.setting": "6"]
        let found = causes { () throws(ObjectError) in try admission.admit(changed, replacing: stored) }
        #expect(found.map(\.field) == ["spec.config[gone.setting]"])
        var leaving = changed
        leaving.metadata.deletionTimestamp = Timestamp(secondsSince1970: 9)
        #expect(try admission.admit(leaving, replacing: stored) == leaving)
    }
}
