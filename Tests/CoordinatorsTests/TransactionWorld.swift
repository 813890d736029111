import Coordinators
import KafkaWire
import NIOCore
import WeirRuntime

/// A transaction coordinator with a shell that commits every step at once, and keeps what there is to look at.
struct TransactionWorld {
    /// The machine.
    private(set) var machine: TransactionCoordinator
    /// Every record, in order.
    private(set) var log: [CoordinatorRecord] = []
    /// Orders whose markers are not written yet.
    private(set) var orders: [MarkerOrder] = []
    /// Milliseconds since 1970; the other clock began with it at 1,000,000.
    private(set) var milliseconds: Int64 = 1_000_000
    /// The next producer id that nobody has.
    private(set) var freshID: Int64 = 100
    private var ticket: UInt64 = 0
    private let settings: TransactionSettings

    init(settings: TransactionSettings = TransactionSettings(), log: [CoordinatorRecord] = []) throws {
        self.settings = settings
        machine = TransactionCoordinator(settings: settings, coordinatorEpoch: 7)
        self.log = log
        for record in log { try machine.replay(record, of: nil) }
        keep(machine.begin(at: time))
    }

    var time: CoordinatorTime {
        CoordinatorTime(
            now: MonotonicTime(nanoseconds: (milliseconds - 1_000_000) * 1_000_000), wallMilliseconds: milliseconds)
    }

    /// Steps the machine, and gives the answer.
    mutating func perform(_ request: TransactionRequest) -> TransactionResponse {
        ticket += 1
        let effects = machine.step(request, Ticket(ticket), at: time)
        keep(effects)
        precondition(effects.responses.count == 1, "each request is answered in its own step, and once")
        precondition(effects.responses[0].ticket == Ticket(ticket))
        return effects.responses[0].response
    }

    private mutating func keep(_ effects: Effects<TransactionResponse, TransactionCommand>) {
        log += effects.records
        for case .writeMarkers(let order) in effects.commands { orders.append(order) }
    }

    /// Lets time pass, and what is due with it.
    mutating func pass(_ duration: Int64) {
        let end = milliseconds + duration
        while let deadline = machine.nextDeadline, deadline.nanoseconds / 1_000_000 + 1_000_000 <= end {
            milliseconds = max(milliseconds, deadline.nanoseconds / 1_000_000 + 1_000_000)
            keep(machine.advance(to: time))
        }
        milliseconds = end
    }

    /// The markers of the oldest order are written.
    mutating func writeMarkers() {
        guard !orders.isEmpty else { return }
        _ = perform(.markersWritten(orders.removeFirst()))
    }

    /// The shell drops the machine and replays the log into another.
    mutating func restart() throws {
        orders = []
        machine = TransactionCoordinator(settings: settings, coordinatorEpoch: 8)
        for record in log { try machine.replay(record, of: nil) }
        keep(machine.begin(at: time))
    }
}

// MARK: Requests

extension TransactionWorld {
    mutating func initProducer(
        _ id: String?, timeout: Int32 = 60_000, expected: ProducerIdentity? = nil, version: Int16 = 4
    ) -> InitProducerIdResponse {
        var request = InitProducerIdRequest()
        request.transactionalId = id
        request.transactionTimeoutMs = timeout
        request.producerId = expected?.id ?? -1
        request.producerEpoch = expected?.epoch ?? -1
        freshID += 1
        guard
            case .initProducer(let response) = perform(
                .initProducer(request, origin(version), freshID: freshID - 1))
        else { preconditionFailure("InitProducerId is answered by its kind") }
        return response
    }

    mutating func add(
        _ partitions: [TopicPartition], to id: String = "t", by producer: ProducerIdentity
    ) -> ErrorCode {
        codes(perform(.addPartitions(id, producer, partitions)))
    }

    mutating func verify(
        _ partitions: [TopicPartition], in id: String = "t", by producer: ProducerIdentity
    ) -> ErrorCode {
        codes(perform(.verifyPartitions(id, producer, partitions)))
    }

    mutating func end(
        _ outcome: TransactionOutcome, by producer: ProducerIdentity, version: Int16 = 4
    ) -> EndTxnResponse {
        end("t", outcome, by: producer, version: version)
    }

    mutating func end(
        _ id: String, _ outcome: TransactionOutcome, by producer: ProducerIdentity, version: Int16 = 4
    ) -> EndTxnResponse {
        var request = EndTxnRequest()
        request.transactionalId = id
        request.producerId = producer.id
        request.producerEpoch = producer.epoch
        request.committed = outcome == .committed
        let fresh: Int64? = producer.epoch >= ProducerIdentity.lastEpoch ? freshID : nil
        if fresh != nil { freshID += 1 }
        guard case .end(let response) = perform(.end(request, origin(version), freshID: fresh)) else {
            preconditionFailure("EndTxn is answered by its kind")
        }
        return response
    }

    mutating func describe(_ id: String = "t") -> DescribeTransactionsResponse.TransactionState {
        guard case .describe(let description) = perform(.describe(id)) else {
            preconditionFailure("DescribeTransactions is answered by its kind")
        }
        return description
    }

    private func origin(_ version: Int16) -> RequestOrigin {
        RequestOrigin(version: version, clientID: "test", clientHost: "/127.0.0.1")
    }

    private func codes(_ response: TransactionResponse) -> ErrorCode {
        guard case .partitions(let codes) = response else { preconditionFailure("partitions have codes") }
        let distinct = Set(codes.values)
        precondition(distinct.count == 1, "ask about partitions of one kind: \(codes)")
        return distinct.first ?? .none
    }
}

extension InitProducerIdResponse {
    var producer: ProducerIdentity { ProducerIdentity(id: producerId, epoch: producerEpoch) }
}

extension EndTxnResponse {
    var producer: ProducerIdentity { ProducerIdentity(id: producerId, epoch: producerEpoch) }
}

extension TransactionMetadata {
    /// The record that says this, as another writer of Kafka's format would make it.
    func foreignRecord(of id: String, version: Int16 = 1) throws -> CoordinatorRecord {
        var key = ByteBuffer(integer: Int16(0))
        var name = TransactionLogKey()
        name.transactionalId = id
        try name.write(to: &key, version: 0)
        var content = TransactionLogValue()
        content.producerId = producer.id
        content.producerEpoch = producer.epoch
        content.transactionTimeoutMs = timeoutMilliseconds
        content.transactionStatus = state.rawValue
        content.transactionLastUpdateTimestampMs = updateMilliseconds
        content.transactionStartTimestampMs = startMilliseconds
        if version >= 1 {
            content.previousProducerId = previousProducerID
            content.nextProducerId = nextProducerID
            content.clientTransactionVersion = clientVersion
        }
        for partition in partitions {
            var topic = TransactionLogValue.PartitionsSchema()
            topic.topic = partition.topic
            topic.partitionIds = [partition.partition]
            content.transactionPartitions?.append(topic)
        }
        var value = ByteBuffer(integer: version)
        try content.write(to: &value, version: version)
        return CoordinatorRecord(key: key, value: value)
    }
}
