import ObjectStore
import Synchronization

/// A watch whose events a test pushes.
final class ScriptedWatch: WatchSource {
    private struct State {
        var events: [WatchEvent] = []
        var ending: Result<Void, any Error>?
        var reader: CheckedContinuation<[WatchEvent]?, any Error>?
    }

    private let state = Mutex(State())

    /// Whether somebody ended it, or it was let go of.
    var isOver: Bool { state.withLock { $0.ending != nil } }

    func push(_ events: [WatchEvent]) {
        let reader = state.withLock { state -> CheckedContinuation<[WatchEvent]?, any Error>? in
            guard let reader = state.reader.take() else {
                state.events += events
                return nil
            }
            return reader
        }
        reader?.resume(returning: events)
    }

    func fail(_ error: any Error) { end(.failure(error)) }
    func cancel() { end(.success(())) }

    func next() async throws -> [WatchEvent]? {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let answer: Result<[WatchEvent]?, any Error>? = state.withLock { state in
                    if !state.events.isEmpty {
                        defer { state.events = [] }
                        return .success(state.events)
                    }
                    if let ending = state.ending { return ending.map { nil } }
                    state.reader = continuation
                    return nil
                }
                if let answer { continuation.resume(with: answer) }
            }
        } onCancel: {
            cancel()
        }
    }

    private func end(_ ending: Result<Void, any Error>) {
        let reader = state.withLock { state in
            if state.ending == nil { state.ending = ending }
            return state.reader.take()
        }
        reader?.resume(with: ending.map { nil })
    }
}
