internal import Synchronization

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#endif

/// A signal that the runtime acts on.
public enum ProcessSignal: String, Sendable, Hashable, CaseIterable {
    /// A supervisor asks for the end.
    case terminate = "SIGTERM"
    /// A person at the terminal asks for the end.
    case interrupt = "SIGINT"
    /// A person asks what is going on.
    case quit = "SIGQUIT"

    /// The number that the kernel knows it by.
    public var number: Int32 {
        switch self {
        case .terminate: SIGTERM
        case .interrupt: SIGINT
        case .quit: SIGQUIT
        }
    }
}

/// Where signals come from: the process, or a test.
public protocol SignalSource: Sendable {
    /// Calls `handler` for each signal, one after another, on a thread of the source.
    func subscribe(_ handler: @escaping @Sendable (ProcessSignal) -> Void) -> SignalSubscription
}

/// Keeps signals coming until it is cancelled.
public final class SignalSubscription: Sendable {
    private let onCancel: Mutex<(@Sendable () -> Void)?>

    /// A subscription that `onCancel` takes back.
    public init(onCancel: @escaping @Sendable () -> Void) {
        self.onCancel = Mutex(onCancel)
    }

    /// Takes the subscription back; what happens on a second call is nothing.
    public func cancel() {
        let action = onCancel.withLock { action in
            let taken = action
            action = nil
            return taken
        }
        action?()
    }
}

/// What a signal means, given how many came before it. Pure; SIGTERM and SIGINT count together.
struct SignalLadder: Sendable {
    enum Step: Sendable, Hashable {
        case begin(ProcessSignal)
        case escalate
        case endProcess
        case dump
    }

    private var count = 0

    mutating func step(_ signal: ProcessSignal) -> Step {
        guard signal != .quit else { return .dump }
        count += 1
        return switch count {
        case 1: .begin(signal)
        case 2: .escalate
        default: .endProcess
        }
    }
}

/// The signals of this process, through a pipe and a thread of its own.
///
/// The handler writes the signal's number into a pipe, the only thing that it may safely do; a plain
/// thread reads it and calls the subscribers, so the third signal works when every pool is stuck.
/// While there is a subscriber the signals have no other effect; after the last, they are as before.
public struct ProcessSignals: SignalSource {
    /// The signals of this process.
    public init() {}

    /// Calls `handler` on the signal thread.
    public func subscribe(_ handler: @escaping @Sendable (ProcessSignal) -> Void) -> SignalSubscription {
        let id = SignalPipe.shared.add(handler)
        return SignalSubscription { SignalPipe.shared.remove(id) }
    }
}

/// The descriptor that the handler writes to. Set before a handler is installed, never changed after.
private let pipeEnd = Atomic<Int32>(-1)

private final class SignalPipe: Sendable {
    static let shared = SignalPipe()

    private struct State {
        var nextID = 0
        var handlers: [(id: Int, call: @Sendable (ProcessSignal) -> Void)] = []
        var previous: [(ProcessSignal, sigaction)] = []
    }

    private let state = Mutex(State())

    private init() {
        var ends: [Int32] = [-1, -1]
        precondition(pipe(&ends) == 0, "no descriptor is left for the signal pipe")
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        pipeEnd.store(ends[1], ordering: .sequentiallyConsistent)
        let readEnd = ends[0]
        PlainThread.start { [self] in forward(from: readEnd) }
    }

    func add(_ handler: @escaping @Sendable (ProcessSignal) -> Void) -> Int {
        state.withLock { state in
            if state.handlers.isEmpty { install(&state) }
            state.nextID += 1
            state.handlers.append((state.nextID, handler))
            return state.nextID
        }
    }

    func remove(_ id: Int) {
        state.withLock { state in
            state.handlers.removeAll { $0.id == id }
            if state.handlers.isEmpty { restore(&state) }
        }
    }

    private func install(_ state: inout State) {
        for signal in ProcessSignal.allCases {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { number in
                let saved = errno
                var byte = UInt8(truncatingIfNeeded: number)
                _ = write(pipeEnd.load(ordering: .relaxed), &byte, 1)
                errno = saved
            }
            action.sa_flags = SA_RESTART
            var previous = sigaction()
            sigaction(signal.number, &action, &previous)
            state.previous.append((signal, previous))
        }
    }

    private func restore(_ state: inout State) {
        for (signal, previous) in state.previous {
            var previous = previous
            sigaction(signal.number, &previous, nil)
        }
        state.previous.removeAll()
    }

    private func forward(from descriptor: Int32) {
        var byte: UInt8 = 0
        while true {
            let count = read(descriptor, &byte, 1)
            guard count == 1 else { continue }
            guard let signal = ProcessSignal.allCases.first(where: { $0.number == Int32(byte) }) else { continue }
            let handlers = state.withLock { $0.handlers.map(\.call) }
            for handler in handlers { handler(signal) }
        }
    }
}
