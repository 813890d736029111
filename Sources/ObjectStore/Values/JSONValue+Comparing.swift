extension JSONValue {
    /// Whether both are the same JSON: unlike `==` also where one has a whole number as `1` and the other as `1.0`.
    public func isEqualByValue(to other: JSONValue) -> Bool {
        switch (self, other) {
        case (.integer(let whole), .number(let number)), (.number(let number), .integer(let whole)):
            return Int64(exactly: number) == whole
        case (.array(let left), .array(let right)):
            return left.count == right.count && zip(left, right).allSatisfy { $0.isEqualByValue(to: $1) }
        case (.object(let left), .object(let right)):
            guard left.count == right.count else { return false }
            return left.allSatisfy { name, value in right[name]?.isEqualByValue(to: value) ?? false }
        default: return self == other
        }
    }

    /// Whether arrays and objects lie in each other more than `depthMax` times.
    public func isDeeper(than depthMax: Int) -> Bool {
        switch self {
        case .object(let members): depthMax == 0 || members.values.contains { $0.isDeeper(than: depthMax - 1) }
        case .array(let elements): depthMax == 0 || elements.contains { $0.isDeeper(than: depthMax - 1) }
        default: false
        }
    }

    /// The value as messages show it: what is long is cut.
    var shortText: String {
        switch self {
        case .array(let elements): return "an array of \(elements.count)"
        case .object(let members): return "an object of \(members.count) members"
        case .string(let text) where text.utf8.count > 60: return "\(JSONValue.string(String(text.prefix(57))).text)…"
        default: return text
        }
    }
}
