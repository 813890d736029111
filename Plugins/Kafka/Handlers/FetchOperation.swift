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
    private let request: FetchRequest
    private let context: RequestContext
    private let reply: Reply
    let home: any Loop
    private let bytesMin: Int
    private var groups: [FetchGroup] = []
    private var outcomes: [FetchOutcome] = []
    private var phase = Phase.surveying
    /// What each group could give, as far as is known here.
    private var bytesOfGroup: [Int] = []
    /// Whether something other than bytes asks for an answer: an error, a drain.
    private var isFinal = false
    private var timer: (any ScheduledCallback)?
    private var budgetTaken = 0

    init(_ broker: Broker, _ request: FetchRequest, _ context: RequestContext, _ reply: Reply) {
        self.broker = broker
        self.request = request
        self.context = context
        self.reply = reply
        home = context.loop
        bytesMin = max(0, Int(request.minBytes))
    }

    /// Finds the partitions and begins the survey.
    func begin() {
        resolve()
        if request.maxWaitMs <= 0 || broker.isDraining { isFinal = true }
        if groups.isEmpty { return finish() }
        survey(0, bytes: 0)
    }

    private func resolve() {
        let served = broker.partitions.snapshot()
        let isDraining = broker.isDraining
        for topic in request.topics {
            let servedTopic = served[topic.topic]
            for wanted in topic.partitions {
                let slot = outcomes.count
                guard !isDraining, let partition = servedTopic?.partitions[wanted.partition] else {
                    outcomes.append(FetchOutcome(error: isDraining ? .notLeaderOrFollower : .unknownTopicOrPartition))
                    isFinal = true
                    continue
                }
                outcomes.append(FetchOutcome())
                group(of: partition.loop).parts.append(
                    FetchGroup.Part(
                        slot: slot, partition: partition, offset: wanted.fetchOffset,
                        bytesMax: max(0, Int(wanted.partitionMaxBytes)), leaderEpoch: wanted.currentLeaderEpoch,
                        lastFetchedEpoch: wanted.lastFetchedEpoch))
            }
        }
        bytesOfGroup = Array(repeating: 0, count: groups.count)
    }

    private func group(of loop: any Loop) -> FetchGroup {
        if let known = groups.first(where: { $0.loop === loop }) { return known }
        let group = FetchGroup(
            index: groups.count, loop: loop, bound: request.bound, zstdIsKnown: context.version >= 10, fetch: self)
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
        timer = home.schedule(after: .milliseconds(Int64(request.maxWaitMs))) { [self] in
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
        let wanted = min(max(1, Int(request.maxBytes)), broker.settings.fetchSizeBytesMax)
        // Under pressure a fetch gets less, never nothing: a first batch always fits.
        let free = max(1, broker.fetchBudget.limit - broker.fetchBudget.bytes)
        budgetTaken = min(wanted, free)
        broker.fetchBudget.add(budgetTaken)
        // Fairness: the place to begin moves on with each fetch of the connection.
        read(0, firstGroup: Int(reply.ticket.number % UInt64(groups.count)), budget: budgetTaken)
    }

    private func read(_ step: Int, firstGroup: Int, budget: Int) {
        guard step < groups.count else { return finish() }
        let group = groups[(firstGroup + step) % groups.count]
        let rotation = reply.ticket.number / UInt64(groups.count)
        group.loop.hop { [self] in
            group.read(budget: budget, rotation: rotation) { [self] outcomes, budget in
                home.hop { [self] in
                    for (slot, outcome) in outcomes { self.outcomes[slot] = outcome }
                    read(step + 1, firstGroup: firstGroup, budget: budget)
                }
            }
        }
    }

    private func finish() {
        phase = .done
        groups = []
        broker.fetchBudget.remove(budgetTaken)
        guard reply.isWaiting else { return }
        broker.sendFetchResponse(request, outcomes, context, reply)
    }
}
