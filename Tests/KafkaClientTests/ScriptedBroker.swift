import KafkaWire
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import KafkaClient

/// A broker on loopback that answers as a test scripted it; what it has no script for, it answers well.
final class ScriptedBroker: Sendable {
    /// What happens to a request.
    enum Reaction: Sendable {
        case answer(any KafkaResponse)
        /// Read, and never answered.
        case silence
        case close
        /// Bytes instead of an answer.
        case bytes([UInt8])
        /// The connection answers well.
        case standard
    }

    /// A request as it arrived.
    struct Arrival: Sendable {
        var api: ApiKey
        var version: Int16
        var body: ByteBuffer

        func decoded<Request: KafkaRequest>(as type: Request.Type) throws -> Request {
            try Request.decode(body, version: version)
        }
    }

    private struct State {
        var script: [ApiKey: [Reaction]] = [:]
        var arrivals: [Arrival] = []
        var connections = 0
        var open = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())
    private let server = Mutex<(any Channel)?>(nil)

    /// Runs `body` with a broker that listens.
    static func with(_ body: (ScriptedBroker) async throws -> Void) async throws {
        let broker = ScriptedBroker()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers(
                        ByteToMessageHandler(FrameDecoder()), Handler(broker))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        broker.server.withLock { $0 = channel }
        do {
            try await body(broker)
        } catch {
            try? await channel.close()
            throw error
        }
        try? await channel.close()
    }

    var port: Int { server.withLock { $0?.localAddress?.port } ?? 0 }
    var address: String { "127.0.0.1:\(port)" }

    /// The next requests of `api` get these, one each; later ones are answered well.
    func on(_ api: ApiKey, _ reactions: Reaction...) {
        state.withLock { $0.script[api, default: []] += reactions }
    }

    /// What came, without the questions for versions.
    var arrivals: [Arrival] { state.withLock { $0.arrivals.filter { $0.api != .apiVersions } } }
    var connectionCount: Int { state.withLock { $0.connections } }

    /// Returns when every connection is closed.
    func untilAllClosed() async {
        await withCheckedContinuation { continuation in
            let isDone = state.withLock { state in
                if state.open > 0 { state.waiting.append(continuation) }
                return state.open == 0
            }
            if isDone { continuation.resume() }
        }
    }

    fileprivate func opened() {
        state.withLock {
            $0.connections += 1
            $0.open += 1
        }
    }

    fileprivate func closed() {
        let done = state.withLock { state in
            state.open -= 1
            guard state.open == 0 else { return [CheckedContinuation<Void, Never>]() }
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in done { continuation.resume() }
    }

    fileprivate func reaction(to arrival: Arrival) -> Reaction {
        state.withLock { state in
            state.arrivals.append(arrival)
            guard state.script[arrival.api]?.isEmpty == false else { return .standard }
            return state.script[arrival.api]?.removeFirst() ?? .standard
        }
    }

    // MARK: Answering well

    fileprivate func standard(_ arrival: Arrival) throws -> (any KafkaResponse)? {
        switch arrival.api {
        case .apiVersions: return Self.versions()
        case .metadata:
            let topics = try arrival.decoded(as: MetadataRequest.self).topics ?? []
            return Answers.metadata(topics.compactMap(\.name), leader: ("127.0.0.1", port))
        case .initProducerId:
            var answer = InitProducerIdResponse()
            answer.producerId = 4711
            return answer
        case .produce:
            let request = try arrival.decoded(as: ProduceRequest.self)
            return request.acks == 0 ? nil : Answers.produce(.none, baseOffset: 100)
        case .findCoordinator:
            let keys = try arrival.decoded(as: FindCoordinatorRequest.self).coordinatorKeys
            return Answers.coordinator(of: keys, at: ("127.0.0.1", port))
        default: return nil
        }
    }

    /// The versions that it says it knows.
    static func versions(produce: Int16, fetch: Int16) -> ApiVersionsResponse {
        versions([.produce: 3...produce, .fetch: 4...fetch])
    }

    /// The versions that it says it knows, `others` among them; nil: not at all.
    static func versions(_ others: [ApiKey: ClosedRange<Int16>?] = [:]) -> ApiVersionsResponse {
        let ranges: [ApiKey: ClosedRange<Int16>?] = [
            .apiVersions: 0...3, .metadata: 0...9, .initProducerId: 0...4, .produce: 3...9, .fetch: 4...12,
            .listOffsets: 1...6, .findCoordinator: 0...4, .listGroups: 0...5, .describeGroups: 0...5,
            .consumerGroupDescribe: 0...0, .deleteGroups: 0...2, .offsetFetch: 1...8, .offsetCommit: 2...8,
            .offsetDelete: 0...0, .listTransactions: 0...1, .describeTransactions: 0...0,
            .describeProducers: 0...0, .writeTxnMarkers: 1...1,
        ]
        let known = ranges.merging(others) { $1 }.compactMapValues { $0 }.sorted { $0.key.rawValue < $1.key.rawValue }
        var answer = ApiVersionsResponse()
        answer.apiKeys = known.map { api, range in
            var entry = ApiVersionsResponse.ApiVersion()
            entry.apiKey = api
            entry.minVersion = range.lowerBound
            entry.maxVersion = range.upperBound
            return entry
        }
        return answer
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private let broker: ScriptedBroker

        init(_ broker: ScriptedBroker) {
            self.broker = broker
        }

        func channelActive(context: ChannelHandlerContext) { broker.opened() }
        func channelInactive(context: ChannelHandlerContext) { broker.closed() }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var frame = unwrapInboundIn(data)
            do {
                let header = try RequestHeader.read(from: &frame)
                let arrival = Arrival(api: header.requestApiKey, version: header.requestApiVersion, body: frame)
                switch broker.reaction(to: arrival) {
                case .answer(let response): try write(response, header, context)
                case .silence: break
                case .close: context.close(promise: nil)
                case .bytes(let bytes): context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
                case .standard:
                    if let response = try broker.standard(arrival) { try write(response, header, context) }
                }
            } catch {
                Issue.record(error, "the client sent what cannot be read")
                context.close(promise: nil)
            }
        }

        private func write(
            _ response: any KafkaResponse, _ header: RequestHeader, _ context: ChannelHandlerContext
        ) throws {
            var body = ByteBuffer()
            try ResponseHeader(correlationId: header.correlationId)
                .write(to: &body, api: header.requestApiKey, version: header.requestApiVersion)
            try response.write(to: &body, version: header.requestApiVersion)
            var frame = ByteBuffer(integer: Int32(body.readableBytes))
            frame.writeBuffer(&body)
            context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
        }
    }
}

/// Answers that scripts are made of.
enum Answers {
    /// One broker, node 1, which leads partitions 0 and 1 of each topic.
    static func metadata(
        _ topics: [String], leader: (host: String, port: Int), _ error: ErrorCode = .none
    ) -> MetadataResponse {
        var node = MetadataResponse.MetadataResponseBroker()
        node.nodeId = 1
        node.host = leader.host
        node.port = Int32(leader.port)
        var answer = MetadataResponse()
        answer.brokers = [node]
        answer.topics = topics.map { name in
            var topic = MetadataResponse.MetadataResponseTopic()
            topic.name = name
            topic.errorCode = error
            topic.partitions = (error == .none ? [0, 1] : [] as [Int32]).map { index in
                var partition = MetadataResponse.MetadataResponsePartition()
                partition.partitionIndex = Int32(index)
                partition.leaderId = 1
                return partition
            }
            return topic
        }
        return answer
    }

    /// The broker that coordinates these groups or transactional ids.
    static func coordinator(
        of keys: [String], at node: (host: String, port: Int), _ error: ErrorCode = .none
    ) -> FindCoordinatorResponse {
        var answer = FindCoordinatorResponse()
        answer.coordinators = keys.map { key in
            var coordinator = FindCoordinatorResponse.Coordinator()
            coordinator.key = key
            coordinator.nodeId = 1
            coordinator.host = node.host
            coordinator.port = Int32(node.port)
            coordinator.errorCode = error
            return coordinator
        }
        return answer
    }

    /// One partition's answer to a batch.
    static func produce(_ error: ErrorCode, baseOffset: Int64 = -1) -> ProduceResponse {
        var partition = ProduceResponse.PartitionProduceResponse()
        partition.errorCode = error
        partition.baseOffset = baseOffset
        var topic = ProduceResponse.TopicProduceResponse()
        topic.name = "t"
        topic.partitionResponses = [partition]
        var answer = ProduceResponse()
        answer.responses = [topic]
        return answer
    }

    /// What a fetch gives of some partitions: their error, high watermark and bytes.
    static func fetch(_ partitions: [Int32: (ErrorCode, Int64, ByteBuffer?)]) -> FetchResponse {
        var topic = FetchResponse.FetchableTopicResponse()
        topic.topic = "t"
        topic.partitions = partitions.sorted { $0.key < $1.key }.map { index, given in
            var partition = FetchResponse.PartitionData()
            partition.partitionIndex = index
            (partition.errorCode, partition.highWatermark, partition.records) = given
            return partition
        }
        var answer = FetchResponse()
        answer.responses = [topic]
        return answer
    }
}
