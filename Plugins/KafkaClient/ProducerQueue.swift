import KafkaWire
import NIOCore
import RecordBatch

/// One partition's batches on their way to the broker: what is sent when, in which order, and what again.
///
/// A machine: it is told what happened, and answers what to do. Batches are acknowledged in the order in which they
/// were queued, or fail; a batch that fails for good takes its producer identity with it (the broker would miss
/// its sequence numbers), so that those behind it are numbered anew under a fresh one.
struct ProducerQueue {
    /// What the shell has to do.
    enum Action {
        /// Find the leader, and a producer id where one is needed; then `connected` or `connectionFailed`.
        case connect(needsIdentity: Bool)
        /// Send the batch; then `answered`.
        case send(Batch)
        /// Forget who leads, wait, then `retryDue`.
        case backOff
        /// Nothing more happens to the batch: the offset of its first record, or why it was not taken.
        case complete(number: Int, Result<Int64, ClientError>)
    }

    /// A batch that is sent, under its number.
    struct Batch {
        let number: Int
        var records: RecordBatchBuilder
        fileprivate(set) var triesLeft: Int
        fileprivate var failure: ClientError?
    }

    /// A producer id and its epoch.
    struct Identity: Equatable {
        var id: Int64
        var epoch: Int16
    }

    private enum Phase {
        /// Nothing is known of the leader.
        case apart
        case connecting
        case connected
        /// A batch failed: nothing is sent until all on their way are answered.
        case settling
        case backingOff
    }

    private let settings: ProducerSettings
    private var phase = Phase.apart
    private var identity: Identity?
    private var nextSequence: Int32 = 0
    /// Those to be sent; the last may still take records.
    private var queued = CircularBuffer<Batch>()
    /// Those sent, oldest first; answered ones leave.
    private var inFlight = CircularBuffer<Batch>()
    private var nextNumber = 0
    private var lastIsOpen = false
    private var connectTriesLeft: Int

    init(_ settings: ProducerSettings) {
        self.settings = settings
        connectTriesLeft = settings.retriesMax
    }

    /// Whether a batch waits for more records: the shell's linger timer is for it.
    var hasOpenBatch: Bool { lastIsOpen }

    /// The oldest batch that is not complete; nil: none.
    var oldestNumber: Int? { inFlight.first?.number ?? queued.first?.number }

    // MARK: Records

    /// Adds a record to the open batch, or to a new one; returns the batch's number.
    mutating func add(_ record: OutgoingRecord) -> Int {
        if lastIsOpen, let last = queued.last,
            last.records.sizeBytes + record.sizeBytes > settings.batchSizeBytesMax
        {
            lastIsOpen = false
        }
        if !lastIsOpen { beginBatch() }
        let last = queued.index(before: queued.endIndex)
        queued[last].records.append(record)
        return queued[last].number
    }

    /// Adds a batch of its own; returns its number.
    mutating func add(batch records: [OutgoingRecord]) -> Int {
        beginBatch()
        let last = queued.index(before: queued.endIndex)
        for record in records { queued[last].records.append(record) }
        lastIsOpen = false
        return queued[last].number
    }

    /// Lets the open batch go as it is: the linger is over, or somebody waits for it.
    mutating func close() {
        lastIsOpen = false
    }

    private mutating func beginBatch() {
        queued.append(
            Batch(
                number: nextNumber, records: RecordBatchBuilder(codec: settings.codec),
                triesLeft: settings.retriesMax, failure: nil))
        nextNumber += 1
        lastIsOpen = true
    }

    // MARK: What happened

    /// The leader can be asked; `identity` where one was needed.
    mutating func connected(_ identity: Identity?) -> [Action] {
        if let identity {
            self.identity = identity
            nextSequence = 0
            // Nothing of theirs was taken: they are numbered under the new identity.
            for index in queued.indices { queued[index].records.baseSequence = -1 }
        }
        phase = .connected
        connectTriesLeft = settings.retriesMax
        return advance()
    }

    /// Neither leader nor producer id could be had.
    mutating func connectionFailed(_ error: ClientError) -> [Action] {
        guard !error.isRetriable || connectTriesLeft == 0 else {
            connectTriesLeft -= 1
            phase = .backingOff
            return [.backOff]
        }
        phase = .apart
        connectTriesLeft = settings.retriesMax
        lastIsOpen = false
        let failed = queued.map { Action.complete(number: $0.number, .failure(error)) }
        queued.removeAll()
        return failed
    }

    /// The wait after a failure is over.
    mutating func retryDue() -> [Action] {
        phase = .apart
        return advance()
    }

    /// A batch's answer came, or will never.
    mutating func answered(_ number: Int, _ result: Result<Int64, ClientError>) -> [Action] {
        guard let place = inFlight.firstIndex(where: { $0.number == number }) else { return [] }
        switch result {
        case .success(let offset):
            inFlight.remove(at: place)
            return [.complete(number: number, .success(offset))] + settle()
        case .failure(let error) where error.errorCode == .duplicateSequenceNumber:
            // It was taken, so long ago that the broker forgot where (KIP-98).
            inFlight.remove(at: place)
            return [.complete(number: number, .success(-1))] + settle()
        case .failure(let error):
            inFlight[place].failure = error
            phase = .settling
            return settle()
        }
    }

    /// Goes on sending; once every batch on its way was answered, decides about those that failed.
    private mutating func settle() -> [Action] {
        guard phase == .settling else { return advance() }
        guard inFlight.allSatisfy({ $0.failure != nil }) else { return [] }
        var actions: [Action] = []
        if let first = inFlight.first, let error = first.failure, !error.isRetriable {
            // Refused. Those behind it were not taken either: the broker found them out of order.
            inFlight.removeFirst()
            actions.append(.complete(number: first.number, .failure(error)))
        } else if inFlight.contains(where: { $0.triesLeft == 0 }) {
            // Given up. What is on its way may have been taken: sent again under other numbers it could be doubled.
            actions += inFlight.map { .complete(number: $0.number, .failure($0.failure ?? Self.abandoned)) }
            inFlight.removeAll()
        }
        while var batch = inFlight.popLast() {
            batch.failure = nil
            batch.triesLeft = max(0, batch.triesLeft - 1)
            queued.prepend(batch)
        }
        guard actions.isEmpty else {
            identity = nil
            phase = .apart
            return actions + advance()
        }
        phase = .backingOff
        return [.backOff]
    }

    private static let abandoned = ClientError(.disconnected, "the broker did not answer")

    // MARK: Sending

    /// What can be done now.
    mutating func advance() -> [Action] {
        guard !queued.isEmpty, !(lastIsOpen && queued.count == 1 && isLingering) else { return [] }
        switch phase {
        case .apart:
            phase = .connecting
            return [.connect(needsIdentity: settings.isIdempotent && identity == nil)]
        case .connected:
            return send()
        case .connecting, .settling, .backingOff:
            return []
        }
    }

    /// Whether an open batch waits for its timer; without a linger it waits only for a place among those in flight.
    private var isLingering: Bool { settings.linger > .zero }

    private mutating func send() -> [Action] {
        var actions: [Action] = []
        while inFlight.count < settings.batchesInFlightMax, !queued.isEmpty {
            if queued.count == 1, lastIsOpen {
                // Batches that are not full go one at a time: what comes meanwhile makes the next one larger.
                guard !isLingering, inFlight.isEmpty else { break }
                lastIsOpen = false
            }
            var batch = queued.removeFirst()
            stamp(&batch)
            inFlight.append(batch)
            actions.append(.send(batch))
        }
        return actions
    }

    /// Numbers a batch when it is sent for the first time under an identity; a retry keeps its numbers.
    private mutating func stamp(_ batch: inout Batch) {
        guard let identity, batch.records.baseSequence < 0 else { return }
        batch.records.producerID = identity.id
        batch.records.producerEpoch = identity.epoch
        batch.records.baseSequence = nextSequence
        nextSequence = ProducerSequence.advance(nextSequence, by: batch.records.recordCount)
    }
}

extension RecordBatchBuilder {
    fileprivate mutating func append(_ record: OutgoingRecord) {
        append(timestamp: record.timestamp, key: record.key, value: record.value, headers: record.headers)
    }
}
