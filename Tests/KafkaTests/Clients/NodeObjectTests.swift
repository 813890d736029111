import ObjectStore
import Testing
import WeirRuntime

@testable import Kafka

@Suite("The node's own object")
struct NodeObjectTests {
    @Test("it tells where clients find the node, and whether it serves", .timeLimit(.minutes(1)))
    func phases() async throws {
        try await RealNode.with { node in
            let objects = try #require(node.runtime.objects)
            let key = ObjectKey(NodeObject.kind, namespace: "", name: "1")
            func phase() async throws -> String? { try await objects.get(key).status?["phase"]?.stringValue }
            let object = try await objects.get(key)
            #expect(object.spec == ["id": 1])
            #expect(object.status?["phase"] == "Ready")
            let address = try #require(object.status?["addresses"]?.arrayValue?.first)
            #expect(
                address == ["name": "kafka", "host": "127.0.0.1", "port": .integer(Int64(try node.endpoint.port))])
            try node.runtime.drain("kafka")
            try await node.runtime.waitUntilDrained("kafka")
            #expect(try await phase() == "Draining")
            try await node.runtime.resume("kafka")
            #expect(try await phase() == "Ready")
        }
    }
}
