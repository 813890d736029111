/// Why bytes are no message, and where.
public struct DecodeError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong.
    public enum Reason: UInt8, Sendable, Hashable {
        /// The bytes end before the field does.
        case truncated
        /// There are bytes behind the end.
        case trailingBytes
        /// The first byte is no version that this release reads.
        case unknownVersion
        /// A number that names nothing.
        case unknownValue
        /// A number, or what it leads to, is beyond what the field may hold.
        case outOfRange
        /// There is a shorter form of the same, which alone is valid.
        case notShortest
        /// A list is not strictly ascending.
        case notAscending
        /// More than `MessageLimits` allows.
        case overLimit
        /// It belongs between a replica and its own storage work.
        case localMessage
    }

    /// What was being read.
    public enum Field: String, Sendable, Hashable {
        /// The whole.
        case message
        /// The version byte.
        case version
        /// `Message.kind`.
        case kind
        /// Which fields follow.
        case fields
        /// `Message.from`.
        case from
        /// `Message.to`.
        case to
        /// A term.
        case term
        /// `Message.logTerm`.
        case logTerm
        /// An index.
        case index
        /// What is committed.
        case commit
        /// Whom the vote is for.
        case vote
        /// `Message.rejectHint`.
        case rejectHint
        /// `Message.readPosition`.
        case readPosition
        /// The number of entries, or an entry's first byte.
        case entries
        /// A payload's length, or its bytes.
        case payload
        /// A change of the membership.
        case change
        /// A configuration.
        case configuration
        /// `Message.responses`.
        case responses
    }

    /// What is wrong.
    public let reason: Reason
    /// What was being read.
    public let field: Field
    /// Where: the place of the field's first byte among the bytes.
    public let offset: Int

    /// An error at that place.
    public init(_ reason: Reason, _ field: Field, at offset: Int) {
        self.reason = reason
        self.field = field
        self.offset = offset
    }

    /// One sentence.
    public var description: String {
        let what =
            switch reason {
            case .truncated: "ends too early"
            case .trailingBytes: "goes on behind its end"
            case .unknownVersion: "is of another release's format"
            case .unknownValue: "has a value without meaning"
            case .outOfRange: "is out of range"
            case .notShortest: "is not in its shortest form"
            case .notAscending: "is not ascending"
            case .overLimit: "is larger than the limits allow"
            case .localMessage: "belongs to a replica's own storage work"
            }
        return "raft message: \(field.rawValue) at byte \(offset) \(what)"
    }
}
