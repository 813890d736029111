/// Why settings were refused.
public struct SettingError: Error, Hashable, CustomStringConvertible {
    /// The kinds that callers tell apart.
    public struct Code: Hashable, Sendable {
        let label: String

        /// There is no setting of that name.
        public static let unknownName = Code(label: "unknownName")
        /// Kafka has a setting of that name, and this broker does not.
        public static let unsupported = Code(label: "unsupported")
        /// The setting cannot be changed while the node runs.
        public static let readOnly = Code(label: "readOnly")
        /// The setting does not take that value.
        public static let invalidValue = Code(label: "invalidValue")
    }

    /// Which kind.
    public var code: Code
    /// The setting's name as it was given.
    public var name: String
    /// One sentence for who set it.
    public var message: String

    init(_ code: Code, name: String, _ message: String) {
        self.code = code
        self.name = name
        self.message = message
    }

    /// The sentence.
    public var description: String { message }
}
