import KafkaWire
import NIOCore
import RecordBatch

/// Does what a `ProducerQueue` says: finds leaders, sends batches, waits, tells those who wait.
///
/// Sendable by confinement: everything but `init` runs on `loop`.
final class ProducerShell: @unchecked Sendable {
    typealias Then = @Sendable (Result<Int64, ClientError>) -> Void

    /// What callers want.
    enum Input: Sendable {
        /// A record for the next batch.
        case record(OutgoingRecord, Then)
        /// A batch of its own.
        case batch([OutgoingRecord], Then)
        /// Word when everything before it is complete.
        case flush(Then)
    }

    /// The newest versions that name topics instead of giving their ids.
    private static let produceVersionMax: Int16 = 12
    /// How long the broker may wait for replicas.
    private static let replicationTimeout = Duration.seconds(30)

    private let client: KafkaClient
    private let topic: String
    private let partition: Int32
    private let settings: ProducerSettings
    private let loop: any EventLoop

    private var queue: ProducerQueue
    private var connection: BrokerConnection?
    /// Who waits for which batch, in the order of its records.
    private var waiting: [Int: [Then]] = [:]
    private var flushes: [(through: Int, then: Then)] = []
    private var lastNumber = -1
    private var firstFailure: ClientError?
    private var linger: Scheduled<Void>?
    /// Who leads now, as the last refusal said; believed once in a row.
    private var hint: LeaderHint?
    private var hasFollowedHint = false

    init(
        _ client: KafkaClient, topic: String, partition: Int32, settings: ProducerSettings, loop: any EventLoop
    ) {
        self.client = client
        self.topic = topic
        self.partition = partition
        self.settings = settings
        self.loop = loop
        queue = ProducerQueue(settings)
    }

    /// Takes what callers want, in their order, and goes on.
    func take(_ inputs: [Input]) {
        for input in inputs {
            switch input {
            case .record(let record, let then):
                lastNumber = queue.add(record)
                waiting[lastNumber, default: []].append(then)
            case .batch(let records, let then):
                lastNumber = queue.add(batch: records)
                waiting[lastNumber] = [then]
            case .flush(let then):
                queue.close()
                flushes.append((lastNumber, then))
            }
        }
        perform(queue.advance())
        answerFlushes()
        armLinger()
    }

    private func armLinger() {
        guard settings.linger > .zero, queue.hasOpenBatch, linger == nil else { return }
        linger = loop.scheduleTask(in: TimeAmount(settings.linger)) { [self] in
            linger = nil
            queue.close()
            perform(queue.advance())
        }
    }

    private func perform(_ actions: [ProducerQueue.Action]) {
        for action in actions {
            switch action {
            case .connect(let needsIdentity): connect(needsIdentity)
            case .send(let batch): send(batch)
            case .backOff: backOff()
            case .complete(let number, let result): complete(number, result)
            }
        }
    }

    private func complete(_ number: Int, _ result: Result<Int64, ClientError>) {
        if case .failure(let error) = result, firstFailure == nil { firstFailure = error }
        for (index, then) in (waiting.removeValue(forKey: number) ?? []).enumerated() {
            then(result.map { $0 < 0 ? $0 : $0 + Int64(index) })
        }
        answerFlushes()
    }

    private func answerFlushes() {
        while let flush = flushes.first, (queue.oldestNumber ?? .max) > flush.through {
            flushes.removeFirst()
            flush.then(firstFailure.map { .failure($0) } ?? .success(-1))
            firstFailure = nil
        }
    }

    // MARK: Finding the leader

    private func connect(_ needsIdentity: Bool) {
        connection = nil
        let client = client
        let topic = topic
        let partition = partition
        loop.makeFutureWithTask {
            let leader = try await client.leader(of: topic, partition)
            return (leader, needsIdentity ? try await Self.identity(from: client) : nil)
        }.whenComplete { [self] result in
            switch result {
            case .success((let leader, let identity)):
                connection = leader
                perform(queue.connected(identity))
            case .failure(let error):
                perform(queue.connectionFailed(Self.clientError(error)))
            }
        }
    }

    private static func identity(from client: KafkaClient) async throws -> ProducerQueue.Identity {
        var request = InitProducerIdRequest()
        request.transactionalId = nil
        request.transactionTimeoutMs = 60_000
        let answer = try await client.send(request)
        guard answer.errorCode == .none else { throw ClientError.refused("no producer id", answer.errorCode, nil) }
        return ProducerQueue.Identity(id: answer.producerId, epoch: answer.producerEpoch)
    }

    private func backOff() {
        let client = client
        let topic = topic
        let partition = partition
        let hint = hasFollowedHint ? nil : hint
        hasFollowedHint = hint != nil
        self.hint = nil
        loop.makeFutureWithTask {
            if let hint {
                await client.note(leader: hint, of: topic, partition)
            } else {
                await client.forgetLeaders(of: topic)
            }
        }.whenComplete { [self] _ in
            loop.scheduleTask(in: hint == nil ? TimeAmount(settings.retryDelay) : .zero) { [self] in
                perform(queue.retryDue())
            }
        }
    }

    // MARK: Sending

    private func send(_ batch: ProducerQueue.Batch) {
        let number = batch.number
        let sent: EventLoopFuture<Int64>
        do {
            sent = try exchange(request(for: batch))
        } catch {
            sent = loop.makeFailedFuture(error)
        }
        sent.hop(to: loop).whenComplete { [self] result in
            if case .success = result { hasFollowedHint = false }
            perform(queue.answered(number, result.mapError(Self.clientError)))
        }
    }

    private func request(for batch: ProducerQueue.Batch) throws(BatchError) -> ProduceRequest {
        var data = ProduceRequest.PartitionProduceData()
        data.index = partition
        data.records = try batch.records.build()
        var group = ProduceRequest.TopicProduceData()
        group.name = topic
        group.partitionData = [data]
        var request = ProduceRequest()
        request.transactionalId = nil
        request.acks = settings.acks
        request.timeoutMs = Int32(Self.replicationTimeout.components.seconds * 1_000)
        request.topicData = [group]
        return request
    }

    private func exchange(_ request: ProduceRequest) throws -> EventLoopFuture<Int64> {
        guard let connection, connection.isOpen else {
            throw ClientError(.disconnected, "the broker closed the connection")
        }
        guard settings.acks != 0 else {
            return connection.futureWithoutAnswer(request, versionMax: Self.produceVersionMax).map { -1 }
        }
        return connection.future(request, versionMax: Self.produceVersionMax, wait: Self.replicationTimeout)
            .hop(to: loop)
            .flatMapThrowing { [self] answer in try offset(in: answer) }
    }

    private func offset(in answer: ProduceResponse) throws -> Int64 {
        guard let result = answer.responses.first?.partitionResponses.first else {
            throw ClientError(.unsupported, "the broker's answer to a batch names no partition")
        }
        if result.errorCode == .none { return result.baseOffset }
        if let node = answer.nodeEndpoints.first(where: { $0.nodeId == result.currentLeader.leaderId }) {
            hint = LeaderHint(
                node: node.nodeId, address: BrokerAddress(host: node.host, port: Int(node.port)))
        }
        let faults = result.recordErrors.compactMap { fault in
            fault.batchIndexErrorMessage.map { "record \(fault.batchIndex): \($0)" }
        }
        let reason = ([result.errorMessage].compactMap { $0 } + faults.prefix(3)).joined(separator: "; ")
        throw ClientError.refused("\(topic)-\(partition) refuses a batch", result.errorCode, reason)
    }

    private static func clientError(_ error: any Error) -> ClientError {
        (error as? ClientError) ?? ClientError(.unsupported, "\(error)")
    }
}
