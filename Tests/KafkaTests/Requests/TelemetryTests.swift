import KafkaWire
import NIOCore
import Testing
import WeirRuntime

@testable import Kafka

@Suite("client metrics") struct TelemetryTests {
    private func subscriptions(
        _ client: SimulatedClient, instance: WireUUID = .zero
    ) throws -> GetTelemetrySubscriptionsResponse {
        var request = GetTelemetrySubscriptionsRequest()
        request.clientInstanceId = instance
        return try #require(try client.ask(request, version: 0))
    }

    private func push(
        _ client: SimulatedClient, _ subscription: GetTelemetrySubscriptionsResponse, bytes: Int = 10,
        codec: Int8 = 0, terminating: Bool = false, id: Int32? = nil
    ) throws -> ErrorCode? {
        var request = PushTelemetryRequest()
        request.clientInstanceId = subscription.clientInstanceId
        request.subscriptionId = id ?? subscription.subscriptionId
        request.compressionType = codec
        request.terminating = terminating
        request.metrics = ByteBuffer(repeating: 1, count: bytes)
        return try client.ask(request, version: 0)?.errorCode
    }

    @Test("a client gets an id; without a subscription nothing is asked of it")
    func none() throws {
        let answer = try subscriptions(try SimulatedBroker().connect())
        #expect(answer.errorCode == .none && !answer.clientInstanceId.isZero)
        #expect(answer.requestedMetrics.isEmpty && answer.pushIntervalMs == 300_000)
        #expect(answer.telemetryMaxBytes == 1_048_576 && answer.acceptedCompressionTypes == [4, 3, 1, 2])
    }

    @Test("clients are told that metrics may be wanted while some are")
    func advertised() throws {
        let client = try SimulatedBroker().connect()
        func isTold() throws -> Bool? {
            try client.ask(ApiVersionsRequest(), version: 4)?.apiKeys.contains { $0.apiKey == .pushTelemetry }
        }
        #expect(try isTold() == false)
        #expect(try alter(client, 16, "all", ["metrics": "a"]) == ErrorCode.none)
        #expect(try isTold() == true)
        #expect(try alter(client, 16, "all", ["metrics": nil]) == ErrorCode.none)
        #expect(try isTold() == false)
    }

    @Test("subscriptions that match are joined, at the shortest interval")
    func matching() throws {
        let node = try SimulatedBroker()
        let client = try node.connect()
        func subscribe(_ name: String, _ values: [String: String?]) throws {
            #expect(try alter(client, 16, name, values) == ErrorCode.none)
        }
        try subscribe("all", ["metrics": "org.apache.kafka.consumer.,b", "interval.ms": "2000"])
        try subscribe("mine", ["metrics": "a", "interval.ms": "1000", "match": "client_id=te.t,client_source_port=.*"])
        try subscribe("others", ["metrics": "c", "interval.ms": "100", "match": "client_id=other"])
        let answer = try subscriptions(client)
        #expect(answer.requestedMetrics == ["a", "b", "org.apache.kafka.consumer."])
        #expect(answer.pushIntervalMs == 1000)
        #expect(try alter(client, 16, "bad", ["match": "client_name=x"]) == .invalidConfig)
        #expect(try alter(client, 16, "bad", ["match": "client_id=["]) == .invalidConfig)
        #expect(try alter(client, 16, "bad", ["interval.ms": "99"]) == .invalidConfig)
    }

    @Test("pushes are checked, counted, and not taken more often than was asked for")
    func pushes() throws {
        let node = try SimulatedBroker(settings: ["telemetry.max.bytes": "100"])
        let client = try node.connect()
        #expect(try alter(client, 16, "all", ["metrics": "*", "interval.ms": "1000"]) == ErrorCode.none)
        let asked = try subscriptions(client)
        #expect(asked.requestedMetrics == ["*"])
        #expect(try push(client, asked, id: asked.subscriptionId &+ 1) == .unknownSubscriptionId)
        let again = try subscriptions(client, instance: asked.clientInstanceId)
        #expect(again.errorCode == .none && again.subscriptionId == asked.subscriptionId)
        #expect(try subscriptions(client, instance: asked.clientInstanceId).errorCode == .throttlingQuotaExceeded)
        node.pass(.seconds(1))
        #expect(try push(client, asked) == ErrorCode.none)
        #expect(try push(client, asked) == .throttlingQuotaExceeded)
        node.pass(.seconds(1))
        #expect(try push(client, asked, codec: 9) == .unsupportedCompressionType)
        node.pass(.seconds(1))
        #expect(try push(client, asked, bytes: 101) == .telemetryTooLarge)
        #expect(try push(client, asked, terminating: true) == ErrorCode.none)
        #expect(try push(client, asked, terminating: true) == .invalidRequest)
        let metrics = try node.run { [probe = node.broker.probe] in await probe.collectMetrics() }
        let counts = ["pushes", "bytes"].map { what in
            metrics.first { $0.name == "weir_kafka_telemetry_\(what)_total" }?.samples.first?.value
        }
        #expect(counts == [2, 20])
        var nobody = asked
        nobody.clientInstanceId = .zero
        #expect(try push(client, nobody) == .invalidRequest)
    }

    @Test("a changed subscription is told to clients that push to the old one")
    func changed() throws {
        let node = try SimulatedBroker()
        let client = try node.connect()
        #expect(try alter(client, 16, "all", ["metrics": "a", "interval.ms": "1000"]) == ErrorCode.none)
        let asked = try subscriptions(client)
        #expect(try alter(client, 16, "all", ["metrics": "b"]) == ErrorCode.none)
        node.pass(.seconds(1))
        #expect(try push(client, asked) == .unknownSubscriptionId)
        #expect(try subscriptions(client, instance: asked.clientInstanceId).requestedMetrics == ["b"])
    }
}
