public import KafkaWire
import WeirRuntime

/// Coordinates the transactional ids that hash to one partition of `__transaction_state`.
///
/// Every change of an id is a record, and the record is what changes the id: `write` encodes it and applies it as a
/// replay would. A decision (`PrepareCommit`, `PrepareAbort`) orders its markers in the same step, which the shell
/// writes only when the decision is committed; from there on only `markersWritten` moves the id.
///
/// As Kafka does it, with these differences, none of which a correct client can tell:
/// - Where Kafka refuses with CONCURRENT_TRANSACTIONS because a record is being written, the request is taken, and its
///   answer waits for the commit.
/// - Fencing bumps the epoch once, never twice (KIP-890 on top of KIP-98), so that the last epoch can be fenced too.
/// - InitProducerId of a producer that was fenced does not abort the transaction of the one that fenced it.
/// - A transaction without partitions needs no markers, and is complete in the step that ends it.
public struct TransactionCoordinator: CoordinatorMachine {
    /// How transactions are coordinated.
    public private(set) var settings: TransactionSettings

    /// The epoch that markers carry.
    let coordinatorEpoch: Int32
    /// What is known of each id.
    var entries: [String: Entry] = [:]
    /// When open transactions time out, by id; filled from `begin` on.
    var timeouts = DeadlineQueue<String>()
    /// When ids without a transaction expire; likewise.
    var expirations = DeadlineQueue<String>()
    /// The last time that anybody told; nil before `begin`.
    var lastTime: CoordinatorTime?
    /// No round that aborts what timed out comes before this.
    var timeoutsNotBefore = MonotonicTime(nanoseconds: .min)
    /// No round that forgets ids comes before this.
    var expirationsNotBefore = MonotonicTime(nanoseconds: .min)

    /// What is known of one id: what the log says, and what is lost with the machine.
    struct Entry: Sendable {
        /// What the log says.
        var metadata: TransactionMetadata
        /// The epoch with which the producer asked for the one it has; −1: it did not (KIP-360). Kafka's log has no
        /// place for it where InitProducerId bumped: a retry across a replay is fenced.
        var lastEpoch: Int16 = -1
    }

    typealias Step = Effects<TransactionResponse, TransactionCommand>

    /// A coordinator without transactional ids, whose markers carry `coordinatorEpoch`: the leader epoch of its log.
    public init(settings: TransactionSettings, coordinatorEpoch: Int32 = 0) {
        self.settings = settings
        self.coordinatorEpoch = coordinatorEpoch
    }

    /// Takes in a record of the log.
    public mutating func replay(_ record: CoordinatorRecord, of producer: ProducerIdentity?) throws(WireError) {
        try apply(record)
    }

    /// The log of transactional ids holds no transactions itself.
    public mutating func replay(_ marker: TransactionEnd) {}

    /// The log was replayed whole: what was decided gets its markers, perhaps once more.
    public mutating func begin(at time: CoordinatorTime) -> Effects<TransactionResponse, TransactionCommand> {
        lastTime = time
        var step = Step()
        // In order, so that the same log gives the same effects.
        for id in entries.keys.sorted() {
            setDeadlines(of: id)
            finish(id, at: time, in: &step)
            step.cut()
        }
        return step
    }

    /// Takes in a request.
    public mutating func step(
        _ request: TransactionRequest, _ ticket: Ticket, at time: CoordinatorTime
    ) -> Effects<TransactionResponse, TransactionCommand> {
        if lastTime != nil { lastTime = time }
        switch request {
        case .initProducer(let request, let origin, let freshID):
            return initProducer(request, origin, freshID: freshID, ticket, at: time)
        case .addPartitions(let id, let producer, let partitions):
            return addPartitions(partitions, of: producer, to: id, ticket, at: time)
        case .verifyPartitions(let id, let producer, let partitions):
            return .answer(ticket, verifyPartitions(partitions, of: producer, in: id))
        case .end(let request, let origin, let freshID):
            return end(request, origin, freshID: freshID, ticket, at: time)
        case .markersWritten(let order):
            return complete(order, ticket, at: time)
        case .describe(let id):
            return .answer(ticket, .describe(describe(id)))
        case .list(let filters):
            return .answer(ticket, .list(list(filters, at: time)))
        }
    }
}

// MARK: Records

extension TransactionCoordinator {
    /// What the log says of `id`; nil: nothing.
    package subscript(id: String) -> TransactionMetadata? { entries[id]?.metadata }

    /// The ids that the log knows, in no order.
    package var ids: some Collection<String> { entries.keys }

    /// Makes a record of what is next for an id, and applies it.
    ///
    /// - Parameter lastEpoch: See `Entry.lastEpoch`; nil: what the record itself says.
    mutating func write(
        _ metadata: TransactionMetadata, of id: String, lastEpoch: Int16? = nil, in step: inout Step
    ) {
        precondition(
            metadata.state.predecessors.contains(entries[id]?.metadata.state ?? .empty),
            "\(id): \(metadata.state.name) does not follow \(entries[id]?.metadata.state.name ?? "nothing")")
        append(metadata.record(of: id), in: &step)
        if let lastEpoch { entries[id]?.lastEpoch = lastEpoch }
    }

    /// Makes the record that forgets an id, and applies it.
    mutating func forget(_ id: String, in step: inout Step) {
        append(TransactionMetadata.tombstone(of: id), in: &step)
    }

    private mutating func append(_ record: CoordinatorRecord, in step: inout Step) {
        step.records.append(record)
        do { try apply(record) } catch { preconditionFailure("what was encoded here decodes: \(error)") }
    }

    private mutating func apply(_ record: CoordinatorRecord) throws(WireError) {
        guard let (id, metadata) = try TransactionMetadata.read(record) else { return }
        defer { setDeadlines(of: id) }
        guard let metadata else {
            entries[id] = nil
            return
        }
        var entry = entries[id] ?? Entry(metadata: metadata)
        entry.metadata = metadata
        // A client that ends a transaction under KIP-890 asks for the next epoch with the one it had.
        entry.lastEpoch = -1
        if metadata.wasEndedWithBump {
            entry.lastEpoch = metadata.producer.epoch == 0 ? ProducerIdentity.lastEpoch : metadata.producer.epoch - 1
        }
        entries[id] = entry
    }
}
