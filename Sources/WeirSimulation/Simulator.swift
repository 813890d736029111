import Synchronization
public import WeirRuntime

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Steps simulated loops on one thread, in an order and at times that follow from a seed.
///
/// A step is one burst of one loop: the seed chooses among the loops that have something to do, and how
/// many of its callbacks belong to the burst; then its end-of-burst bodies run. Within a loop the
/// order is the one of `execute`. Time stands still while anything can run; then it jumps to the next
/// deadline.
///
/// One thread at a time runs a simulator. Callbacks may be queued from any thread, but only those queued
/// by callbacks come in a seeded order.
public final class Simulator: Sendable {
    typealias Body = @Sendable () -> Void

    fileprivate struct Queue {
        var ready: [Body] = []
        var head = 0
        var endOfBurst: [Body] = []
        var isIdle: Bool { head == ready.count && endOfBurst.isEmpty }
    }

    fileprivate struct Timer {
        let deadline: MonotonicTime
        let id: UInt64
        let loop: Int
        let body: Body
    }

    fileprivate struct Runner {
        let thread: pthread_t
        var loop: Int?
    }

    fileprivate struct State {
        var random: SeededRandom
        var queues: [Queue] = []
        /// The next one last.
        var timers: [Timer] = []
        var nextTimer: UInt64 = 0
        var runner: Runner?
        var stepCount = 0
    }

    /// The time of all loops.
    public let clock: SimulatedClock
    /// What a failing run is repeated with.
    public let seed: UInt64
    private let state: Mutex<State>

    /// A simulator without loops.
    public init(seed: UInt64, clock: SimulatedClock = SimulatedClock()) {
        self.seed = seed
        self.clock = clock
        state = Mutex(State(random: SeededRandom(seed: seed)))
    }

    /// One more loop.
    public func makeLoop() -> SimulatedLoop {
        let index = state.withLock { state in
            state.queues.append(Queue())
            return state.queues.count - 1
        }
        return SimulatedLoop(simulator: self, index: index)
    }

    /// A generator for a part of the simulation, of the simulator's seed.
    public func makeRandom() -> SeededRandom {
        state.withLock { $0.random.split() }
    }

    /// Bursts run so far.
    public var stepCount: Int { state.withLock { $0.stepCount } }

    /// Whether no loop has anything to do before time moves.
    public var isIdle: Bool {
        let now = clock.now
        return state.withLock { state in
            state.queues.allSatisfy(\.isIdle) && (state.timers.last.map { $0.deadline > now } ?? true)
        }
    }

    // MARK: Running

    /// Runs one burst of one loop; false where no loop has anything to do before time moves.
    @discardableResult
    public func step() -> Bool {
        begin()
        defer { end() }
        return burst()
    }

    /// Runs until no loop has anything to do before time moves.
    ///
    /// Stops the process after `stepsMax` bursts: callbacks that queue each other for ever never get idle.
    public func runUntilIdle(stepsMax: Int = 10_000_000) {
        begin()
        defer { end() }
        settle(stepsMax: stepsMax)
    }

    /// Lets `duration` of virtual time pass, and runs what falls into it.
    public func run(for duration: Duration) {
        run(until: clock.now + duration)
    }

    /// Runs what falls due up to `time`, that included; afterwards the clock shows `time`.
    public func run(until time: MonotonicTime) {
        begin()
        defer { end() }
        settle()
        while let deadline = nextDeadline, deadline <= time {
            clock.advance(to: deadline)
            settle()
        }
        clock.advance(to: time)
    }

    /// Runs until `condition` holds, for at most `limit` of virtual time. Returns whether it holds.
    ///
    /// The condition is asked between bursts, so it may read what loops own.
    @discardableResult
    public func run(within limit: Duration = .seconds(3600), until condition: () -> Bool) -> Bool {
        begin()
        defer { end() }
        let last = clock.now + limit
        while !condition() {
            if burst() { continue }
            guard let deadline = nextDeadline, deadline <= last else { return condition() }
            clock.advance(to: deadline)
        }
        return true
    }

    /// Forgets every callback and timer, as the death of the process would. Loops stay usable.
    public func discardAll() {
        let forgotten = state.withLock { state in
            precondition(state.runner == nil, "a callback cannot outlive its process")
            defer {
                for index in state.queues.indices { state.queues[index] = Queue() }
                state.timers = []
            }
            return (state.queues, state.timers)
        }
        // Released here: what a closure held may call back into the simulator from its deinit.
        withExtendedLifetime(forgotten) {}
    }

    /// The earliest timer or sleeper; nil where nothing waits for time.
    public var nextDeadline: MonotonicTime? {
        let timer = state.withLock { $0.timers.last?.deadline }
        let sleeper = clock.nextDeadline
        guard let timer, let sleeper else { return timer ?? sleeper }
        return min(timer, sleeper)
    }

    private func begin() {
        state.withLock { state in
            precondition(state.runner == nil, "a simulator is run by one caller at a time, and not by a callback")
            state.runner = Runner(thread: pthread_self(), loop: nil)
        }
    }

    private func end() {
        state.withLock { $0.runner = nil }
    }

    private func settle(stepsMax: Int = 10_000_000) {
        var left = stepsMax
        while burst() {
            left -= 1
            precondition(left > 0, "no rest after \(stepsMax) bursts; seed \(seed)")
        }
    }

    private func burst() -> Bool {
        let now = clock.now
        let chosen: (loop: Int, bodies: ArraySlice<Body>)? = state.withLock { state in
            state.releaseTimers(now)
            let busy = state.queues.indices.filter { !state.queues[$0].isIdle }
            guard let loop = busy.randomElement(using: &state.random) else { return nil }
            state.stepCount += 1
            state.runner?.loop = loop
            return (loop, state.takeBodies(loop))
        }
        guard let chosen else { return false }
        for body in chosen.bodies { body() }
        let endings = state.withLock { state in
            defer { state.queues[chosen.loop].endOfBurst = [] }
            return state.queues[chosen.loop].endOfBurst
        }
        for body in endings { body() }
        state.withLock { $0.runner?.loop = nil }
        return true
    }
}

// MARK: What loops call

extension Simulator {
    func isCurrent(_ loop: Int) -> Bool {
        state.withLock { state in
            guard let runner = state.runner, runner.loop == loop else { return false }
            return pthread_equal(runner.thread, pthread_self()) != 0
        }
    }

    func execute(_ loop: Int, _ body: @escaping Body) {
        state.withLock { $0.queues[loop].ready.append(body) }
    }

    func atEndOfBurst(_ loop: Int, _ body: @escaping Body) {
        state.withLock { $0.queues[loop].endOfBurst.append(body) }
    }

    func schedule(_ loop: Int, at deadline: MonotonicTime, _ body: @escaping Body) -> any ScheduledCallback {
        let timer = SimulatedTimer(simulator: self, deadline: deadline, body: body)
        timer.start(loop, of: self)
        return timer
    }

    fileprivate func addTimer(_ loop: Int, at deadline: MonotonicTime, _ body: @escaping Body) -> UInt64 {
        state.withLock { state in
            state.nextTimer += 1
            let timer = Timer(deadline: deadline, id: state.nextTimer, loop: loop, body: body)
            state.timers.insert(timer, at: state.place(deadline, timer.id))
            return timer.id
        }
    }

    fileprivate func removeTimer(_ deadline: MonotonicTime, _ id: UInt64) {
        let removed = state.withLock { state -> Timer? in
            let place = state.place(deadline, id) - 1
            guard place >= 0, state.timers[place].id == id else { return nil }
            return state.timers.remove(at: place)
        }
        withExtendedLifetime(removed) {}
    }

    /// Runs `body` here and now as a callback of the loop: outside of a run, or in its condition.
    func perform<Value, Failure: Error>(
        _ loop: Int, _ body: () throws(Failure) -> Value
    ) throws(Failure) -> Value {
        let before = state.withLock { state in
            let before = state.runner
            precondition(
                before.map { $0.loop == nil && pthread_equal($0.thread, pthread_self()) != 0 } ?? true,
                "a callback of one loop is not one of another, and a simulator has one thread")
            state.runner = Runner(thread: pthread_self(), loop: loop)
            return before
        }
        defer { state.withLock { $0.runner = before } }
        return try body()
    }
}

extension Simulator.State {
    /// Where a timer of this deadline and id belongs: after those that come later. The timer itself, if
    /// it is there, is the one before that place.
    fileprivate func place(_ deadline: MonotonicTime, _ id: UInt64) -> Int {
        var low = 0
        var high = timers.count
        while low < high {
            let middle = (low + high) / 2
            let other = timers[middle]
            let isNotEarlier = other.deadline > deadline || (other.deadline == deadline && other.id >= id)
            if isNotEarlier { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Queues the bodies of timers that are due, each with its loop, in order of deadline.
    fileprivate mutating func releaseTimers(_ now: MonotonicTime) {
        while let timer = timers.last, timer.deadline <= now {
            timers.removeLast()
            queues[timer.loop].ready.append(timer.body)
        }
    }

    /// Takes the callbacks of the next burst: from one to all that are queued.
    fileprivate mutating func takeBodies(_ loop: Int) -> ArraySlice<Simulator.Body> {
        let head = queues[loop].head
        let waiting = queues[loop].ready.count - head
        if waiting == 0 { return [] }
        let count = Bool.random(using: &random) ? waiting : Int.random(in: 1...waiting, using: &random)
        let bodies = queues[loop].ready[head..<head + count]
        queues[loop].head += count
        if queues[loop].head == queues[loop].ready.count {
            queues[loop].ready = []
            queues[loop].head = 0
        } else if queues[loop].head > 1024 && queues[loop].head * 2 > queues[loop].ready.count {
            queues[loop].ready.removeFirst(queues[loop].head)
            queues[loop].head = 0
        }
        return bodies
    }
}

/// A body that runs at most once, and not after `cancel`.
private final class SimulatedTimer: ScheduledCallback {
    private struct State {
        /// Weak: the simulator holds the timer.
        weak var simulator: Simulator?
        var id: UInt64 = 0
        var isWaiting = true
    }

    private let deadline: MonotonicTime
    private let body: Simulator.Body
    private let state: Mutex<State>

    init(simulator: Simulator, deadline: MonotonicTime, body: @escaping Simulator.Body) {
        self.deadline = deadline
        self.body = body
        state = Mutex(State(simulator: simulator))
    }

    func start(_ loop: Int, of simulator: Simulator) {
        let id = simulator.addTimer(loop, at: deadline) { self.fire() }
        state.withLock { $0.id = id }
    }

    func cancel() {
        guard let (simulator, id) = claim() else { return }
        simulator?.removeTimer(deadline, id)
    }

    private func fire() {
        if claim() != nil { body() }
    }

    /// Nil where it ran or was cancelled before; from now on it is.
    private func claim() -> (Simulator?, UInt64)? {
        state.withLock { state in
            defer { state.isWaiting = false }
            return state.isWaiting ? (state.simulator, state.id) : nil
        }
    }
}
