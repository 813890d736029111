/// The outcome of a request or a part of it: `.none`, or what went wrong.
///
/// Any number is a code; the members are those that Kafka defines.
public struct ErrorCode: RawRepresentable, Hashable, Sendable {
    /// The number on the wire.
    public let rawValue: Int16

    /// The code of the number `rawValue`, known or not.
    public init(rawValue: Int16) { self.rawValue = rawValue }

    /// Kafka's name, "NOT_LEADER_OR_FOLLOWER"; "UNKNOWN(1234)" for a number that Kafka does not define.
    public var name: String {
        let index = Int(rawValue) + 1
        return Self.names.indices.contains(index) ? Self.names[index].description : "UNKNOWN(\(rawValue))"
    }

    /// Whether the same request may succeed later without a change, as Kafka's own client sees it.
    public var isRetriable: Bool { Self.retriable.contains(self) }
}

extension ErrorCode: CustomStringConvertible {
    /// Kafka's name of the code.
    public var description: String { name }
}
