import KafkaWire
import NIOCore
import SegmentLog
import WeirRuntime

/// One fetch on its way: over the loops of its partitions, perhaps parked there, and home again.
///
/// First a *survey* visits each loop: is there an error, are there enough bytes? Where not, the fetch is parked at
/// the partitions, in the same visit, so that nothing that is appended meanwhile is missed. It is woken by what
/// moves there, never by polling. Then a *read* visits the loops again, with what is left of the budget.
///
/// `@unchecked Sendable`: confined to `home`, the connection's loop, but for `groups`, each confined to its own.
final class FetchOperation: @unchecked Sendable {
    private enum Phase {
        case surveying
        case parked
        case reading
        case done
    }

    private let broker: Broker
    private let plan: FetchPlan
    private let use: FetchSessionUse
    private let waitMilliseconds: Int64
    private let bytesMax: Int
    private let committedOnly: Bool
    private let context: RequestContext
    private let reply: Reply
    let home: any Loop
    private let bytesMin: Int
    private var groups: [FetchGroup] = []
    /// Partitions of each group.
    private var partCounts: [Int] = []
    private var outcomes: [FetchOutcome] = []
    private var phase = Phase.surveying
    /// What each group could give, as far as is known here.
    private var bytesOfGroup: [Int] = []
    /// Whether something other than bytes asks for an answer: an error, a drain.
    private var isFinal = false
    private var timer: (any ScheduledCallback)?
    private var budgetTaken = 0

    /// A fetch of `plan`, with the limits of `request`.
    init(
        _ broker: Broker, _ request: FetchRequest, _ plan: FetchPlan, _ use: FetchSessionUse,
        _ context: RequestContext, _ reply: Reply
    ) {
        self.broker = broker
        self.plan = plan
        self.use = use
        self.context = context
        self.reply = reply
        home = context.loop
        waitMilliseconds = Int64(request.maxWaitMs)
        bytesMin = max(0, Int(request.minBytes))
        bytesMax = min(max(1, Int(request.maxBytes)), broker.settings.fetchSizeBytesMax)
        committedOnly = request.isCommittedOnly
    }

    /// Finds the partitions and begins the survey.
    func begin() {
        resolve()
        if waitMilliseconds <= 0 || broker.isDraining { isFinal = true }
        if groups.isEmpty { return finish() }
        survey(0, bytes: 0)
    }

    private func resolve() {
        let served = broker.partitions.snapshot()
        let isDraining = broker.isDraining
        let topics = plan.topics.map { served[$0] }
        outcomes.reserveCapacity(plan.targets.count)
        for (slot, target) in plan.targets.enumerated() {
            let topic = topics[Int(target.topic)]
            guard !isDraining, let partition = topic?.partitions[target.partition] else {
                let unknown = topic == nil ? plan.topics[Int(target.topic)].unknownCode : .unknownTopicOrPartition
                outcomes.append(FetchOutcome(error: isDraining ? .notLeaderOrFollower : unknown))
                isFinal = true
                continue
            }
            outcomes.append(FetchOutcome())
            group(of: partition.loop).parts.append(FetchGroup.Part(slot: slot, partition: partition, target: target))
        }
        bytesOfGroup = Array(repeating: 0, count: groups.count)
        partCounts = groups.map { $0.parts.count }
    }

    private func group(of loop: any Loop) -> FetchGroup {
        if let known = groups.first(where: { $0.loop === loop }) { return known }
        let group = FetchGroup(
            index: groups.count, loop: loop, bound: committedOnly ? .lastStableOffset : .highWatermark,
            zstdIsKnown: context.version >= 10, fetch: self)
        groups.append(group)
        return group
    }

    // MARK: Survey

    private func survey(_ index: Int, bytes: Int) {
        let group = groups[index]
        let isPressed = isFinal
        let needed = bytesMin - bytes
        group.loop.hop { [self] in
            let found = group.survey(parkingBelow: isPressed ? nil : needed)
            home.hop { [self] in surveyed(index, bytes: bytes, found) }
        }
    }

    private func surveyed(_ index: Int, bytes: Int, _ found: FetchGroup.Survey) {
        bytesOfGroup[index] = max(bytesOfGroup[index], found.bytes)
        if found.isFinal { isFinal = true }
        let total = bytes + found.bytes
        if !isFinal, total < bytesMin, index + 1 < groups.count { return survey(index + 1, bytes: total) }
        guard !isFinal, bytesOfGroup.reduce(0, +) < bytesMin, reply.isWaiting else { return read() }
        park()
    }

    private func park() {
        phase = .parked
        timer = home.schedule(after: .milliseconds(waitMilliseconds)) { [self] in
            if phase == .parked { read() }
        }
        reply.connection.onClosed = { [self] in abandon() }
    }

    /// Something moved at a group's partitions. On the group's loop.
    func groupAdvanced(_ index: Int, bytes: Int, isFinal: Bool) {
        home.hop { [self] in
            bytesOfGroup[index] = max(bytesOfGroup[index], bytes)
            if isFinal { self.isFinal = true }
            guard phase == .parked, self.isFinal || bytesOfGroup.reduce(0, +) >= bytesMin else { return }
            read()
        }
    }

    /// The connection is gone: leaves the partitions.
    private func abandon() {
        guard phase == .parked else { return }
        phase = .done
        timer?.cancel()
        for group in groups { group.loop.hop { group.leave() } }
        groups = []
    }

    // MARK: Read

    private func read() {
        phase = .reading
        timer?.cancel()
        timer = nil
        reply.connection.onClosed = nil
        // Under pressure a fetch gets less, never nothing: a first batch always fits.
        let free = max(1, broker.fetchBudget.limit - broker.fetchBudget.bytes)
        budgetTaken = min(bytesMax, free)
        broker.fetchBudget.add(budgetTaken)
        let (firstGroup, firstPart) = start()
        read(0, firstGroup: firstGroup, firstPart: firstPart, budget: budgetTaken)
    }

    /// Where to begin: behind what the connection's last fetch got records of, so that every partition has its turn.
    private func start() -> (group: Int, part: Int) {
        var turn = reply.connection.fetchTurn % partCounts.reduce(0, +)
        for (index, count) in partCounts.enumerated() {
            if turn < count { return (index, turn) }
            turn -= count
        }
        return (0, 0)
    }

    private func read(_ step: Int, firstGroup: Int, firstPart: Int, budget: Int) {
        guard step < groups.count else { return finish() }
        let group = groups[(firstGroup + step) % groups.count]
        let first = step == 0 ? firstPart : 0
        group.loop.hop { [self] in
            group.read(budget: budget, first: first) { [self] outcomes, budget in
                home.hop { [self] in
                    for (slot, outcome) in outcomes { self.outcomes[slot] = outcome }
                    read(step + 1, firstGroup: firstGroup, firstPart: firstPart, budget: budget)
                }
            }
        }
    }

    private func finish() {
        phase = .done
        groups = []
        broker.fetchBudget.remove(budgetTaken)
        guard reply.isWaiting else { return }
        let servedCount = outcomes.reduce(0) { $0 + ($1.records.readableBytes > 0 ? 1 : 0) }
        // At most the fetch's partitions a time: it does not overflow.
        reply.connection.fetchTurn &+= max(1, servedCount)
        broker.finishFetch(plan, outcomes, use, committedOnly: committedOnly, context, reply)
    }
}
