/// Stages, waves, deadlines and escalation of one way down: decides, performs nothing.
///
/// A stage is a sequence of *waves*, sets of members that end in parallel; in the drain stage a wave
/// is a level of the dependency graph. The shell answers `.plan` with the next wave, an empty one
/// ends the stage. Members are asked for late, so that a component that admitted work added during
/// the way down is still taken along.
struct ShutdownMachine: Sendable {
    /// One that takes part in a wave.
    struct Member: Sendable, Hashable {
        var name: String
        /// Its own deadlines; they can only be earlier than the stage's.
        var deadlines: Deadlines?
    }

    enum Result: Sendable, Hashable {
        case ok
        case failed
    }

    enum Input: Sendable {
        /// The way down begins, announced for this long.
        case begin(propagation: Duration)
        /// The answer to `.plan`: the next wave, and how many follow it for all that is known.
        case wave([Member], levelsLeft: Int)
        /// A member of the current wave has ended.
        case finished(String, Result)
        /// The second signal.
        case escalate
        /// A time that was asked for has come.
        case tick
    }

    enum Action: Sendable, Hashable {
        case enter(Stage)
        /// Answer with `.wave`.
        case plan(Stage)
        case perform(Stage, [String])
        /// Log what is still running.
        case progress(Stage, [String])
        /// The soft deadline passed: log it as a warning, go on waiting.
        case warn(Stage, [String])
        case cancel(Stage, [String])
        case abandon(Stage, [String])
        /// Send `.tick` then; replaces what was asked before.
        case wake(at: MonotonicTime)
        case finish
    }

    /// A stage that has ended.
    struct Record: Sendable, Hashable {
        var stage: Stage
        var duration: Duration
        var outcome: StageOutcome
    }

    private struct Pending {
        var soft: MonotonicTime
        var cancel: MonotonicTime
        var hard: MonotonicTime
        var isWarned = false
        var isCancelled = false
    }

    /// The stages that have ended, in their order.
    private(set) var records: [Record] = []
    /// Whether a second signal came.
    private(set) var isEscalated = false

    private let plan: ShutdownPlan
    private let stages: [Stage]
    private var index = 0
    private var begun = MonotonicTime(nanoseconds: 0)
    private var stageBegun = MonotonicTime(nanoseconds: 0)
    private var stageEnd = MonotonicTime(nanoseconds: 0)
    private var propagation = Duration.zero
    private var outcome = StageOutcome.ok
    private var pending: [String: Pending] = [:]
    private var nextProgress = MonotonicTime(nanoseconds: 0)

    /// A way down through `stages`, by default all of the plan.
    init(plan: ShutdownPlan, stages: [Stage]? = nil) {
        self.plan = plan
        self.stages = stages ?? plan.stages
    }

    /// The stage that runs now; nil after the last.
    var stage: Stage? { index < stages.count ? stages[index] : nil }

    mutating func step(_ input: Input, at now: MonotonicTime) -> [Action] {
        switch input {
        case .begin(let propagation): begin(propagation, now)
        case .wave(let members, let levelsLeft): beginWave(members, levelsLeft, now)
        case .finished(let name, let result): finished(name, result, now)
        case .escalate: escalate(now)
        case .tick: tick(now)
        }
    }

    // MARK: Stages

    private mutating func begin(_ propagation: Duration, _ now: MonotonicTime) -> [Action] {
        begun = now
        self.propagation = propagation
        return enterStage(now)
    }

    /// Enters the stage at `index`, and those after it that are over at once.
    private mutating func enterStage(_ now: MonotonicTime) -> [Action] {
        guard let stage else { return [.finish] }
        stageBegun = now
        outcome = .ok
        let hard = stage == .announce ? propagation : plan.deadlines(of: stage).hard
        let reserved = stages[(index + 1)...].reduce(Duration.zero) { $0 + plan.deadlines(of: $1).reserved }
        stageEnd = max(now, min(now + hard, begun + (plan.total - reserved)))
        switch stage {
        case .announce:
            guard stageEnd > now, !isEscalated else { return [.enter(stage)] + endStage(now) }
            return [.enter(stage), .wake(at: stageEnd)]
        case .handOver where isEscalated:
            outcome = .skipped
            return endStage(now)
        case .handOver, .drain, .flush, .stop:
            return [.enter(stage), .plan(stage)]
        }
    }

    private mutating func endStage(_ now: MonotonicTime) -> [Action] {
        guard let stage else { return [] }
        records.append(Record(stage: stage, duration: now - stageBegun, outcome: outcome))
        index += 1
        return enterStage(now)
    }

    // MARK: Waves

    private mutating func beginWave(_ members: [Member], _ levelsLeft: Int, _ now: MonotonicTime) -> [Action] {
        guard let stage else { return [] }
        guard !members.isEmpty else { return endStage(now) }
        let window = self.window(of: stage, levelsLeft: levelsLeft, now)
        for member in members {
            var own = window
            if let deadlines = member.deadlines {
                own.soft = min(own.soft, now + deadlines.soft)
                own.cancel = min(own.cancel, now + deadlines.cancel)
                own.hard = min(own.hard, now + deadlines.hard)
            }
            pending[member.name] = own
        }
        nextProgress = now + plan.progressInterval
        let actions = [Action.perform(stage, members.map(\.name))]
        guard isEscalated, stage == .drain else { return actions + [.wake(at: nextWake)] }
        return actions + hasten(stage, now)
    }

    /// When a wave that begins now must end: each that follows keeps a tenth of the stage, at most its even half.
    ///
    /// Soft and cancel keep their proportion of the window, so that a wave which begins late because an
    /// earlier one was stuck still gets time to finish by itself.
    private func window(of stage: Stage, levelsLeft: Int, _ now: MonotonicTime) -> Pending {
        let deadlines = plan.deadlines(of: stage)
        let share = min((stageEnd - stageBegun) / 10, (stageEnd - stageBegun) / (2 * (levelsLeft + 1)))
        let end = max(now, stageEnd + share * -levelsLeft)
        let length = Double((end - now).nanoseconds)
        func scaled(_ part: Duration) -> MonotonicTime {
            guard deadlines.hard > .zero else { return end }
            let ratio = Double(part.nanoseconds) / Double(deadlines.hard.nanoseconds)
            return min(end, now + .nanoseconds(Int64(length * ratio)))
        }
        return Pending(soft: scaled(deadlines.soft), cancel: scaled(deadlines.cancel), hard: end)
    }

    private mutating func finished(_ name: String, _ result: Result, _ now: MonotonicTime) -> [Action] {
        guard let stage, let member = pending.removeValue(forKey: name) else { return [] }
        if member.isCancelled { outcome = max(outcome, .cancelled) }
        if result == .failed { outcome = max(outcome, .failed) }
        return pending.isEmpty ? [.plan(stage)] : []
    }

    // MARK: Time and escalation

    private mutating func tick(_ now: MonotonicTime) -> [Action] {
        guard let stage else { return [] }
        if stage == .announce { return now >= stageEnd ? endStage(now) : [.wake(at: stageEnd)] }
        guard !pending.isEmpty else { return [] }
        var actions: [Action] = []
        let warned = names { !$0.isWarned && $0.soft <= now }
        let cancelled = names { !$0.isCancelled && $0.cancel <= now }
        let abandoned = names { $0.hard <= now }
        if !warned.isEmpty { actions.append(.warn(stage, warned)) }
        if !cancelled.isEmpty { actions.append(.cancel(stage, cancelled)) }
        if !abandoned.isEmpty { actions.append(.abandon(stage, abandoned)) }
        for name in warned { pending[name]?.isWarned = true }
        for name in cancelled { pending[name]?.isCancelled = true }
        for name in abandoned { pending[name] = nil }
        if !abandoned.isEmpty { outcome = max(outcome, .abandoned) }
        guard !pending.isEmpty else { return actions + [.plan(stage)] }
        if nextProgress <= now {
            nextProgress = now + plan.progressInterval
            if warned.isEmpty { actions.append(.progress(stage, names { _ in true })) }
        }
        return actions + [.wake(at: nextWake)]
    }

    private mutating func escalate(_ now: MonotonicTime) -> [Action] {
        guard !isEscalated, let stage else { return [] }
        isEscalated = true
        switch stage {
        case .announce:
            outcome = .skipped
            return endStage(now)
        case .handOver, .drain:
            return pending.isEmpty ? [] : hasten(stage, now)
        case .flush, .stop:
            // Cutting these short would lose what the drain has saved; they keep their own deadlines.
            return []
        }
    }

    /// Cancels the wave at once, and leaves it what the plan has between cancelling and abandoning.
    private mutating func hasten(_ stage: Stage, _ now: MonotonicTime) -> [Action] {
        let deadlines = plan.deadlines(of: stage)
        let end = now + (deadlines.hard - deadlines.cancel)
        let cancelled = names { !$0.isCancelled }
        pending = pending.mapValues { member in
            Pending(
                soft: member.soft, cancel: member.cancel, hard: min(member.hard, end), isWarned: true, isCancelled: true
            )
        }
        let actions = cancelled.isEmpty ? [] : [Action.cancel(stage, cancelled)]
        return actions + [.wake(at: nextWake)]
    }

    private var nextWake: MonotonicTime {
        var next = nextProgress
        for member in pending.values {
            next = min(next, member.hard)
            if !member.isCancelled { next = min(next, member.cancel) }
            if !member.isWarned { next = min(next, member.soft) }
        }
        return next
    }

    private func names(where isIncluded: (Pending) -> Bool) -> [String] {
        pending.filter { isIncluded($0.value) }.map(\.key).sorted()
    }
}
