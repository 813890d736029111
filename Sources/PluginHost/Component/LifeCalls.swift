internal import Logging
internal import Synchronization
internal import WeirPluginABI
internal import WeirRuntime

/// The calls of a plugin's life cycle: one at a time, on threads of their own, each with a deadline.
final class LifeCalls: Sendable {
    typealias Function = @convention(c) (UnsafeMutableRawPointer?, UnsafeMutablePointer<weir_message>?) -> Int32

    private struct State {
        /// The verb that the plugin is in; nil while it is in none. `cancel` does not count.
        var running: String?
        var isGivenUp = false
    }

    private let plugin: String
    private let clock: any Clock
    private let logger: Logger
    private let onGivenUp: @Sendable () -> Void
    /// Two, because `cancel` may come while another call is stuck.
    private let threads = CallThreads(threadsMax: 2)
    private let state = Mutex(State())

    init(plugin: String, clock: any Clock, logger: Logger, onGivenUp: @escaping @Sendable () -> Void) {
        self.plugin = plugin
        self.clock = clock
        self.logger = logger
        self.onGivenUp = onGivenUp
    }

    /// Whether a call missed its deadline: nothing is called any more.
    var isGivenUp: Bool { state.withLock { $0.isGivenUp } }

    /// What a call that missed its deadline means for who waits.
    enum Patience: Sendable {
        /// The caller is told at once.
        case throwing
        /// The caller waits on, so that the runtime sees at its own deadline that something was left behind.
        case waiting
    }

    /// Calls into the plugin and waits for the return, or for the deadline.
    ///
    /// Does nothing where the plugin was given up. Throws `deadlineMissed`, and `callFailed` with the plugin's words.
    func call(
        _ verb: String, within limit: Duration, _ patience: Patience, isUrgent: Bool = false,
        _ body: @escaping @Sendable (UnsafeMutablePointer<weir_message>) -> Int32
    ) async throws {
        guard begin(verb, isUrgent: isUrgent) else { return }
        let returned = Arrival<(code: Int32, message: String)>()
        let isQueued = threads.submit { [weak self] in
            let result = MessageMemory.collect(body)
            if !isUrgent { self?.state.withLock { $0.running = nil } }
            returned.arrive(result)
        }
        guard isQueued else { return }
        let timer = Task { [clock] in
            guard (try? await clock.sleep(for: limit)) != nil else { return }
            returned.passBy()
        }
        var result = await returned.wait()
        timer.cancel()
        if result == nil {
            let error = PluginError(
                .deadlineMissed,
                "plugin \(plugin) missed its deadline: \(verb) did not return within \(limit); it is given up")
            giveUp(error)
            guard case .waiting = patience else { throw error }
            result = await returned.waitForEver()
        }
        guard let result, result.code != WEIR_OK else { return }
        let reason = result.message.isEmpty ? "it returned code \(result.code)" : result.message
        throw PluginError(.callFailed, "plugin \(plugin) failed to \(verb): \(reason)")
    }

    /// Lets go of the threads that come back.
    func retire() { threads.retire() }

    private func begin(_ verb: String, isUrgent: Bool) -> Bool {
        let stuck: String? = state.withLock { state in
            guard !state.isGivenUp, !isUrgent else { return nil }
            defer { state.running = state.running ?? verb }
            return state.running
        }
        if let stuck {
            giveUp(PluginError(.deadlineMissed, "plugin \(plugin) is still in \(stuck) at \(verb); it is given up"))
        }
        return !isGivenUp
    }

    private func giveUp(_ error: PluginError) {
        let isFirst = state.withLock { state in
            defer { state.isGivenUp = true }
            return !state.isGivenUp
        }
        guard isFirst else { return }
        logger.error("\(error.message)")
        onGivenUp()
    }
}

/// Memory that a plugin writes a sentence into.
enum MessageMemory {
    /// Runs `body` with room for a sentence; whatever the plugin says of its length, only what fits is read.
    static func collect(
        _ body: (UnsafeMutablePointer<weir_message>) -> Int32
    ) -> (code: Int32, message: String) {
        let room = UnsafeMutableBufferPointer<CChar>.allocate(capacity: Limits.messageBytesMax)
        room.initialize(repeating: 0)
        defer { room.deallocate() }
        var message = weir_message(data: room.baseAddress, capacity: room.count, size: 0)
        let code = body(&message)
        return (code, text(room, size: message.size))
    }

    /// What stands in the memory: at most what fits, in UTF-8 as far as it is.
    static func text(_ room: UnsafeMutableBufferPointer<CChar>, size: Int) -> String {
        let bytes = room.prefix(max(0, min(size, room.count))).map { UInt8(bitPattern: $0) }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Something that one side waits for and the other brings, or lets pass by.
private final class Arrival<Value: Sendable>: Sendable {
    private struct State {
        var value: Value?
        var hasPassed = false
        var waiter: CheckedContinuation<Value?, Never>?
    }

    private let state = Mutex(State())

    /// Brings it.
    func arrive(_ value: Value) {
        let waiter = state.withLock { state in
            state.value = value
            return state.waiter.take()
        }
        waiter?.resume(returning: value)
    }

    /// Sends home who waits now.
    func passBy() {
        let waiter = state.withLock { state in
            state.hasPassed = true
            return state.waiter.take()
        }
        waiter?.resume(returning: nil)
    }

    /// The value; nil where it passed by.
    func wait() async -> Value? { await wait { $0.hasPassed } }

    /// The value, whenever it comes.
    func waitForEver() async -> Value? { await wait { _ in false } }

    private func wait(_ isOver: @Sendable (borrowing State) -> Bool) async -> Value? {
        await withCheckedContinuation { continuation in
            let (value, isOver) = state.withLock { state in
                let over = isOver(state)
                if state.value == nil, !over { state.waiter = continuation }
                return (state.value, over)
            }
            if value != nil || isOver { continuation.resume(returning: value) }
        }
    }
}
