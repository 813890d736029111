import Coordinators
import KafkaWire
import NIOCore
import SegmentLog
import WeirRuntime
import WorkTracking

/// One produce on its way: checked here, appended on the loops of its partitions, answered when all of it is there.
///
/// `@unchecked Sendable`: confined to `home`, the connection's loop.
final class ProduceOperation: @unchecked Sendable {
    private let broker: Broker
    private let request: ProduceRequest
    private let context: RequestContext
    private let reply: Reply
    private var outcomes: [ProduceOutcome] = []
    private var groups: [ProduceGroup] = []
    private var groupsLeft = 0
    /// Whether a group still waits; those that do not are answered in time, the others with a timeout.
    private var isSettled: [Bool] = []

    init(_ broker: Broker, _ request: ProduceRequest, _ context: RequestContext, _ reply: Reply) {
        self.broker = broker
        self.request = request
        self.context = context
        self.reply = reply
    }

    /// Checks the batches and sends each to its partition's loop.
    func begin() {
        if let refusal = refusalOfAll() {
            for topic in request.topicData {
                for _ in topic.partitionData { outcomes.append(ProduceOutcome(refusal)) }
            }
            return finish()
        }
        check()
        if groups.isEmpty { return finish() }
        groupsLeft = groups.count
        if request.acks == -1, request.timeoutMs > 0 {
            reply.connection.expire(reply.ticket, after: .milliseconds(Int64(request.timeoutMs))) { [self] in timeOut()
            }
        }
        let home = context.loop
        for group in groups {
            group.loop.hop { [self] in
                group.append { settled in
                    home.hop { [self] in settle(group, settled) }
                }
            }
        }
    }

    private func refusalOfAll() -> PartitionRefusal? {
        guard (-1...1).contains(request.acks) else { return PartitionRefusal(.invalidRequiredAcks) }
        if broker.isReadOnly { return PartitionRefusal(.kafkaStorageError, "the node is read-only") }
        return broker.isDraining ? PartitionRefusal(.notLeaderOrFollower, "the node drains") : nil
    }

    private func check() {
        let served = broker.partitions.snapshot()
        let now = broker.clock.wallMilliseconds
        for topic in request.topicData {
            let reference = topic.reference(version: context.version)
            let servedTopic = served[reference]
            for data in topic.partitionData {
                let slot = outcomes.count
                outcomes.append(ProduceOutcome())
                isSettled.append(false)
                guard let servedTopic, let partition = servedTopic.partitions[data.index] else {
                    let code = servedTopic == nil ? reference.unknownCode : .unknownTopicOrPartition
                    outcomes[slot] = ProduceOutcome(PartitionRefusal(code))
                    isSettled[slot] = true
                    continue
                }
                do {
                    let rules = ProduceRules(
                        topic: servedTopic.description, acks: request.acks, version: context.version, now: now)
                    let batch = try rules.check(data.records)
                    let membership = try membership(of: batch)
                    outcomes[slot].logAppendTime = batch.logAppendTime
                    group(of: partition.loop).entries.append(
                        ProduceGroup.Entry(slot: slot, partition: partition, batch: batch, membership: membership))
                } catch {
                    outcomes[slot] = ProduceOutcome(error)
                    isSettled[slot] = true
                }
            }
        }
    }

    /// Whose transaction the batch is part of; nil: of none.
    private func membership(of batch: CheckedBatch) throws(PartitionRefusal) -> TransactionMembership? {
        guard let producer = batch.transactionProducer else { return nil }
        guard let id = request.transactionalId, !id.isEmpty else {
            throw PartitionRefusal(
                .invalidProducerIdMapping, "a transactional batch comes with its producer's transactional id")
        }
        return TransactionMembership(
            transactionalID: id, producer: producer, entry: context.version >= 12 ? .added : .verified)
    }

    private func group(of loop: any Loop) -> ProduceGroup {
        if let known = groups.first(where: { $0.loop === loop }) { return known }
        let group = ProduceGroup(
            loop: loop, stage: request.acks == -1 ? .committed : .written, version: context.version,
            transactions: broker.coordinators.transactions)
        groups.append(group)
        return group
    }

    private func settle(_ group: ProduceGroup, _ settled: ProduceGroup.Settled) {
        for (slot, result) in settled {
            isSettled[slot] = true
            switch result {
            case .failure(let refusal):
                outcomes[slot] = ProduceOutcome(refusal)
            case .success(let appended):
                outcomes[slot].baseOffset = appended.baseOffset
                outcomes[slot].logStartOffset = appended.logStartOffset
            }
        }
        groupsLeft -= 1
        if groupsLeft == 0 { finish() }
    }

    /// What waited too long is answered so; it may still be committed, and its permits wait for that.
    private func timeOut() {
        for slot in outcomes.indices where !isSettled[slot] {
            outcomes[slot] = ProduceOutcome(PartitionRefusal(.requestTimedOut))
        }
        finish()
    }

    private func finish() {
        guard reply.isWaiting else { return }
        broker.sendProduceResponse(request, outcomes, context, reply)
    }
}

/// The part of a produce that concerns the partitions of one loop.
///
/// `@unchecked Sendable`: confined to `loop` once it was sent there.
final class ProduceGroup: @unchecked Sendable {
    /// One partition's batch.
    struct Entry {
        let slot: Int
        let partition: ServedPartition
        let batch: CheckedBatch
        /// Nil: the batch is not transactional.
        let membership: TransactionMembership?
    }

    /// A batch that is in the log.
    struct Appended: Sendable {
        var baseOffset: Int64
        var logStartOffset: Int64
    }

    typealias Settled = [(slot: Int, result: Result<Appended, PartitionRefusal>)]

    let loop: any Loop
    let stage: AppendStage
    private let version: Int16
    private let transactions: Coordinator<TransactionCoordinator>
    var entries: [Entry] = []
    private var settled: Settled = []
    private var then: (@Sendable (Settled) -> Void)?

    init(loop: any Loop, stage: AppendStage, version: Int16, transactions: Coordinator<TransactionCoordinator>) {
        self.loop = loop
        self.stage = stage
        self.version = version
        self.transactions = transactions
    }

    /// Appends every batch; `then` gets all results when the last one is known.
    func append(then: @escaping @Sendable (Settled) -> Void) {
        loop.preconditionIsCurrent()
        self.then = then
        settled.reserveCapacity(entries.count)
        for entry in entries {
            guard let membership = entry.membership else {
                entry.partition.append(entry.batch, until: stage) { [self] in settle(entry, $0) }
                continue
            }
            entry.partition.append(
                entry.batch, of: membership, askedOf: transactions, until: stage, version: version
            ) { [self] in settle(entry, $0) }
        }
    }

    private func settle(_ entry: Entry, _ result: Result<Appended, PartitionRefusal>) {
        settled.append((entry.slot, result))
        if settled.count == entries.count { then.take()?(settled) }
    }
}

/// A batch that keeps the rules of its topic, as it goes into the log.
struct CheckedBatch: Sendable {
    /// The whole batch.
    var bytes: ByteBuffer
    /// Its records, by its header.
    var recordCount: Int
    /// The broker's time, where the topic wants it; −1 otherwise.
    var logAppendTime: Int64 = -1
    /// Replicas that must have it.
    var inSyncReplicasMin: Int32 = 1
    /// Whose transaction it is part of; nil: of none.
    var transactionProducer: ProducerIdentity?
}

extension ServedPartition {
    /// Appends a batch; `then` is told when it has reached `stage`, or why it will not. On the loop.
    func append(
        _ batch: CheckedBatch, until stage: AppendStage,
        then: @escaping (Result<ProduceGroup.Appended, PartitionRefusal>) -> Void
    ) {
        guard let append = admit(then) else { return }
        begin(append, batch, until: stage)
    }

    /// Appends a transactional batch, when it is certain that the partition is part of its transaction. On the loop.
    func append(
        _ batch: CheckedBatch, of membership: TransactionMembership,
        askedOf coordinator: Coordinator<TransactionCoordinator>, until stage: AppendStage, version: Int16,
        then: @escaping (Result<ProduceGroup.Appended, PartitionRefusal>) -> Void
    ) {
        guard let append = admit(then) else { return }
        if case .failure(let refusal) = leaderLog() { return append.refuse(refusal) }
        join(membership, askedOf: coordinator) { [self] code in
            guard code == .none else { return append.refuse(PartitionRefusal(membership: code, version: version)) }
            begin(append, batch, until: stage)
        }
    }

    private func admit(
        _ then: @escaping (Result<ProduceGroup.Appended, PartitionRefusal>) -> Void
    ) -> PendingAppend? {
        guard let gate else {
            then(.failure(PartitionRefusal(.notLeaderOrFollower)))
            return nil
        }
        do {
            return PendingAppend(try gate.enter(.write), then)
        } catch {
            then(.failure(PartitionRefusal(error)))
            return nil
        }
    }

    /// Appends a batch as part of work that the partition's gate admitted. On the loop.
    func appendAdmitted(
        _ batch: CheckedBatch, until stage: AppendStage,
        then: @escaping (Result<ProduceGroup.Appended, PartitionRefusal>) -> Void
    ) {
        loop.preconditionIsCurrent()
        begin(PendingAppend(nil, then), batch, until: stage)
    }

    private func begin(_ append: PendingAppend, _ batch: CheckedBatch, until stage: AppendStage) {
        let log: any ReplicatedLog
        switch leaderLog() {
        case .success(let open): log = open
        case .failure(let refusal): return append.refuse(refusal)
        }
        // One node holds one replica.
        if stage == .committed, batch.inSyncReplicasMin > 1 {
            return append.refuse(PartitionRefusal(.notEnoughReplicas))
        }
        do {
            let receipt = try log.append(batch.bytes, until: stage) { append.finish($0) }
            append.appended = ProduceGroup.Appended(
                baseOffset: receipt.baseOffset, logStartOffset: log.logStartOffset)
            if !receipt.isDuplicate { count(batch) }
        } catch {
            append.finish(.failure(error))
        }
    }

    private func count(_ batch: CheckedBatch) {
        counts.producedBatches += 1
        counts.producedRecords += UInt64(batch.recordCount)
        counts.producedBytes += UInt64(batch.bytes.readableBytes)
    }
}

/// One append on its way, holding its permit where it has one of its own. Confined to the partition's loop.
private final class PendingAppend {
    private var permit: Permit?
    private let then: (Result<ProduceGroup.Appended, PartitionRefusal>) -> Void
    var appended: ProduceGroup.Appended?

    init(
        _ permit: consuming Permit?, _ then: @escaping (Result<ProduceGroup.Appended, PartitionRefusal>) -> Void
    ) {
        self.permit = consume permit
        self.then = then
    }

    func refuse(_ refusal: PartitionRefusal) {
        permit.take()?.end(.failed)
        then(.failure(refusal))
    }

    func finish(_ result: Result<Void, LogError>) {
        switch result {
        case .success:
            guard let appended else { preconditionFailure("a log calls back before append returned") }
            permit.take()?.end()
            then(.success(appended))
        case .failure(let error):
            permit.take()?.end(.failed)
            then(.failure(PartitionRefusal(error)))
        }
    }
}
