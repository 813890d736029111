/// A JSON value (RFC 8259), as objects carry it: what is not known is kept.
///
/// Whole numbers that fit 64 bits stay exact. Members of an object have no order; they are written sorted, so that
/// equal values give equal bytes.
public enum JSONValue: Sendable, Hashable {
    /// `null`.
    case null
    /// `true` or `false`.
    case bool(Bool)
    /// A number without fraction or exponent that fits 64 bits.
    case integer(Int64)
    /// Any other number.
    case number(Double)
    /// A string.
    case string(String)
    /// An array.
    case array([JSONValue])
    /// An object.
    case object([String: JSONValue])
}

extension JSONValue {
    /// The member of an object; nil where there is none, or it is no object. Setting nil removes the member; setting
    /// one makes an object of what is none.
    public subscript(member: String) -> JSONValue? {
        get {
            guard case .object(let members) = self else { return nil }
            return members[member]
        }
        set {
            var members: [String: JSONValue] = [:]
            if case .object(let existing) = self { members = existing }
            // The old members are let go first, so that the change does not copy them.
            self = .null
            members[member] = newValue
            self = .object(members)
        }
    }

    /// The string; nil where it is none.
    public var stringValue: String? {
        if case .string(let text) = self { text } else { nil }
    }

    /// The whole number; nil where it is none.
    public var integerValue: Int64? {
        if case .integer(let number) = self { number } else { nil }
    }

    /// The truth value; nil where it is none.
    public var boolValue: Bool? {
        if case .bool(let flag) = self { flag } else { nil }
    }

    /// The elements; nil where it is no array.
    public var arrayValue: [JSONValue]? {
        if case .array(let elements) = self { elements } else { nil }
    }

    /// The members; nil where it is no object.
    public var objectValue: [String: JSONValue]? {
        if case .object(let members) = self { members } else { nil }
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByFloatLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
    /// A string.
    public init(stringLiteral value: String) { self = .string(value) }
    /// A whole number.
    public init(integerLiteral value: Int64) { self = .integer(value) }
    /// A truth value.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    /// A number.
    public init(floatLiteral value: Double) { self = .number(value) }
    /// An array.
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    /// An object; of members with one name the last one stays.
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(Dictionary(elements, uniquingKeysWith: { $1 }))
    }
    /// `null`.
    public init(nilLiteral: ()) { self = .null }
}
