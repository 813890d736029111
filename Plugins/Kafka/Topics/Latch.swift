internal import Synchronization

/// Holds callers back until it is opened, once; from any thread.
final class Latch: Sendable {
    private enum State {
        case closed([CheckedContinuation<Result<Void, any Error>, Never>])
        case open(Result<Void, any Error>)
    }

    private let state = Mutex(State.closed([]))

    /// Lets everybody through, or throws at everybody; does nothing the second time.
    func open(_ error: (any Error)?) {
        let result: Result<Void, any Error> = error.map { .failure($0) } ?? .success(())
        let waiting = state.withLock { state -> [CheckedContinuation<Result<Void, any Error>, Never>] in
            guard case .closed(let waiting) = state else { return [] }
            state = .open(result)
            return waiting
        }
        for continuation in waiting { continuation.resume(returning: result) }
    }

    /// Returns when it is open; throws what it was opened with.
    func wait() async throws {
        let result = await withCheckedContinuation { continuation in
            let result = state.withLock { state -> Result<Void, any Error>? in
                switch state {
                case .open(let result): return result
                case .closed(var waiting):
                    waiting.append(continuation)
                    state = .closed(waiting)
                    return nil
                }
            }
            if let result { continuation.resume(returning: result) }
        }
        try result.get()
    }
}
