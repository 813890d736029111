import Synchronization
import WeirIO
import WeirRuntime

/// Says on standard error how far a command is, once a second, where a person watches. Thread-safe.
final class Progress: Sendable {
    private struct State {
        var count = 0
        var shown: MonotonicTime
        var hasShown = false
    }

    private let what: String
    private let clock = SystemClock()
    private let state: Mutex<State>

    /// Nothing is done yet of `what`, such as "records sent".
    init(_ what: String) {
        self.what = what
        state = Mutex(State(shown: clock.now))
    }

    /// How much was done.
    var count: Int { state.withLock { $0.count } }

    /// So much more was done.
    func add(_ more: Int) {
        let now = clock.now
        let line: String? = state.withLock { state in
            state.count += more
            guard now - state.shown > .seconds(1) else { return nil }
            defer { state.hasShown = true }
            state.shown = now
            // The line before is replaced.
            return (state.hasShown ? "\u{1B}[1A\u{1B}[2K" : "") + "\(state.count) \(what)"
        }
        if let line, StandardError.isTerminal { StandardError.write(line) }
    }
}
