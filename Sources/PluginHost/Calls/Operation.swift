internal import Synchronization

/// A unit of work that a plugin holds a handle of: a reconcile, or what it began itself.
///
/// Host functions are called on threads that belong to no task. An operation brings them back under the work that they
/// are part of: `serve` runs inside of that work, and performs there what the functions ask for, so that it carries the
/// lineage that gates let in while a node drains. The work does not end before what it was asked for has ended.
final class Operation: Sendable {
    /// How an operation ended, and what was said about it.
    struct Answer: Sendable {
        var code: Int32
        var requeueAfterMilliseconds: UInt64 = 0
        var message = ""
    }

    /// Who ends it.
    enum Role: Sendable {
        /// The answer of a reconcile.
        case reconcile
        /// `work_end`.
        case ownWork
    }

    /// A call of a host function that is part of the operation.
    private final class Call: Sendable {
        let body: @Sendable () async -> Void
        private let state = Mutex<(task: Task<Void, Never>?, isCancelled: Bool)>((nil, false))

        init(_ body: @escaping @Sendable () async -> Void) {
            self.body = body
        }

        /// Performs it; inherits the lineage, but not the cancellation of who asks.
        func perform() async {
            let task = Task { await body() }
            let isCancelled = state.withLock { state in
                state.task = task
                return state.isCancelled
            }
            if isCancelled { task.cancel() }
            await task.value
        }

        func cancel() {
            let task = state.withLock { state in
                state.isCancelled = true
                return state.task
            }
            task?.cancel()
        }
    }

    private struct State {
        var answer: Answer?
        var isCancelled = false
        var calls: [Int: Call] = [:]
        var nextCall = 0
    }

    let role: Role
    private let state = Mutex(State())
    private let jobs: AsyncStream<Call>
    private let mailbox: AsyncStream<Call>.Continuation

    init(_ role: Role) {
        self.role = role
        (jobs, mailbox) = AsyncStream.makeStream()
    }

    /// Whether it was cancelled.
    var isCancelled: Bool { state.withLock { $0.isCancelled } }

    /// Performs calls until the operation is answered, and all of them have ended; returns the answer.
    ///
    /// A cancellation of the task cancels the calls that run, and is told to the plugin; it does not end the operation:
    /// what the plugin does is only over when the plugin says so.
    func serve() async -> Answer {
        await withTaskCancellationHandler {
            // A task of its own: a stream ends at once for a cancelled one.
            let serving = Task { [jobs] in
                await withDiscardingTaskGroup { group in
                    for await call in jobs { group.addTask { await call.perform() } }
                }
            }
            await serving.value
        } onCancel: {
            cancel()
        }
        return state.withLock { $0.answer } ?? Answer(code: 0)
    }

    /// Performs `body` as part of the operation; false where it has ended.
    func perform(_ body: @escaping @Sendable () async -> Void) -> Bool {
        let call: Call? = state.withLock { state in
            guard state.answer == nil else { return nil }
            let id = state.nextCall
            state.nextCall += 1
            let call = Call { [weak self] in
                await body()
                self?.forget(id)
            }
            state.calls[id] = call
            // Inside of the lock: an end that comes now finishes the stream only after this.
            mailbox.yield(call)
            return call
        }
        return call != nil
    }

    /// Answers it, unless it was answered; says whether this was the answer.
    @discardableResult
    func end(_ answer: Answer) -> Bool {
        state.withLock { state in
            guard state.answer == nil else { return false }
            state.answer = answer
            mailbox.finish()
            return true
        }
    }

    /// Cancels the calls that run, and tells the plugin when it asks.
    func cancel() {
        let calls = state.withLock { state in
            state.isCancelled = true
            return Array(state.calls.values)
        }
        for call in calls { call.cancel() }
    }

    private func forget(_ id: Int) {
        state.withLock { $0.calls[id] = nil }
    }
}
