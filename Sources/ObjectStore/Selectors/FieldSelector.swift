/// Which objects are meant, by their fields: all requirements must hold.
public struct FieldSelector: Sendable, Hashable {
    /// One thing that must hold: a field equals a text, or does not.
    public struct Requirement: Sendable, Hashable {
        /// The path: `metadata.name`, `spec.partitions`, `status.phase`.
        public var path: String
        /// What it is compared with: the field as text; a missing field is the empty text.
        public var value: String
        /// Whether it must be equal.
        public var isEqual: Bool

        /// `path=value`, or `path!=value`.
        public init(_ path: String, isEqual: Bool = true, _ value: String) {
            self.path = path
            self.value = value
            self.isEqual = isEqual
        }
    }

    /// What must hold.
    public var requirements: [Requirement]

    /// All of these.
    public init(_ requirements: [Requirement]) {
        self.requirements = requirements
    }

    /// Every object.
    public static let everything = FieldSelector([])

    /// Whether an object is meant.
    public func matches(_ object: Object) -> Bool {
        requirements.allSatisfy { (object.fieldText(at: $0.path) == $0.value) == $0.isEqual }
    }
}

extension Object {
    /// A field as selectors compare it: strings as they are, numbers and truth values as JSON, what is missing or
    /// has members as the empty text.
    public func fieldText(at path: String) -> String {
        switch path {
        case "metadata.name": return metadata.name
        case "metadata.namespace": return metadata.namespace
        case "metadata.uid": return metadata.uid
        case "kind": return kind
        case "apiVersion": return apiVersion
        default: break
        }
        var steps = path.split(separator: ".")
        guard !steps.isEmpty else { return "" }
        var value = content[String(steps.removeFirst())]
        for step in steps { value = value?[String(step)] }
        switch value {
        case .string(let text): return text
        case .integer(let number): return String(number)
        case .number(let number): return String(number)
        case .bool(let flag): return flag ? "true" : "false"
        default: return ""
        }
    }
}
