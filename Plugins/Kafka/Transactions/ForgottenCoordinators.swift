import Synchronization
import WeirRuntime

/// Wakes clients that wait for a coordinator which they have forgotten.
///
/// librdkafka from 2.16.0 on forgets every broker when it has lost the connections to all of them, as with one node
/// that restarts (its issue 5511). Where a transactional producer had asked for a group's coordinator before, it then
/// waits with `send_offsets_to_transaction` for the one that it forgot, and looks for another only when a connection of
/// its comes or goes, and a second has passed. With one node none does before it is idle for too long, and by then the
/// transaction has timed out.
///
/// A connection that goes is what a broker can give it: where a group became part of a transaction and its offsets do
/// not come, the connection to the transaction's coordinator, which serves nothing else, is told to end. From any thread.
final class ForgottenCoordinators: Sendable {
    /// How long offsets may be on their way.
    private static let patience: Duration = .milliseconds(1_200)

    private struct State {
        var nextNumber: UInt64 = 0
        /// The transactional ids whose offsets are awaited.
        var awaited: [String: UInt64] = [:]
    }

    private let state = Mutex(State())

    /// A client's group became part of a transaction: its offsets are to come.
    func joined(_ id: String, on connection: ConnectionHandler) {
        guard connection.software.forgetsCoordinators else { return }
        let number = state.withLock { state in
            state.nextNumber += 1
            state.awaited[id] = state.nextNumber
            return state.nextNumber
        }
        connection.loop.schedule(after: Self.patience) { [weak self, weak connection] in
            guard let self, take(id, number) else { return }
            connection?.tellEnd()
        }
    }

    /// Offsets came, or the transaction ends without.
    func wentOn(_ id: String) {
        state.withLock { _ = $0.awaited.removeValue(forKey: id) }
    }

    private func take(_ id: String, _ number: UInt64) -> Bool {
        state.withLock { state in
            guard state.awaited[id] == number else { return false }
            state.awaited[id] = nil
            return true
        }
    }
}

extension ClientSoftware {
    /// Whether it is librdkafka 2.16 or later, by itself or in a binding: `2.16.1-rdkafka-2.16.0` says the latter.
    var forgetsCoordinators: Bool {
        let words = version.split(separator: "-")
        var said = name == "librdkafka" ? words.first : nil
        if let place = words.firstIndex(where: { $0 == "rdkafka" || $0 == "librdkafka" }), place + 1 < words.count {
            said = words[place + 1]
        }
        let numbers = (said ?? "").split(separator: ".").prefix(2).compactMap { Int($0) }
        return numbers.count == 2 && (numbers[0], numbers[1]) >= (2, 16)
    }
}
