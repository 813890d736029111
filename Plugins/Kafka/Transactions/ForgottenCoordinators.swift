import Synchronization

/// Wakes clients that wait for a coordinator which they have forgotten.
///
/// librdkafka from 2.16.0 on forgets every broker when it has lost the connections to all of them, as with one node
/// that restarts (its issue 5511). Where a transactional producer had asked for a group's coordinator before, it then
/// waits with `send_offsets_to_transaction` for the one that it forgot, until any connection of its comes or goes:
/// with one node none does before it is idle for too long, and by then the transaction has timed out.
///
/// A connection that comes or goes is what a broker can give it. The connection that asked for the group's offsets to
/// become part of the transaction serves nothing but transactions, and is told to end when that is answered: once for
/// each transactional id that comes by a connection which did not see its beginning. From any thread.
final class ForgottenCoordinators: Sendable {
    /// Transactional ids that are remembered; where there are more, some clients are woken for nothing.
    private static let idCountMax = 10_000

    private enum Standing {
        /// Its last connection was told to end; the next one is let be.
        case woken
        /// Its client has connected by this one, and has forgotten nothing since.
        case settled(Connection)
    }

    private struct Connection {
        weak var handler: ConnectionHandler?
    }

    private let standings = Mutex<[String: Standing]>([:])

    /// A client began with the transactional id: it knows no coordinators that it could have forgotten.
    func began(_ id: String, on connection: ConnectionHandler) {
        guard connection.software.forgetsCoordinators else { return }
        set(.settled(Connection(handler: connection)), for: id)
    }

    /// A client's group became part of a transaction; tells the connection to end where the client may wait otherwise.
    func joined(_ id: String, on connection: ConnectionHandler) {
        guard connection.software.forgetsCoordinators else { return }
        switch standings.withLock({ $0[id] }) {
        case .settled(let settled) where settled.handler === connection: return
        case .woken: set(.settled(Connection(handler: connection)), for: id)
        case .settled, nil:
            set(.woken, for: id)
            connection.tellEnd()
        }
    }

    private func set(_ standing: Standing, for id: String) {
        standings.withLock { standings in
            if standings.count >= Self.idCountMax, standings[id] == nil { standings = [:] }
            standings[id] = standing
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
