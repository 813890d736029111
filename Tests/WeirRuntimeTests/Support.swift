import Logging
import Synchronization
import WeirSimulation
import WorkTracking

@testable import WeirRuntime

/// What happened, in its order; tests wait for an entry instead of sleeping.
final class Journal: Sendable {
    private struct State {
        var entries: [String] = []
        var waiters: [(entry: String, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())

    var entries: [String] { state.withLock { $0.entries } }

    func note(_ entry: String) {
        let woken = state.withLock { state in
            state.entries.append(entry)
            let woken = state.waiters.filter { $0.entry == entry }
            state.waiters.removeAll { $0.entry == entry }
            return woken
        }
        for waiter in woken { waiter.continuation.resume() }
    }

    func wait(for entry: String) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.entries.contains(entry) { return true }
                state.waiters.append((entry, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }

    func index(of entry: String) -> Int? { entries.firstIndex(of: entry) }
}

struct Broken: Error, CustomStringConvertible {
    var description: String { "broken" }
}

/// A component that writes its verbs into a journal and can be told to fail, hang or hold work.
final class Probe: Component {
    enum Verb: String, Sendable, CaseIterable {
        case start
        case handOver
        case drain
        case resume
        case cancel
        case flush
        case stop
    }

    let name: String
    let dependencies: [String]
    let work: WorkSettings
    let verbs: ComponentVerbs
    let journal: Journal
    let fails: Set<Verb>
    let hangs: Set<Verb>
    let own: [Stage: Deadlines]
    let held = StopSignal()
    /// Raised when something that hangs was cancelled.
    let cancelled = StopSignal()
    private let kept = Mutex<ComponentContext?>(nil)

    init(
        _ name: String, on dependencies: [String] = [], journal: Journal = Journal(), fails: Set<Verb> = [],
        hangs: Set<Verb> = [], work: WorkSettings = WorkSettings(), verbs: ComponentVerbs = .all,
        own: [Stage: Deadlines] = [:]
    ) {
        self.name = name
        self.dependencies = dependencies
        self.journal = journal
        self.fails = fails
        self.hangs = hangs
        self.work = work
        self.verbs = verbs
        self.own = own
    }

    var context: ComponentContext {
        guard let context = kept.withLock({ $0 }) else { preconditionFailure("\(name) was not started") }
        return context
    }

    func deadlines(for stage: Stage) -> Deadlines? { own[stage] }

    func start(_ context: ComponentContext) async throws {
        kept.withLock { $0 = context }
        try await perform(.start)
    }

    func handOver() async throws { try await perform(.handOver) }
    func drain() async { try? await perform(.drain) }
    func resume() async { try? await perform(.resume) }
    func cancel() async { try? await perform(.cancel) }
    func flush() async throws { try await perform(.flush) }
    func stop() async throws { try await perform(.stop) }

    /// Lets go of everything that hangs.
    func release() { held.raise() }

    private func perform(_ verb: Verb) async throws {
        journal.note("\(name).\(verb.rawValue)")
        if hangs.contains(verb) {
            // Ignores cancellation, as something stuck does.
            await withTaskCancellationHandler {
                await Task { [held] in await held.wait() }.value
            } onCancel: {
                cancelled.raise()
            }
            try Task.checkCancellation()
        }
        if fails.contains(verb) { throw Broken() }
    }
}

/// One operation or session that stays until it is let go.
final class HeldWork: Sendable {
    private let permit: Mutex<Permit?>

    init(_ gate: Gate) throws {
        permit = Mutex(try gate.enter())
    }

    func end(_ outcome: Outcome = .succeeded) {
        let taken = permit.withLock { $0.take() }
        taken?.end(outcome)
    }
}

final class HeldSession: Sendable {
    private let session: Mutex<Session?>

    init(_ gate: Gate) throws {
        session = Mutex(try gate.openSession())
    }

    func close() {
        let taken = session.withLock { $0.take() }
        taken?.close()
    }
}

/// Signals that the test sends.
final class TestSignals: SignalSource {
    private let handler = Mutex<(@Sendable (ProcessSignal) -> Void)?>(nil)

    func subscribe(_ handler: @escaping @Sendable (ProcessSignal) -> Void) -> SignalSubscription {
        self.handler.withLock { $0 = handler }
        return SignalSubscription { self.handler.withLock { $0 = nil } }
    }

    func send(_ signal: ProcessSignal) {
        let handler = self.handler.withLock { $0 }
        handler?(signal)
    }

    var isSubscribed: Bool { handler.withLock { $0 != nil } }
}

/// A runtime on virtual time, whose end and dumps the test sees.
struct Bench {
    let clock = SimulatedClock()
    let signals = TestSignals()
    let journal = Journal()
    let runtime: Runtime

    init(_ change: (inout RuntimeConfiguration) -> Void = { _ in }) {
        var configuration = RuntimeConfiguration()
        configuration.signals = signals
        let journal = journal
        configuration.endProcess = { journal.note("exit \($0)") }
        configuration.dump = { text in
            journal.note("dump")
            journal.note(text)
        }
        change(&configuration)
        var logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        runtime = Runtime(configuration, clock: clock, logger: logger)
    }

    @discardableResult
    func add(
        _ name: String, on dependencies: [String] = [], fails: Set<Probe.Verb> = [], hangs: Set<Probe.Verb> = [],
        work: WorkSettings = WorkSettings(), verbs: ComponentVerbs = .all, own: [Stage: Deadlines] = [:]
    ) throws -> Probe {
        let probe = Probe(
            name, on: dependencies, journal: journal, fails: fails, hangs: hangs, work: work, verbs: verbs, own: own)
        try runtime.register(probe)
        return probe
    }

    /// Moves virtual time on once something waits for it.
    func advance(by duration: Duration) async {
        await clock.sleepers(atLeast: 1)
        clock.advance(by: duration)
    }
}
