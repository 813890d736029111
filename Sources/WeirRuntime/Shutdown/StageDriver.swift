internal import Logging
internal import WorkTracking

/// The shell of `ShutdownMachine`: performs its actions on the components, and tells it what came of them.
///
/// All of its state belongs to the one task that runs it; others only post events.
struct StageDriver: Sendable {
    /// What goes down.
    enum Scope: Sendable {
        case process
        case component(String)
    }

    /// What others tell the driver.
    enum Event: Sendable {
        case machine(ShutdownMachine.Input)
        case verbEnded(Stage, String, ShutdownMachine.Result)
        case gatesDrained([String])
        case sessionsEnded([String])
    }

    /// What a member of a drain wave still waits for.
    struct Awaited: Sendable, OptionSet {
        let rawValue: Int
        static let verb = Awaited(rawValue: 1)
        static let gate = Awaited(rawValue: 2)
        static let sessions = Awaited(rawValue: 4)
    }

    let runtime: Runtime
    let scope: Scope
    let mailbox: AsyncStream<Event>.Continuation
    private let events: AsyncStream<Event>
    private var machine: ShutdownMachine
    private var tasks: [String: Task<Void, Never>] = [:]
    private var gatesTask: Task<Void, Never>?
    private var sessionTasks: [Task<Void, Never>] = []
    private var awaited: [String: Awaited] = [:]
    private var timer: (at: MonotonicTime, task: Task<Void, Never>)?
    /// Those that went through the stage, or were left behind in it.
    private var done: Set<String> = []
    private var lastWave: [String] = []
    private var hooksRun: Set<ShutdownHook.Moment> = []
    private var hasAwaitedRemovals = false

    init(runtime: Runtime, scope: Scope) {
        self.runtime = runtime
        self.scope = scope
        (events, mailbox) = AsyncStream.makeStream()
        switch scope {
        case .process: machine = ShutdownMachine(plan: runtime.configuration.shutdown)
        case .component:
            machine = ShutdownMachine(plan: runtime.configuration.shutdown, stages: [.drain, .flush, .stop])
        }
    }

    /// Goes through the stages; returns how each ended.
    consuming func run(propagation: Duration) async -> [ShutdownMachine.Record] {
        var driver = self
        if driver.perform(driver.step(.begin(propagation: propagation))) { return driver.machine.records }
        for await event in driver.events {
            if driver.perform(driver.actions(after: event)) { break }
        }
        driver.timer?.task.cancel()
        return driver.machine.records
    }

    private var isProcess: Bool {
        switch scope {
        case .process: true
        case .component: false
        }
    }

    private mutating func step(_ input: ShutdownMachine.Input) -> [ShutdownMachine.Action] {
        let actions = machine.step(input, at: runtime.clock.now)
        if isProcess { runtime.note(machine.records, isEscalated: machine.isEscalated) }
        return actions
    }

    private mutating func actions(after event: Event) -> [ShutdownMachine.Action] {
        switch event {
        case .machine(let input):
            if case .tick = input { timer = nil }
            return step(input)
        case .verbEnded(.drain, let name, _) where awaited[name] != nil:
            return arrived([name], .verb)
        case .verbEnded(let stage, let name, let result):
            guard stage == machine.stage else { return [] }
            tasks[name] = nil
            return step(.finished(name, result))
        case .gatesDrained(let names):
            return arrived(names, .gate)
        case .sessionsEnded(let names):
            return arrived(names, .sessions)
        }
    }

    /// Performs actions, and those that follow from them; says whether the last stage is over.
    private mutating func perform(_ actions: [ShutdownMachine.Action]) -> Bool {
        var queue = actions[...]
        while let action = queue.popFirst() {
            switch action {
            case .enter(let stage): enter(stage)
            case .plan(let stage): queue += plan(stage)
            case .perform(let stage, let names): perform(stage, names)
            case .progress(let stage, let names): report(stage, names, .info, "still running")
            case .warn(let stage, let names):
                runtime.noteSlowest(of: names)
                report(stage, names, .warning, "past the soft deadline, still waiting")
            case .cancel(let stage, let names): cancel(stage, names)
            case .abandon(let stage, let names): abandon(stage, names)
            case .wake(let time): wake(at: time)
            case .finish: return true
            }
        }
        return false
    }

    // MARK: Stages and waves

    private mutating func enter(_ stage: Stage) {
        done.removeAll(keepingCapacity: true)
        lastWave = []
        if isProcess { runtime.enter(stage) }
    }

    /// The next wave: hooks, then the components that no component left calls.
    private mutating func plan(_ stage: Stage) -> [ShutdownMachine.Action] {
        if stage == .drain, !lastWave.isEmpty {
            let drained = lastWave
            lastWave = []
            if let hook = hookWave(.levelDrained, drained) { return hook }
        }
        if stage == .drain, let hook = hookWave(.beforeDrain, []) { return hook }
        if stage == .flush, let removals = removalWave() { return removals }
        while true {
            let (level, levelsLeft) = runtime.nextLevel(of: stage, scope: scope, without: done)
            guard !level.isEmpty else { break }
            done.formUnion(level.map(\.name))
            if stage == .stop { for idle in level where !idle.takesPart { runtime.noteStopped(idle.name) } }
            let members = level.filter(\.takesPart).map {
                ShutdownMachine.Member(name: $0.name, deadlines: $0.deadlines)
            }
            if stage == .drain { lastWave = level.map(\.name) }
            guard members.isEmpty else { return step(.wave(members, levelsLeft: levelsLeft)) }
        }
        if stage == .stop, let hook = hookWave(.afterStop, []) { return hook }
        return step(.wave([], levelsLeft: 0))
    }

    /// A wave of the hooks for a moment; nil where there are none, or where they ran already.
    private mutating func hookWave(_ moment: ShutdownHook.Moment, _ names: [String]) -> [ShutdownMachine.Action]? {
        guard isProcess else { return nil }
        let hooks = runtime.hooks(for: moment)
        guard !hooks.isEmpty, moment == .levelDrained || hooksRun.insert(moment).inserted else { return nil }
        // Blanks keep the name apart from every component's.
        let name = "hook \(moment)"
        guard let stage = machine.stage else { return nil }
        let actions = machine.step(
            .wave([ShutdownMachine.Member(name: name)], levelsLeft: 0), at: runtime.clock.now)
        start(name, stage) { await Self.run(hooks, names) }
        return actions.filter { if case .perform = $0 { false } else { true } }
    }

    /// A wave of the components that are just being removed: they flush and stop by themselves.
    private mutating func removalWave() -> [ShutdownMachine.Action]? {
        let removals = isProcess && !hasAwaitedRemovals ? runtime.removals() : [:]
        hasAwaitedRemovals = true
        guard !removals.isEmpty else { return nil }
        let members = removals.keys.sorted().map { ShutdownMachine.Member(name: "removal of \($0)") }
        let actions = machine.step(.wave(members, levelsLeft: 1), at: runtime.clock.now)
        for (name, removal) in removals { start("removal of \(name)", .flush) { _ = await removal.value } }
        return actions.filter { if case .perform = $0 { false } else { true } }
    }

    private static func run(_ hooks: [ShutdownHook], _ names: [String]) async {
        await withTaskGroup(of: Void.self) { group in
            for hook in hooks { group.addTask { await hook.body(names) } }
        }
    }

    private mutating func perform(_ stage: Stage, _ names: [String]) {
        guard stage != .drain else { return drain(names) }
        for name in names {
            guard let component = runtime.component(named: name) else { continue }
            start(name, stage) {
                switch stage {
                case .handOver: try await component.handOver()
                case .flush: try await component.flush()
                case .stop: try await component.stop()
                case .announce, .drain: break
                }
            }
        }
    }

    /// Runs a verb in a task of its own, so that one that never returns can be left behind.
    private mutating func start(_ name: String, _ stage: Stage, _ verb: @escaping @Sendable () async throws -> Void) {
        tasks[name] = Task { [runtime, mailbox] in
            var result = ShutdownMachine.Result.ok
            do {
                try await verb()
                if stage == .stop { runtime.noteStopped(name) }
            } catch is CancellationError where Task.isCancelled {
                runtime.logger.warning("\(name) gave up its \(stage.rawValue) when it was cancelled")
            } catch {
                runtime.noteFailure(of: name, error)
                result = .failed
            }
            mailbox.yield(.verbEnded(stage, name, result))
        }
    }

    // MARK: Draining a level

    /// Closes the gates, tells the components, and waits for operations, loops and sessions.
    private mutating func drain(_ names: [String]) {
        let members = runtime.beginDrain(names)
        for member in members {
            awaited[member.name] = member.verb == nil ? [.gate, .sessions] : [.verb, .gate, .sessions]
            guard let verb = member.verb else { continue }
            tasks[member.name] = verb
            Task { [mailbox] in
                await verb.value
                mailbox.yield(.verbEnded(.drain, member.name, .ok))
            }
        }
        watchGates(of: names)
        let plan = runtime.configuration.shutdown
        for (grace, members) in Dictionary(grouping: members, by: { $0.sessionGrace ?? plan.sessionGrace }) {
            watchSessions(of: members, grace)
        }
    }

    private mutating func watchGates(of names: [String]) {
        gatesTask?.cancel()
        let gates = names.compactMap { runtime.gate(of: $0) }
        gatesTask = Task { [runtime, mailbox] in
            guard await runtime.workRegistry.drain(gates: gates) == .drained else { return }
            mailbox.yield(.gatesDrained(names))
        }
    }

    /// Waits for sessions, but not beyond their grace: what is left then is cancelled.
    private mutating func watchSessions(of members: [Runtime.DrainMember], _ grace: Duration) {
        let names = members.map(\.name)
        let ended = Task { [runtime, mailbox] in
            guard await runtime.workRegistry.sessionsEnded(of: members.map(\.gate)) == .drained else { return }
            mailbox.yield(.sessionsEnded(names))
        }
        let limit = Task { [runtime, mailbox] in
            guard (try? await runtime.clock.sleep(for: grace)) != nil else { return }
            for name in runtime.withSessions(names) {
                runtime.logger.info("\(name) cancels the sessions that outlast their grace")
                await runtime.component(named: name)?.cancel()
            }
            mailbox.yield(.sessionsEnded(names))
        }
        sessionTasks += [ended, limit]
    }

    private mutating func arrived(_ names: [String], _ part: Awaited) -> [ShutdownMachine.Action] {
        var actions: [ShutdownMachine.Action] = []
        var drained: [String] = []
        for name in names {
            guard var left = awaited[name] else { continue }
            left.remove(part)
            awaited[name] = left
            guard left.isEmpty else { continue }
            awaited[name] = nil
            tasks[name] = nil
            drained.append(name)
        }
        guard !drained.isEmpty else { return [] }
        runtime.noteDrained(drained)
        for name in drained { actions += step(.finished(name, .ok)) }
        if awaited.isEmpty {
            for task in sessionTasks { task.cancel() }
            sessionTasks.removeAll()
        }
        return actions
    }

    // MARK: Deadlines

    private func cancel(_ stage: Stage, _ names: [String]) {
        report(stage, names, .warning, "cancelling")
        runtime.noteSlowest(of: names)
        let tasks = names.compactMap { self.tasks[$0] }
        let components = stage == .drain ? names.compactMap { runtime.component(named: $0) } : []
        let hooks = isProcess ? runtime.hooks(for: .beforeCancel) : []
        guard !hooks.isEmpty || !components.isEmpty else { return tasks.forEach { $0.cancel() } }
        Task {
            await Self.run(hooks, names)
            for task in tasks { task.cancel() }
            await withTaskGroup(of: Void.self) { group in
                for component in components { group.addTask { await component.cancel() } }
            }
        }
    }

    private mutating func abandon(_ stage: Stage, _ names: [String]) {
        runtime.noteSlowest(of: names)
        report(stage, names, .error, "left behind at the hard deadline")
        runtime.noteLeftBehind(names, stage)
        for name in names {
            awaited[name] = nil
            tasks[name] = nil
        }
        guard stage == .drain else { return }
        let left = awaited.filter { $0.value.contains(.gate) }.map(\.key)
        if left.isEmpty { gatesTask?.cancel() } else { watchGates(of: left) }
    }

    private mutating func wake(at time: MonotonicTime) {
        // An earlier tick is as good: the machine then asks again.
        if let timer, timer.at <= time { return }
        timer?.task.cancel()
        let task = Task { [clock = runtime.clock, mailbox] in
            guard (try? await clock.sleep(until: time)) != nil else { return }
            mailbox.yield(.machine(.tick))
        }
        timer = (time, task)
    }

    private func report(_ stage: Stage, _ names: [String], _ level: Logger.Level, _ what: String) {
        let running = runtime.workRegistry.snapshot()
        let shown = names.prefix(8).map { name in
            guard let work = running.component(named: name) else { return name }
            return "\(name) (\(work.inFlight) in flight, \(work.loops) loops, \(work.sessions) sessions)"
        }
        let more = names.count > 8 ? " and \(names.count - 8) more" : ""
        runtime.logger.log(level: level, "\(stage.rawValue): \(what): \(shown.joined(separator: ", "))\(more)")
    }
}
