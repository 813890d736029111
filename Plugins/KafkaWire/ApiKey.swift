/// The number that names an API on the wire: `.produce` is 0, `.fetch` is 1.
///
/// Any number is a key; ``all`` are those whose messages this module has.
public struct ApiKey: RawRepresentable, Hashable, Sendable {
    /// The number on the wire.
    public let rawValue: Int16

    /// The key of the number `rawValue`, known or not.
    public init(rawValue: Int16) { self.rawValue = rawValue }

    /// Kafka's name for the API ("Produce"), or "Unknown(123)".
    public var name: String { knownName ?? "Unknown(\(rawValue))" }

    /// Whether requests and responses of `version` have compact lengths and tagged fields.
    ///
    /// It holds for versions still to come too, so that a request of a version too new has a readable header.
    public func isFlexible(_ version: Int16) -> Bool {
        guard let first = firstFlexibleVersion else { return false }
        return version >= first
    }

    /// The version of the header in front of a request of `version`: 1, or 2 when that is flexible.
    ///
    /// For a key without messages here it is 1, whose fields are the beginning of every header.
    public func requestHeaderVersion(for version: Int16) -> Int16 { isFlexible(version) ? 2 : 1 }

    /// The version of the header in front of a response of `version`: 0, or 1 when that is flexible.
    ///
    /// ApiVersions always answers with header 0: a client that learns versions cannot know which to expect
    /// (KIP-511).
    public func responseHeaderVersion(for version: Int16) -> Int16 {
        isFlexible(version) && self != .apiVersions ? 1 : 0
    }
}

extension ApiKey: CustomStringConvertible {
    /// The name of the API.
    public var description: String { name }
}
