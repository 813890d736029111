import KafkaWire
import NIOCore
import NIOPosix
import Testing

@testable import KafkaClient

@Suite("A connection to a broker")
struct BrokerConnectionTests {
    private func connect(_ broker: ScriptedBroker, timeout: Duration = .seconds(30)) async throws -> BrokerConnection {
        try await BrokerConnection.connect(BrokerAddress(broker.address), timeout: timeout)
    }

    private var acknowledged: ProduceRequest {
        var request = ProduceRequest()
        request.acks = -1
        return request
    }

    @Test("requests go in the newest version that both sides know")
    func versions() async throws {
        try await ScriptedBroker.with { broker in
            broker.on(.apiVersions, .answer(ScriptedBroker.versions(produce: 5, fetch: 4)))
            let connection = try await connect(broker)
            _ = try await connection.send(acknowledged)
            #expect(broker.arrivals.map(\.version) == [5])
            await connection.close()
        }
    }

    @Test("topics are called by name, also where the broker knows versions without names")
    func namesOnly() async throws {
        try await ScriptedBroker.with { broker in
            broker.on(.apiVersions, .answer(ScriptedBroker.versions(produce: 99, fetch: 99)))
            let connection = try await connect(broker)
            _ = try await connection.send(acknowledged)
            #expect(broker.arrivals.map(\.version) == [12])
            await connection.close()
        }
    }

    @Test("what the broker does not know is refused without asking")
    func unknownAPI() async throws {
        try await ScriptedBroker.with { broker in
            let connection = try await connect(broker)
            let error = await #expect(throws: ClientError.self) { try await connection.send(DeleteTopicsRequest()) }
            #expect(error?.code == .unsupported)
            #expect(broker.arrivals.isEmpty)
            await connection.close()
        }
    }

    @Test("answers find who asked, when several wait")
    func pipelining() async throws {
        try await ScriptedBroker.with { broker in
            let connection = try await connect(broker)
            let answers = try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<100 {
                    group.addTask {
                        var request = MetadataRequest()
                        var topic = MetadataRequest.MetadataRequestTopic()
                        topic.name = "t-\(number)"
                        request.topics = [topic]
                        return try await connection.send(request).topics.map(\.name) == ["t-\(number)"]
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers == Array(repeating: true, count: 100))
            await connection.close()
        }
    }

    @Test("an answer that does not come ends the connection, and every request on it; times below a second count")
    func silence() async throws {
        try await ScriptedBroker.with { broker in
            broker.on(.metadata, .silence)
            broker.on(.initProducerId, .silence)
            let connection = try await connect(broker, timeout: .milliseconds(100))
            let begin = ContinuousClock.now
            async let second = connection.send(InitProducerIdRequest())
            let error = await #expect(throws: ClientError.self) { try await connection.send(MetadataRequest()) }
            _ = try? await second
            #expect(error?.code == .disconnected)
            #expect(ContinuousClock.now - begin < .seconds(5))
            await broker.untilAllClosed()
            #expect(!connection.isOpen)
        }
    }

    @Test("a broker that does not say its versions leaves no connection open")
    func silentAtFirst() async throws {
        try await ScriptedBroker.with { broker in
            broker.on(.apiVersions, .silence)
            let error = await #expect(throws: ClientError.self) {
                try await connect(broker, timeout: .milliseconds(100))
            }
            #expect(error?.code == .disconnected)
            #expect(error?.message.contains("did not answer") == true)
            await broker.untilAllClosed()
        }
    }

    @Test("a request on a connection that the broker closes fails as disconnected")
    func closed() async throws {
        try await ScriptedBroker.with { broker in
            broker.on(.metadata, .close)
            let connection = try await connect(broker)
            for _ in 0..<2 {
                let error = await #expect(throws: ClientError.self) { try await connection.send(MetadataRequest()) }
                #expect(error?.code == .disconnected)
                #expect(error?.isRetriable == true)
            }
            let error = await #expect(throws: ClientError.self) {
                try await connection.sendWithoutAnswer(ProduceRequest())
            }
            #expect(error?.code == .disconnected)
        }
    }

    @Test(
        "an answer that is none fails as unsupported, and ends the connection",
        arguments: [
            // A negative length, a huge one, one too small, a wrong correlation id.
            [0xFF, 0xFF, 0xFF, 0xFF], [0x7F, 0, 0, 0], [0, 0, 0, 1, 9], [0, 0, 0, 4, 9, 9, 9, 9],
            // "HTTP/1.1".
            Array("HTTP/1.1 400 Bad Request\r\n".utf8),
        ] as [[UInt8]])
    func garbage(_ bytes: [UInt8]) async throws {
        try await ScriptedBroker.with { broker in
            broker.on(.metadata, .bytes(bytes))
            let connection = try await connect(broker)
            let error = await #expect(throws: ClientError.self) { try await connection.send(MetadataRequest()) }
            #expect(error?.code == .unsupported, "\(error?.message ?? "")")
            await broker.untilAllClosed()
        }
    }

    @Test("nobody there, and no such host, are told in words")
    func unreachable() async throws {
        let port = try await freePort()
        let refused = await #expect(throws: ClientError.self) {
            try await BrokerConnection.connect(BrokerAddress("127.0.0.1:\(port)"))
        }
        #expect(
            refused?.message == "cannot reach 127.0.0.1:\(port) (connection refused); is `weir serve` running there?")
        let unknown = await #expect(throws: ClientError.self) {
            try await BrokerConnection.connect(BrokerAddress("no-such-host.invalid:9"))
        }
        #expect(unknown?.code == .unreachable)
        #expect(unknown?.message.contains("unknown host") == true)
    }

    private func freePort() async throws -> Int {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(channel.localAddress?.port)
        try await channel.close()
        return port
    }

    @Test(
        "addresses are HOST:PORT",
        arguments: [
            ("h:1", "h:1"), ("127.0.0.1:9092", "127.0.0.1:9092"), ("[::1]:9", "[::1]:9"), (":9", "127.0.0.1:9"),
            ("h", nil), ("h:", nil), ("h:0", nil), ("h:65536", nil), ("h:x", nil), ("", nil), ("h:-1", nil),
        ] as [(String, String?)])
    func addresses(_ text: String, _ address: String?) {
        #expect((try? BrokerAddress(text))?.description == address)
    }
}
