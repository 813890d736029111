/// One open session: counted, not waited for beyond its grace. Dropping it closes it.
public struct Session: ~Copyable, Sendable {
    let gate: Gate

    /// Whether the component drains: the session should say goodbye.
    public var isDraining: Bool { gate.isClosed }

    /// Closes the session.
    public consuming func close() {}

    deinit {
        gate.endPresence(.session)
    }
}

/// One running loop (a ticker, a compactor, a worker): drain waits until it returned. Dropping it ends it.
///
/// Each iteration enters the gate like any other operation; once it is refused with `draining`, the loop returns.
public struct LoopHandle: ~Copyable, Sendable {
    let gate: Gate

    /// Whether the component drains: the loop should return.
    public var isDraining: Bool { gate.isClosed }

    /// Says that the loop returned.
    public consuming func end() {}

    deinit {
        gate.endPresence(.loop)
    }
}

/// The word that counts what is open without being an operation: `[sessions:31][loops:31][spare][closed]`.
///
/// It is apart from the gate's word, so that sessions do not keep a component from being drained, and has a flag
/// of its own, so that what opens is either counted before the close or sees it.
struct PresenceWord {
    enum Kind {
        case session
        case loop

        var one: UInt64 {
            switch self {
            case .session: 1 << 33
            case .loop: 1 << 2
            }
        }
    }

    static let closed: UInt64 = 1

    var bits: UInt64

    var isClosed: Bool { bits & Self.closed != 0 }
    var sessions: UInt32 { UInt32(truncatingIfNeeded: bits >> 33) }
    var loops: UInt32 { UInt32(truncatingIfNeeded: bits >> 2) & 0x7FFF_FFFF }

    func count(of kind: Kind) -> UInt32 {
        switch kind {
        case .session: sessions
        case .loop: loops
        }
    }
}
