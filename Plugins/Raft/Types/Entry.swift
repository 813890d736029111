/// A handle to bytes that somebody else owns; consensus carries it and never looks inside.
///
/// The owner chooses what the parts mean: an object that keeps the bytes alive, a number that finds them
/// in it, or both. Copying one copies no bytes; with an owner it costs a reference count.
public struct Payload: Sendable {
    /// What keeps the bytes alive; nil where `handle` alone finds them.
    public let owner: (any AnyObject & Sendable)?
    /// Finds the bytes; its meaning is the owner's.
    public let handle: UInt64
    /// How many bytes, for the limits that are counted in bytes.
    public let byteCount: Int

    /// A handle to `byteCount` bytes.
    @inlinable
    public init(owner: (any AnyObject & Sendable)? = nil, handle: UInt64 = 0, byteCount: Int) {
        precondition(byteCount >= 0, "a payload has no negative size")
        self.owner = owner
        self.handle = handle
        self.byteCount = byteCount
    }

    /// No bytes: what a new leader appends.
    public static var empty: Payload { Payload(byteCount: 0) }
}

/// What an entry holds.
public enum EntryKind: UInt8, Sendable, Hashable {
    /// A payload for the state machine; an empty one for nobody.
    case normal = 0
    /// One change of the membership, in the old form.
    case configurationChangeV1 = 1
    /// Changes of the membership.
    case configurationChange = 2
}

/// One entry of a group's log.
public struct Entry: Sendable {
    /// The term of the leader that appended it; 0 while it is proposed.
    public var term: Term
    /// Its place; 0 while it is proposed.
    public var index: LogIndex
    /// The bytes, or the change.
    public let payload: Payload
    /// Which of the two.
    public let kind: EntryKind

    /// An entry for the state machine.
    @inlinable
    public init(term: Term = 0, index: LogIndex = 0, payload: Payload) {
        self.term = term
        self.index = index
        self.payload = payload
        kind = .normal
    }

    /// An entry that changes the membership once it is applied.
    ///
    /// `form` is `.configurationChange`, or `.configurationChangeV1` for one operation without a transition.
    public init(
        term: Term = 0, index: LogIndex = 0, change: ConfigurationChange, form: EntryKind = .configurationChange
    ) {
        precondition(form != .normal, "a change is no normal entry")
        precondition(form != .configurationChangeV1 || change.isSimple, "the old form holds one operation")
        self.term = term
        self.index = index
        payload = Payload(owner: ChangeContent(change), byteCount: change.byteCount(as: form))
        kind = form
    }

    /// The change by which a leader leaves a joint configuration by itself: no quota may refuse it, so it counts nothing.
    static var autoLeave: Entry { Entry(autoLeave: .leaveJoint) }

    private init(autoLeave change: ConfigurationChange) {
        term = 0
        index = 0
        payload = Payload(owner: ChangeContent(change), byteCount: 0)
        kind = .configurationChange
    }

    /// The change of an entry that is one; nil of a normal one.
    public var configurationChange: ConfigurationChange? {
        guard kind != .normal else { return nil }
        guard let content = payload.owner as? ChangeContent else {
            preconditionFailure("only `init(change:)` makes such entries")
        }
        return content.change
    }

    /// Its term and place.
    @inlinable public var id: EntryID { EntryID(term: term, index: index) }

    /// What the entry counts in limits on messages: its size in etcd's wire format.
    ///
    /// A tag and a varint for term and index, two bytes for a kind that is not normal, and tag, length and
    /// bytes of a payload that is not empty.
    @inlinable public var sizeBytes: Int {
        var size = 2 + varintByteCount(term.value) + varintByteCount(index.value)
        if kind != .normal { size += 2 }
        if payload.byteCount > 0 { size += 1 + varintByteCount(UInt64(payload.byteCount)) + payload.byteCount }
        return size
    }
}

/// How many groups of seven bits a number takes; 1 for 0.
@inlinable
package func varintByteCount(_ value: UInt64) -> Int {
    let bits = UInt64.bitWidth - (value | 1).leadingZeroBitCount
    return (bits + 6) / 7
}

/// What a change entry's payload owns.
private final class ChangeContent: Sendable {
    let change: ConfigurationChange

    init(_ change: ConfigurationChange) { self.change = change }
}

extension Sequence<Entry> {
    /// The sum of `sizeBytes`.
    @inlinable package var sizeBytes: Int { reduce(0) { $0 + $1.sizeBytes } }

    /// The sum of the payloads' bytes.
    @inlinable package var payloadBytes: Int { reduce(0) { $0 + $1.payload.byteCount } }
}
