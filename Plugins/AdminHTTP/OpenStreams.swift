import FoundationEssentials
import Synchronization
import WeirRuntime

/// The event streams that are open, so that a stop can end them in order: with their last event.
final class OpenStreams: Sendable {
    private struct State {
        var nextID = 0
        var isEnding = false
        var feeds: [Int: AsyncStream<RuntimeSnapshot>.Continuation] = [:]
    }

    private let state = Mutex(State())

    /// A stream that ends with `endAll` at the latest; who reads slowly gets the newest only.
    func open() -> (events: AsyncStream<RuntimeSnapshot>, feed: AsyncStream<RuntimeSnapshot>.Continuation) {
        let (events, feed) = AsyncStream<RuntimeSnapshot>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let id: Int? = state.withLock { state in
            guard !state.isEnding else { return nil }
            state.nextID += 1
            state.feeds[state.nextID] = feed
            return state.nextID
        }
        if let id {
            feed.onTermination = { [weak self] _ in self?.forget(id) }
        } else {
            feed.finish()
        }
        return (events, feed)
    }

    /// Ends all streams, and every later one at once.
    func endAll() {
        let feeds = state.withLock { state in
            state.isEnding = true
            return Array(state.feeds.values)
        }
        for feed in feeds { feed.finish() }
    }

    private func forget(_ id: Int) {
        state.withLock { $0.feeds[id] = nil }
    }
}

/// What a stream of events says of one document after another.
struct EventText {
    private var last: WorkDocument?
    private var silent = 0

    /// The event of a document; nil where it is as it was.
    ///
    /// Each 20th time that nothing changed it is a comment, which finds out whether anybody is there.
    mutating func next(_ document: WorkDocument) throws -> String? {
        if document != last {
            last = document
            silent = 0
            return "data: \(String(decoding: try document.json(), as: UTF8.self))\n\n"
        }
        silent += 1
        return silent % 20 == 0 ? ":\n\n" : nil
    }
}
