import Synchronization
import WeirRuntime

/// Tells every WebSocket client of every change, through a bounded queue a client: who is too slow misses changes.
final class Broadcaster: Sendable {
    /// What a client is sent.
    enum Message: Sendable {
        case text(String)
        /// The server says goodbye: after it the connection is closed with 1001.
        case goodbye(String)
    }

    private struct State {
        var nextID = 0
        var clients: [Int: AsyncStream<Message>.Continuation] = [:]
    }

    private let state = Mutex(State())
    private let (changes, feed) = AsyncStream.makeStream(of: ItemChange.self, bufferingPolicy: .bufferingNewest(10_000))

    /// The messages of a new client; it is forgotten when it stops reading them.
    func join() -> AsyncStream<Message> {
        let (messages, client) = AsyncStream.makeStream(of: Message.self, bufferingPolicy: .bufferingNewest(1_000))
        let id = state.withLock { state in
            state.nextID += 1
            state.clients[state.nextID] = client
            return state.nextID
        }
        client.onTermination = { [weak self] _ in self?.state.withLock { _ = $0.clients.removeValue(forKey: id) } }
        return messages
    }

    var clientCount: Int { state.withLock { $0.clients.count } }

    /// Queues a change.
    func tell(_ change: ItemChange) { feed.yield(change) }

    /// The loop: passes changes on until the drain, then what is left.
    func run(_ scope: HostedScope) async {
        let closing = Task {
            await scope.stopRequested()
            feed.finish()
        }
        defer { closing.cancel() }
        for await change in changes { send(.text(change.text)) }
    }

    /// Announces the end to everybody.
    func sayGoodbye(_ message: String) {
        send(.goodbye(#"{"type":"ServerShutdown","message":"\#(message)"}"#))
    }

    private func send(_ message: Message) {
        let clients = state.withLock { Array($0.clients.values) }
        for client in clients { client.yield(message) }
    }
}
