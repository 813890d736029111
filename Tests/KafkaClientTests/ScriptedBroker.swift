import KafkaWire
import NIOCore
import NIOPosix
import RecordBatch
import Synchronization

@testable import KafkaClient

/// A broker of one topic, `t` with one partition, on a loopback port: it does what the client needs of one, and goes
/// wrong where a test's script says so.
final class ScriptedBroker: Sendable {
    /// How a request goes wrong.
    enum Fault: Sendable {
        /// The connection closes, and nothing was done.
        case lost
        /// It is done, and the connection closes before the answer.
        case answerLost
        /// The partition answers with this code, and nothing was done.
        case refused(ErrorCode)
        /// The partition's leader is elsewhere, and the answer says where.
        case moved(to: BrokerAddress)
        /// No answer, ever.
        case silence
    }

    struct State {
        var log: [(sequence: Int32, producer: Int64, value: String)] = []
        var batches: [ByteBuffer] = []
        var nextSequence: [Int64: Int32] = [:]
        var producers: Int64 = 0
        var requests: [ApiKey] = []
        var produceVersions: Set<Int16> = []
        var deletions: [(version: Int16, name: String?)] = []
        var faults: [ApiKey: [Fault]] = [:]
        var versions: [ApiKey: ClosedRange<Int16>] = [
            .apiVersions: 0...4, .metadata: 0...12, .produce: 0...13, .fetch: 4...17, .listOffsets: 1...7,
            .initProducerId: 0...4, .deleteTopics: 1...6,
        ]
        var connections = 0
    }

    let state: Mutex<State>
    private let channel: any Channel

    var address: BrokerAddress { BrokerAddress(host: "127.0.0.1", port: channel.localAddress?.port ?? 0) }

    private init(_ channel: any Channel, _ slot: Slot) {
        self.channel = channel
        state = Mutex(State())
        slot.broker.withLock { $0 = self }
    }

    private final class Slot: Sendable {
        let broker = Mutex<ScriptedBroker?>(nil)
    }

    static func start() async throws -> ScriptedBroker {
        let slot = Slot()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let handler = Handler { slot.broker.withLock { $0 } }
                    try channel.pipeline.syncOperations.addHandlers(ByteToMessageHandler(FrameDecoder()), handler)
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return ScriptedBroker(channel, slot)
    }

    func stop() async throws {
        try await channel.close()
    }

    /// Makes the next requests of this kind go wrong, one after another.
    func script(_ api: ApiKey, _ faults: Fault...) {
        state.withLock { $0.faults[api, default: []] += faults }
    }

    var values: [String] { state.withLock { $0.log.map(\.value) } }

    // MARK: Answering

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private let broker: () -> ScriptedBroker?

        init(_ broker: @escaping () -> ScriptedBroker?) { self.broker = broker }

        func channelActive(context: ChannelHandlerContext) {
            broker()?.state.withLock { $0.connections += 1 }
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var frame = unwrapInboundIn(data)
            guard let broker = broker(), let header = try? RequestHeader.read(from: &frame) else {
                return context.close(promise: nil)
            }
            let fault = broker.state.withLock { state in
                state.requests.append(header.requestApiKey)
                return state.faults[header.requestApiKey]?.isEmpty == false
                    ? state.faults[header.requestApiKey]?.removeFirst() : nil
            }
            switch fault {
            case .lost: return context.close(promise: nil)
            case .silence: return
            case .answerLost:
                _ = try? broker.answer(header, frame, nil)
                return context.close(promise: nil)
            default: break
            }
            guard let body = try? broker.answer(header, frame, fault) else { return context.close(promise: nil) }
            guard body.readableBytes > 0 else { return }
            var answer = ByteBuffer()
            answer.writeInteger(Int32(0))
            try? ResponseHeader(correlationId: header.correlationId)
                .write(to: &answer, api: header.requestApiKey, version: header.requestApiVersion)
            answer.writeImmutableBuffer(body)
            answer.setInteger(Int32(answer.readableBytes - 4), at: 0)
            context.writeAndFlush(wrapOutboundOut(answer), promise: nil)
        }
    }

    /// The body of the answer; empty where there is none.
    private func answer(_ header: RequestHeader, _ frame: ByteBuffer, _ fault: Fault?) throws -> ByteBuffer {
        let version = header.requestApiVersion
        var body = ByteBuffer()
        switch header.requestApiKey {
        case .apiVersions: try apiVersions().write(to: &body, version: version)
        case .metadata: try metadata(.decode(frame, version: version)).write(to: &body, version: version)
        case .initProducerId:
            var answer = InitProducerIdResponse()
            answer.producerId = state.withLock { state in
                state.producers += 1
                return state.producers
            }
            try answer.write(to: &body, version: version)
        case .produce:
            let request = try ProduceRequest.decode(frame, version: version)
            state.withLock { _ = $0.produceVersions.insert(version) }
            let answer = try produce(request, fault)
            if request.acks != 0 { try answer.write(to: &body, version: version) }
        case .fetch: try fetch(.decode(frame, version: version), fault).write(to: &body, version: version)
        case .listOffsets: try listOffsets(.decode(frame, version: version)).write(to: &body, version: version)
        case .deleteTopics:
            let request = try DeleteTopicsRequest.decode(frame, version: version)
            let name = request.topics.first?.name ?? request.topicNames.first
            state.withLock { $0.deletions.append((version, name)) }
            var result = DeleteTopicsResponse.DeletableTopicResult()
            result.name = name
            var answer = DeleteTopicsResponse()
            answer.responses = [result]
            try answer.write(to: &body, version: version)
        default: throw WireError(.unsupportedVersion, "not scripted")
        }
        return body
    }

    private func apiVersions() -> ApiVersionsResponse {
        var answer = ApiVersionsResponse()
        answer.apiKeys = state.withLock { $0.versions }.map { key, range in
            var entry = ApiVersionsResponse.ApiVersion()
            entry.apiKey = key
            entry.minVersion = range.lowerBound
            entry.maxVersion = range.upperBound
            return entry
        }
        return answer
    }

    private func metadata(_ request: MetadataRequest) -> MetadataResponse {
        var broker = MetadataResponse.MetadataResponseBroker()
        broker.nodeId = 1
        broker.host = address.host
        broker.port = Int32(address.port)
        var answer = MetadataResponse()
        answer.brokers = [broker]
        answer.topics = (request.topics ?? []).map { wanted in
            var topic = MetadataResponse.MetadataResponseTopic()
            topic.name = wanted.name
            guard wanted.name == "t" else {
                topic.errorCode = .unknownTopicOrPartition
                return topic
            }
            var partition = MetadataResponse.MetadataResponsePartition()
            partition.leaderId = 1
            topic.partitions = [partition]
            return topic
        }
        return answer
    }

    private func produce(_ request: ProduceRequest, _ fault: Fault?) throws -> ProduceResponse {
        let batch = request.topicData.first?.partitionData.first?.records ?? ByteBuffer()
        var result = ProduceResponse.PartitionProduceResponse()
        var answer = ProduceResponse()
        switch fault {
        case .refused(let code): result.errorCode = code
        case .moved(let address):
            result.errorCode = .notLeaderOrFollower
            result.currentLeader.leaderId = 2
            result.currentLeader.leaderEpoch = 1
            var node = ProduceResponse.NodeEndpoint()
            node.nodeId = 2
            node.host = address.host
            node.port = Int32(address.port)
            answer.nodeEndpoints = [node]
        default: (result.errorCode, result.baseOffset) = try append(batch)
        }
        var topic = ProduceResponse.TopicProduceResponse()
        topic.name = "t"
        topic.partitionResponses = [result]
        answer.responses = [topic]
        return answer
    }

    /// Appends as a broker does: sequences have no gaps, and what came before is not appended again.
    private func append(_ batch: ByteBuffer) throws -> (ErrorCode, Int64) {
        let header = try BatchHeader.validated(batch, BatchRules(sizeBytesMax: 1 << 24))
        var reader = try RecordReader(batch, header: header, uncompressedSizeBytesMax: 1 << 24)
        var values: [String] = []
        while let record = try reader.next() { values.append(String(buffer: record.value ?? ByteBuffer())) }
        return state.withLock { state in
            if header.hasProducer {
                let next = state.nextSequence[header.producerID] ?? 0
                if header.baseSequence < next {
                    let place = state.log.firstIndex {
                        $0.producer == header.producerID && $0.sequence == header.baseSequence
                    }
                    return (.none, Int64(place ?? -1))
                }
                guard header.baseSequence == next else { return (.outOfOrderSequenceNumber, -1) }
                state.nextSequence[header.producerID] = next + header.recordCount
            }
            let offset = state.log.count
            var stored = batch
            stored.setBatchPosition(at: stored.readerIndex, baseOffset: Int64(offset), leaderEpoch: 0)
            state.batches.append(stored)
            for (index, value) in values.enumerated() {
                state.log.append((header.baseSequence + Int32(index), header.producerID, value))
            }
            return (.none, Int64(offset))
        }
    }

    private func fetch(_ request: FetchRequest, _ fault: Fault?) -> FetchResponse {
        let wanted = request.topics.first?.partitions.first?.fetchOffset ?? 0
        var result = FetchResponse.PartitionData()
        state.withLock { state in
            result.highWatermark = Int64(state.log.count)
            var records = ByteBuffer()
            for batch in state.batches {
                guard let header = try? BatchHeader(of: batch, at: batch.readerIndex), header.lastOffset >= wanted
                else { continue }
                // The first is whole; the one over the limit is cut off, as real brokers do.
                let isOver = records.readableBytes > 400
                records.writeImmutableBuffer(batch)
                if isOver {
                    records.moveWriterIndex(to: records.writerIndex - 7)
                    break
                }
            }
            result.records = records
            if wanted > Int64(state.log.count) { result.errorCode = .offsetOutOfRange }
        }
        if case .refused(let code) = fault {
            result.errorCode = code
            result.records = ByteBuffer()
        }
        var topic = FetchResponse.FetchableTopicResponse()
        topic.topic = "t"
        topic.partitions = [result]
        var answer = FetchResponse()
        answer.responses = [topic]
        return answer
    }

    private func listOffsets(_ request: ListOffsetsRequest) -> ListOffsetsResponse {
        var result = ListOffsetsResponse.ListOffsetsPartitionResponse()
        let timestamp = request.topics.first?.partitions.first?.timestamp ?? -1
        result.offset = timestamp == -2 ? 0 : timestamp == -1 ? state.withLock { Int64($0.log.count) } : -1
        var topic = ListOffsetsResponse.ListOffsetsTopicResponse()
        topic.name = "t"
        topic.partitions = [result]
        var answer = ListOffsetsResponse()
        answer.topics = [topic]
        return answer
    }
}
