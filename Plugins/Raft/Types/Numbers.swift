/// Names one replica of a group; 0 is nobody.
public struct ReplicaID: Hashable, Comparable, Sendable, ExpressibleByIntegerLiteral {
    /// The number on the wire.
    public var value: UInt64

    /// The replica of that number.
    @inlinable
    public init(_ value: UInt64) { self.value = value }

    /// The replica of that number.
    @inlinable
    public init(integerLiteral value: UInt64) { self.value = value }

    /// Nobody: no leader, no vote.
    public static var none: ReplicaID { ReplicaID(0) }
    /// The storage work of a replica that writes asynchronously; never a member of a group.
    public static var appendThread: ReplicaID { ReplicaID(.max) }
    /// The apply work of a replica that writes asynchronously; never a member of a group.
    public static var applyThread: ReplicaID { ReplicaID(.max - 1) }

    /// Whether it stands for a replica's own storage or apply work.
    @inlinable public var isLocalThread: Bool { value >= .max - 1 }

    /// Ascending by number.
    @inlinable
    public static func < (left: ReplicaID, right: ReplicaID) -> Bool { left.value < right.value }
}

/// A term: the logical time of elections; 0 before the first.
public struct Term: Hashable, Comparable, Sendable, ExpressibleByIntegerLiteral {
    /// The number on the wire.
    public var value: UInt64

    /// The term of that number.
    @inlinable
    public init(_ value: UInt64) { self.value = value }

    /// The term of that number.
    @inlinable
    public init(integerLiteral value: UInt64) { self.value = value }

    /// The term that follows.
    @inlinable public var next: Term { Term(value + 1) }

    /// Older terms first.
    @inlinable
    public static func < (left: Term, right: Term) -> Bool { left.value < right.value }
}

/// A place in a group's log, counted in entries from 1; 0 is before the first.
public struct LogIndex: Hashable, Comparable, Sendable, ExpressibleByIntegerLiteral {
    /// The number on the wire.
    public var value: UInt64

    /// The place of that number.
    @inlinable
    public init(_ value: UInt64) { self.value = value }

    /// The place of that number.
    @inlinable
    public init(integerLiteral value: UInt64) { self.value = value }

    /// Earlier places first.
    @inlinable
    public static func < (left: LogIndex, right: LogIndex) -> Bool { left.value < right.value }

    /// The place `count` entries later.
    @inlinable
    public static func + (index: LogIndex, count: Int) -> LogIndex {
        LogIndex(index.value + UInt64(count))
    }

    /// The place `count` entries earlier, which must exist.
    @inlinable
    public static func - (index: LogIndex, count: Int) -> LogIndex {
        LogIndex(index.value - UInt64(count))
    }

    /// How many entries lie between; `right` must not be later.
    @inlinable
    public static func - (left: LogIndex, right: LogIndex) -> Int {
        Int(left.value - right.value)
    }
}

/// An entry's place and term, which together name its content (the log matching property, Raft §5.3).
public struct EntryID: Hashable, Sendable {
    /// The term it was proposed in.
    public var term: Term
    /// Its place.
    public var index: LogIndex

    /// The entry of that term at that place.
    @inlinable
    public init(term: Term, index: LogIndex) {
        self.term = term
        self.index = index
    }
}
