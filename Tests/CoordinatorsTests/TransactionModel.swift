import Coordinators
import KafkaWire
import WeirRuntime
import WeirSimulation

/// A transaction coordinator among producers, zombies, partitions and a shell that crashes, all under one seed.
///
/// The shell is the contract's: answers and markers wait for the commit of all records before them, and a crash loses
/// what was not committed. Answers get lost, requests are repeated, markers are written in any order and again after a
/// crash, batches of KIP-890 clients come late.
struct TransactionModel {
    /// What a producer is doing.
    enum Phase: Equatable {
        case new, idle, open
        case ending(TransactionOutcome)
        case dead
    }

    /// One incarnation of an application's producer.
    struct Client {
        var id: String
        var version: Int16
        var identity: ProducerIdentity?
        var phase = Phase.new
        /// The transaction's number, unique in the run.
        var tag = 0
        var added: Set<TopicPartition> = []
        /// The request whose answer it waits for.
        var waiting: Ticket?
    }

    /// A batch on its way.
    struct Batch {
        var tag: Int
        var producer: ProducerIdentity
        var partition: TopicPartition
        var id: String
        /// How many markers the partition had when the batch's transaction was asked for.
        var markersSeen = 0
    }

    /// One partition's log, as far as transactions are concerned.
    struct Partition {
        var epochs: [Int64: Int16] = [:]
        var open: [Int64: [Int]] = [:]
        var markers = 0
    }

    private enum Waiter {
        case client(Int)
        case verification(Batch)
        case told
    }

    private(set) var random: SeededRandom
    private(set) var machine: TransactionCoordinator
    private(set) var mirror: TransactionCoordinator
    private var committed: [CoordinatorRecord] = []
    private var pending: [Effects<TransactionResponse, TransactionCommand>] = []
    private var waiters: [Ticket: Waiter] = [:]
    private var nextTicket: UInt64 = 1
    private var clients: [Client] = []
    private(set) var partitions: [TopicPartition: Partition] = [:]
    private var orders: [(order: MarkerOrder, remaining: [TopicPartition])] = []
    private var late: [Batch] = []
    private var milliseconds: Int64 = 1_000_000
    private var freshID: Int64 = 1_000
    private var tags = 0
    private var epoch: Int32 = 1
    private var isQuiet = false

    /// Who was told that it is a producer: nobody else may be told the same.
    private var owners: [ProducerIdentity: Int] = [:]
    /// What producers were told of their transactions.
    private var verdicts: [Int: TransactionOutcome] = [:]
    /// What partitions made of them.
    private var outcomes: [Int: TransactionOutcome] = [:]
    /// What went wrong; nothing should.
    private(set) var failures: [String] = []
    /// What happened how often.
    private(set) var counts: [String: Int] = [:]

    init(seed: UInt64) throws {
        random = SeededRandom(seed: seed)
        machine = TransactionCoordinator(settings: TransactionSettings())
        mirror = machine
        for (index, id) in ["a", "b", "c"].enumerated() {
            if index == 2 {
                // The last epochs come soon.
                let metadata = TransactionMetadata(
                    producer: ProducerIdentity(id: 5, epoch: ProducerIdentity.lastEpoch - 4),
                    timeoutMilliseconds: 10_000, state: .empty, updateMilliseconds: 1_000_000)
                committed.append(try metadata.foreignRecord(of: id))
            }
            clients.append(Client(id: id, version: random.chance(0.5) ? 4 : 5))
        }
        for number in 0..<3 { partitions[TopicPartition("orders", Int32(number))] = Partition() }
        try replay()
        for record in committed { try mirror.replay(record, of: nil) }
    }

    private var time: CoordinatorTime {
        CoordinatorTime(now: MonotonicTime(nanoseconds: milliseconds * 1_000_000), wallMilliseconds: milliseconds)
    }

    private mutating func sometimes(_ probability: Double) -> Bool {
        !isQuiet && random.chance(probability)
    }

    // MARK: Steps

    /// Something happens.
    mutating func turn() throws {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<45: act(Int.random(in: clients.indices, using: &random))
        case 45..<70: try commit()
        case 70..<88: writeMarker()
        case 88..<92: deliverLate()
        case 92..<95: pass(Int64.random(in: 1...4_000, using: &random))
        case 95..<97: incarnate()
        default:
            if random.chance(0.3) { try crash() }
        }
    }

    /// Everything on its way arrives, and what is open times out.
    mutating func settle() throws {
        isQuiet = true
        for round in 0..<4 {
            while !pending.isEmpty || !orders.isEmpty || !late.isEmpty {
                deliverLate()
                while !pending.isEmpty { try commit() }
                while !orders.isEmpty { writeMarker() }
            }
            if round < 3 { pass(60_000) }
        }
        try check()
    }

    private mutating func send(_ request: TransactionRequest, _ waiter: Waiter) -> Ticket {
        let ticket = Ticket(nextTicket)
        nextTicket += 1
        waiters[ticket] = waiter
        pending.append(machine.step(request, ticket, at: time))
        return ticket
    }

    private mutating func commit() throws {
        guard !pending.isEmpty else { return }
        let effects = pending.removeFirst()
        for record in effects.records { try keep(record) }
        for (ticket, response) in effects.responses { receive(response, ticket) }
        for case .writeMarkers(let order) in effects.commands {
            orders.append((order, order.partitions.shuffled(using: &random)))
        }
    }

    private mutating func keep(_ record: CoordinatorRecord) throws {
        committed.append(record)
        let before = ["a", "b", "c"].map { mirror[$0] }
        try mirror.replay(record, of: nil)
        for (id, before) in zip(["a", "b", "c"], before) {
            guard let before, let after = mirror[id], before != after else { continue }
            let isLater =
                after.producer.id == before.producer.id
                ? after.producer.epoch >= before.producer.epoch : after.producer.id > before.producer.id
            if !isLater { failures.append("\(id): \(before.producer) was followed by \(after.producer)") }
            if before.state.isPrepared, !after.state.isComplete || after.state.outcome != before.state.outcome {
                failures.append("\(id): \(before.state) was followed by \(after.state)")
            }
            if !after.state.predecessors.contains(before.state) {
                failures.append("\(id): \(after.state) does not follow \(before.state)")
            }
        }
    }

    private mutating func pass(_ duration: Int64) {
        milliseconds += duration
        while let deadline = machine.nextDeadline, deadline <= time.now {
            let effects = machine.advance(to: time)
            counts["timed out", default: 0] += effects.commands.count
            pending.append(effects)
        }
    }

    private mutating func crash() throws {
        counts["crash", default: 0] += 1
        // What was appended may have been committed without anybody having been told.
        let survivors = Int.random(in: 0...pending.count, using: &random)
        for effects in pending[..<survivors] {
            for record in effects.records { try keep(record) }
        }
        pending = []
        waiters = [:]
        orders = []
        for index in clients.indices { clients[index].waiting = nil }
        epoch += 1
        try replay()
    }

    private mutating func replay() throws {
        machine = TransactionCoordinator(settings: TransactionSettings(), coordinatorEpoch: epoch)
        for record in committed { try machine.replay(record, of: nil) }
        pending.append(machine.begin(at: time))
    }

    private mutating func incarnate() {
        guard clients.count < 12 else { return }
        let id = ["a", "b", "c"].randomElement(using: &random) ?? "a"
        clients.append(Client(id: id, version: random.chance(0.5) ? 4 : 5))
    }

    // MARK: Producers

    private mutating func act(_ index: Int) {
        var client = clients[index]
        guard client.waiting == nil else { return }
        switch client.phase {
        case .dead:
            client = Client(id: client.id, version: client.version)
        case .new:
            client.waiting = send(initRequest(client.id, nil), .client(index))
        case .idle:
            if random.chance(0.1) {
                client.waiting = send(initRequest(client.id, client.identity), .client(index))
            } else {
                tags += 1
                client.tag = tags
                client.added = []
                client.phase = .open
            }
        case .open:
            open(&client, index)
        case .ending(let outcome):
            guard let identity = client.identity else { break }
            var request = EndTxnRequest()
            request.transactionalId = client.id
            request.producerId = identity.id
            request.producerEpoch = identity.epoch
            request.committed = outcome == .committed
            freshID += 1
            client.waiting = send(
                .end(request, origin(client.version), freshID: freshID), .client(index))
        }
        clients[index] = client
    }

    private mutating func open(_ client: inout Client, _ index: Int) {
        guard let identity = client.identity else { return }
        let partition = TopicPartition("orders", Int32.random(in: 0..<3, using: &random))
        if !client.added.contains(partition) {
            if client.added.isEmpty || random.chance(0.4) {
                client.waiting = send(.addPartitions(client.id, identity, [partition]), .client(index))
                return
            }
            // One that forgets to add a partition: its batch would have no marker, ever.
            if random.chance(0.3) {
                client.waiting = produce(
                    Batch(tag: client.tag, producer: identity, partition: partition, id: client.id))
                return
            }
        } else if random.chance(0.6) {
            let batch = Batch(tag: client.tag, producer: identity, partition: partition, id: client.id)
            if client.version >= 5, sometimes(0.3) {
                late.append(batch)
            } else {
                client.waiting = produce(batch)
            }
            return
        }
        client.phase = .ending(random.chance(0.6) ? .committed : .aborted)
    }

    private mutating func initRequest(_ id: String, _ expected: ProducerIdentity?) -> TransactionRequest {
        var request = InitProducerIdRequest()
        request.transactionalId = id
        request.transactionTimeoutMs = 10_000
        request.producerId = expected?.id ?? -1
        request.producerEpoch = expected?.epoch ?? -1
        freshID += 1
        return .initProducer(request, origin(4), freshID: freshID)
    }

    private func origin(_ version: Int16) -> RequestOrigin {
        RequestOrigin(version: version, clientID: "model", clientHost: "/127.0.0.1")
    }

    private mutating func receive(_ response: TransactionResponse, _ ticket: Ticket) {
        guard let waiter = waiters.removeValue(forKey: ticket) else {
            if case .done = response { return }
            failures.append("\(ticket) was answered twice, or never asked: \(response)")
            return
        }
        switch waiter {
        case .told: return
        case .verification(let batch):
            for index in clients.indices where clients[index].waiting == ticket { clients[index].waiting = nil }
            if case .partitions(let codes) = response, codes[batch.partition] == ErrorCode.none {
                append(batch, isVerified: true)
            }
        case .client(let index):
            guard clients[index].waiting == ticket else { return }
            clients[index].waiting = nil
            if sometimes(0.15) {
                counts["answer lost", default: 0] += 1
                return
            }
            take(response, index)
        }
    }

    private mutating func take(_ response: TransactionResponse, _ index: Int) {
        switch response {
        case .initProducer(let response):
            guard succeeded(response.errorCode, index) else { return }
            become(response.producer, index)
        case .partitions(let codes):
            for (partition, code) in codes where succeeded(code, index) { clients[index].added.insert(partition) }
        case .end(let response):
            guard succeeded(response.errorCode, index), case .ending(let outcome) = clients[index].phase else { return }
            verdicts[clients[index].tag] = outcome
            counts["\(outcome)", default: 0] += 1
            become(clients[index].version >= 5 ? response.producer : clients[index].identity, index)
        default:
            failures.append("client \(index) got \(response)")
        }
    }

    private mutating func become(_ producer: ProducerIdentity?, _ index: Int) {
        guard let producer else { return }
        if let owner = owners[producer], owner != index {
            failures.append("\(producer) was given to clients \(owner) and \(index)")
        }
        owners[producer] = index
        if producer.epoch == 0, producer.id > 1_000, clients[index].identity != nil {
            counts["rotated", default: 0] += 1
        }
        clients[index].identity = producer
        clients[index].phase = .idle
    }

    private mutating func succeeded(_ code: ErrorCode, _ index: Int) -> Bool {
        switch code {
        case .none: return true
        case .concurrentTransactions: return false
        case .producerFenced, .invalidProducerIdMapping:
            counts["fenced", default: 0] += 1
            clients[index].phase = .dead
        case .invalidTxnState where clients[index].added.isEmpty:
            // The commit of a transaction without partitions.
            clients[index].phase = .ending(.aborted)
            if clients[index].version < 5 { clients[index].phase = .idle }
        default: failures.append("client \(index), \(clients[index].phase): \(code)")
        }
        return false
    }

    // MARK: Partitions

    /// A batch arrives; where it would begin a transaction, the coordinator is asked first (KIP-890).
    private mutating func produce(_ batch: Batch) -> Ticket? {
        guard let partition = partitions[batch.partition] else { return nil }
        if partition.open[batch.producer.id] != nil {
            append(batch, isVerified: false)
            return nil
        }
        var batch = batch
        batch.markersSeen = partition.markers
        return send(.verifyPartitions(batch.id, batch.producer, [batch.partition]), .verification(batch))
    }

    private mutating func append(_ batch: Batch, isVerified: Bool) {
        guard var partition = partitions[batch.partition] else { return }
        guard batch.producer.epoch >= partition.epochs[batch.producer.id] ?? -1 else { return }
        if isVerified, partition.markers != batch.markersSeen { return }
        counts["appended", default: 0] += 1
        if outcomes[batch.tag] != nil, partition.open[batch.producer.id]?.contains(batch.tag) != true {
            counts["appended while ending", default: 0] += 1
        }
        partition.epochs[batch.producer.id] = batch.producer.epoch
        partition.open[batch.producer.id, default: []].append(batch.tag)
        partitions[batch.partition] = partition
    }

    private mutating func deliverLate() {
        guard !late.isEmpty else { return }
        _ = produce(late.remove(at: Int.random(in: late.indices, using: &random)))
    }

    private mutating func writeMarker() {
        guard !orders.isEmpty else { return }
        let index = Int.random(in: orders.indices, using: &random)
        guard let name = orders[index].remaining.popLast() else { return }
        let order = orders[index].order
        if var partition = partitions[name], order.end.producer.epoch >= partition.epochs[order.end.producer.id] ?? -1 {
            for tag in partition.open.removeValue(forKey: order.end.producer.id) ?? [] {
                if let other = outcomes[tag], other != order.end.outcome {
                    failures.append("transaction \(tag) was \(other) here and \(order.end.outcome) there")
                }
                outcomes[tag] = order.end.outcome
            }
            partition.epochs[order.end.producer.id] = order.end.producer.epoch
            partition.markers += 1
            partitions[name] = partition
        }
        if orders[index].remaining.isEmpty {
            orders.remove(at: index)
            _ = send(.markersWritten(order), .told)
        }
    }

    // MARK: Invariants

    private mutating func check() throws {
        for (tag, verdict) in verdicts {
            if let outcome = outcomes[tag], outcome != verdict {
                failures.append("the producer of transaction \(tag) was told \(verdict), and it was \(outcome)")
            }
        }
        for (name, partition) in partitions where !partition.open.isEmpty {
            failures.append("\(name) has transactions for ever: \(partition.open)")
        }
        var again = TransactionCoordinator(settings: TransactionSettings())
        for record in committed { try again.replay(record, of: nil) }
        for id in ["a", "b", "c"] where again[id] != machine[id] {
            failures.append(
                "\(id): the log says \(String(describing: again[id])), not \(String(describing: machine[id]))")
        }
    }
}
