internal import KafkaWire
internal import SegmentLog
internal import Synchronization
internal import WeirRuntime

/// How far reconciling a topic has come.
enum TopicOutcome: Sendable {
    /// It serves as this generation asks for.
    case served(TopicDescription)
    /// What a generation asks for could not be done; it will be tried again.
    case failed(generation: Int64, TopicError)
    /// It could not be deleted; it will be tried again.
    case stuck(TopicError)
    /// It is deleted, and its name free.
    case gone
}

/// Where requests wait for the topic reconciler: nothing polls.
///
/// Who waits begins to follow the name *before* it changes the object, so that no outcome can slip between. Only
/// the last outcome of each topic is kept, and only while somebody follows. From any thread.
final class TopicProgress: Sendable {
    private let followers = Mutex<[String: [TopicFollower]]>([:])
    private let loop: any Loop
    private let clock: any Clock

    /// Deadlines are kept by `loop`.
    init(loop: any Loop, clock: any Clock) {
        self.loop = loop
        self.clock = clock
    }

    /// Tells those that follow the name.
    func publish(_ outcome: TopicOutcome, of id: TopicID, named name: String) {
        for follower in followers.withLock({ $0[name] ?? [] }) { follower.note(outcome, of: id) }
    }

    /// Runs `body` with a follower of the name that sees every outcome from now on.
    func following<Value>(_ name: String, _ body: (TopicFollower) async -> Value) async -> Value {
        let follower = TopicFollower(loop: loop, clock: clock)
        followers.withLock { $0[name, default: []].append(follower) }
        let value = await body(follower)
        followers.withLock { followers in
            followers[name]?.removeAll { $0 === follower }
            if followers[name]?.isEmpty == true { followers[name] = nil }
        }
        return value
    }

    /// How many follow a topic now.
    var followerCount: Int { followers.withLock { $0.values.reduce(0) { $0 + $1.count } } }
}

/// One request's view of the outcomes of one name. One task waits at a time.
final class TopicFollower: Sendable {
    private struct State {
        var outcomes: [TopicID: TopicOutcome] = [:]
        /// Raised with each outcome, and when a deadline passes.
        var waiting: CheckedContinuation<Void, Never>?
        var isWoken = false
    }

    private let state = Mutex(State())
    private let loop: any Loop
    private let clock: any Clock

    init(loop: any Loop, clock: any Clock) {
        self.loop = loop
        self.clock = clock
    }

    func note(_ outcome: TopicOutcome, of id: TopicID) {
        state.withLock { $0.outcomes[id] = outcome }
        wake()
    }

    /// The topic as it serves a generation; why it does not; `requestTimedOut` at the deadline.
    func served(
        _ id: TopicID, generation: Int64, by deadline: MonotonicTime
    ) async -> Result<TopicDescription, TopicError> {
        await outcome(of: id, by: deadline) { outcome in
            switch outcome {
            case .served(let topic): topic.generation >= generation ? .success(topic) : nil
            case .failed(let failed, let error): failed >= generation ? .failure(error) : nil
            case .stuck(let error): .failure(error)
            case .gone: .failure(TopicError(.unknownTopicOrPartition, "The topic was deleted meanwhile."))
            }
        }
    }

    /// Returns when the topic is gone; why it is not; `requestTimedOut` at the deadline.
    func gone(_ id: TopicID, by deadline: MonotonicTime) async -> Result<Void, TopicError> {
        await outcome(of: id, by: deadline) { outcome in
            switch outcome {
            case .gone: .success(())
            case .stuck(let error): .failure(error)
            case .served, .failed: nil
            }
        }
    }

    private func outcome<Value>(
        of id: TopicID, by deadline: MonotonicTime, _ result: (TopicOutcome) -> Result<Value, TopicError>?
    ) async -> Result<Value, TopicError> {
        let timer = loop.schedule(at: deadline) { [weak self] in self?.wake() }
        defer { timer.cancel() }
        while true {
            if let outcome = state.withLock({ $0.outcomes[id] }), let result = result(outcome) { return result }
            guard clock.now < deadline else {
                return .failure(TopicError(.requestTimedOut, "The request timed out; it is carried on with."))
            }
            await wait()
        }
    }

    private func wait() async {
        await withCheckedContinuation { continuation in
            let isWoken = state.withLock { state in
                defer { state.isWoken = false }
                if !state.isWoken { state.waiting = continuation }
                return state.isWoken
            }
            if isWoken { continuation.resume() }
        }
    }

    private func wake() {
        let waiting = state.withLock { state in
            defer { state.waiting = nil }
            state.isWoken = state.waiting == nil
            return state.waiting
        }
        waiting?.resume()
    }
}
