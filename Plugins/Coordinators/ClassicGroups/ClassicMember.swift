import KafkaWire
import NIOCore

/// A member of a classic group.
struct ClassicMember: Sendable {
    /// What the group calls it.
    let id: String
    /// Which member this is by time of arrival: what has no better order has this one.
    let serial: UInt64
    /// What its owner calls it (`group.instance.id`); nil: it is dynamic.
    let instanceID: String?
    /// What the client calls itself.
    var clientID: String
    /// The client's address.
    var clientHost: String
    /// How long a rebalance waits for it.
    var rebalanceMilliseconds: Int32
    /// How long it may be silent.
    var sessionMilliseconds: Int32
    /// What it can do, what it likes best first, and what it tells who assigns.
    var protocols: [JoinGroupRequest.JoinGroupRequestProtocol]
    /// What it was assigned last.
    var assignment = ByteBuffer()
    /// Its JoinGroup that waits for the others.
    var join: WaitingJoin?
    /// Its SyncGroup that waits for the leader's.
    var sync: Ticket?
    /// Whether it has no member id yet: it is in no rebalance that ended, and cannot send heartbeats.
    var isNew = false

    /// A JoinGroup that waits.
    struct WaitingJoin: Sendable {
        /// Who is answered.
        var ticket: Ticket
        /// In which version.
        var version: Int16
    }

    /// What the member tells of itself for a protocol.
    func metadata(for name: String?) -> ByteBuffer {
        protocols.first { $0.name == name }?.metadata ?? ByteBuffer()
    }

    /// Whether these are the protocols and the metadata that the member has already.
    func matches(_ others: [JoinGroupRequest.JoinGroupRequestProtocol]) -> Bool { protocols == others }

    /// Whether silence is no fault: the member waits for us. New ones are not spared, since nobody else would notice
    /// that their client is gone.
    var isWaitingForOthers: Bool { !isNew && (join != nil || sync != nil) }
}

extension JoinGroupRequest {
    /// The protocols, in memory of their own.
    var ownedProtocols: [JoinGroupRequestProtocol] {
        protocols.map { proto in
            var owned = proto
            owned.metadata = proto.metadata.owned
            return owned
        }
    }

    /// How long a rebalance waits for the member: before version 1, as long as its session.
    func rebalanceMilliseconds(version: Int16) -> Int32 { version >= 1 ? rebalanceTimeoutMs : sessionTimeoutMs }
}
