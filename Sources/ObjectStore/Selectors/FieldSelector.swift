/// Which objects are meant, by their fields: all requirements must hold.
public struct FieldSelector: Sendable, Hashable {
    /// One thing that must hold: a field equals a text, or does not.
    public struct Requirement: Sendable, Hashable {
        /// The path: `metadata.name`, `spec.partitions`, `status.phase`.
        public var path: String {
            didSet { steps = Self.steps(of: path) }
        }
        /// What it is compared with: the field as text; a missing field is the empty text.
        public var value: String
        /// Whether it must be equal.
        public var isEqual: Bool
        /// The path's members: taken apart once, not for each object.
        private var steps: [String]

        /// `path=value`, or `path!=value`.
        public init(_ path: String, isEqual: Bool = true, _ value: String) {
            self.path = path
            self.value = value
            self.isEqual = isEqual
            steps = Self.steps(of: path)
        }

        private static func steps(of path: String) -> [String] { path.split(separator: ".").map(String.init) }

        /// Whether it holds of an object.
        func matches(_ object: Object) -> Bool { (object.fieldText(steps) == value) == isEqual }
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
        requirements.allSatisfy { $0.matches(object) }
    }
}

extension Object {
    /// A field as selectors compare it: strings as they are, numbers and truth values as JSON, what is missing or
    /// has members as the empty text.
    public func fieldText(at path: String) -> String {
        fieldText(path.split(separator: ".").map(String.init))
    }

    fileprivate func fieldText(_ steps: [String]) -> String {
        guard let first = steps.first else { return "" }
        switch first {
        case "metadata": return metadataText(steps)
        case "kind": return steps.count == 1 ? kind : ""
        case "apiVersion": return steps.count == 1 ? apiVersion : ""
        default: return Self.text(content[first], steps.dropFirst())
        }
    }

    private func metadataText(_ steps: [String]) -> String {
        if steps.count == 2 {
            switch steps[1] {
            case "name": return metadata.name
            case "namespace": return metadata.namespace
            case "uid": return metadata.uid
            default: break
            }
        }
        return Self.text(metadata.json, steps.dropFirst())
    }

    private static func text(_ value: JSONValue?, _ steps: ArraySlice<String>) -> String {
        var value = value
        for step in steps { value = value?[step] }
        switch value {
        case .string(let text): return text
        case .integer(let number): return String(number)
        case .number(let number): return String(number)
        case .bool(let flag): return flag ? "true" : "false"
        default: return ""
        }
    }
}
