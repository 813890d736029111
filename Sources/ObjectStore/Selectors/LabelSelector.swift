/// Which objects are meant, by their labels: all requirements must hold.
public struct LabelSelector: Sendable, Hashable {
    /// One thing that must hold.
    public enum Requirement: Sendable, Hashable {
        /// `key in (a, b)`, `key=a`.
        case isIn(String, Set<String>)
        /// `key notin (a, b)`, `key!=a`: also true where the label is missing.
        case isNotIn(String, Set<String>)
        /// `key`.
        case exists(String)
        /// `!key`.
        case doesNotExist(String)
    }

    /// What must hold.
    public var requirements: [Requirement]

    /// All of these.
    public init(_ requirements: [Requirement]) {
        self.requirements = requirements
    }

    /// Those labels, with those values.
    public init(_ labels: [String: String]) {
        requirements = labels.sorted { $0.key < $1.key }.map { .isIn($0.key, [$0.value]) }
    }

    /// Every object.
    public static let everything = LabelSelector([Requirement]())

    /// Whether an object with these labels is meant.
    public func matches(_ labels: [String: String]) -> Bool {
        for requirement in requirements {
            switch requirement {
            case .isIn(let key, let values):
                guard let value = labels[key], values.contains(value) else { return false }
            case .isNotIn(let key, let values):
                if let value = labels[key], values.contains(value) { return false }
            case .exists(let key):
                if labels[key] == nil { return false }
            case .doesNotExist(let key):
                if labels[key] != nil { return false }
            }
        }
        return true
    }
}
