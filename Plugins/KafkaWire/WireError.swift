/// Why bytes are no message, or why a message does not fit a version.
public struct WireError: Error, Equatable, Sendable {
    /// The kind of error; more may come.
    public struct Code: Hashable, Sendable {
        private let number: UInt8

        private init(_ number: UInt8) { self.number = number }

        /// The bytes end before the value does.
        public static let truncated = Code(1)
        /// A length or a count is negative, or more than what follows can hold.
        public static let invalidLength = Code(2)
        /// A null stands where the version allows none.
        public static let unexpectedNull = Code(3)
        /// A string is not UTF-8.
        public static let invalidString = Code(4)
        /// A variable-length integer does not end, or exceeds 32 bits.
        public static let invalidVarint = Code(5)
        /// A tagged field is longer or shorter than it said.
        public static let invalidTaggedField = Code(6)
        /// The message has no such version.
        public static let unsupportedVersion = Code(7)
        /// A field has a value, and the version written has no place for it.
        public static let fieldNotInVersion = Code(8)
        /// Bytes are left behind the message where none may be.
        public static let trailingBytes = Code(9)
        /// A value is too long for the length in front of it.
        public static let tooLong = Code(10)
    }

    /// What kind of error this is.
    public let code: Code
    /// Where and what, for people.
    public let detail: String

    /// An error of `code`, with a sentence for people.
    public init(_ code: Code, _ detail: String) {
        self.code = code
        self.detail = detail
    }
}

extension WireError: CustomStringConvertible {
    /// The sentence for people.
    public var description: String { detail }
}

extension WireError {
    static func fieldNotInVersion(_ field: String, _ version: Int16) -> WireError {
        WireError(.fieldNotInVersion, "\(field) has a value, and version \(version) has no place for it")
    }

    /// The value, which the version does not let be null.
    static func unwrap<Value>(_ value: Value?, _ field: String, _ version: Int16) throws(WireError) -> Value {
        guard let value else { throw WireError(.unexpectedNull, "\(field) may not be null in version \(version)") }
        return value
    }
}
